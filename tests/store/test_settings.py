"""Settings: the environment over the file, and no silent typo."""

import os
from pathlib import Path

import pytest

from visavis.errors import VisavisError
from visavis.settings import load_settings


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("VISAVIS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("VISAVIS_DATA_DIR", str(tmp_path))


def test_without_configuration_it_listens_on_this_machine_only() -> None:
    settings = load_settings()
    assert settings.host == "127.0.0.1" and settings.listens_on_loopback
    assert settings.port == 7700
    assert settings.api_key is None and settings.livekit_url is None


def test_the_database_is_a_file_in_the_data_folder_unless_named(tmp_path: Path) -> None:
    assert load_settings().database == f"sqlite+aiosqlite:///{tmp_path}/visavis.db"
    assert load_settings(database_url="postgresql+asyncpg://db/x").database == "postgresql+asyncpg://db/x"


def test_the_file_is_read_the_environment_wins_and_arguments_win_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "visavis.toml").write_text('port = 1111\nhost = "0.0.0.0"\nmax_sessions = 3\n')
    monkeypatch.setenv("VISAVIS_PORT", "2222")
    settings = load_settings(max_sessions=5)
    assert (settings.host, settings.port, settings.max_sessions) == ("0.0.0.0", 2222, 5)


def test_the_file_may_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "other.toml"
    path.write_text('cors_origins = ["https://a.example", "https://b.example"]')
    monkeypatch.setenv("VISAVIS_CONFIG", str(path))
    assert load_settings().cors_origins == ("https://a.example", "https://b.example")


def test_origins_are_comma_separated_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_CORS_ORIGINS", "https://a.example/, https://b.example")
    assert load_settings().cors_origins == ("https://a.example", "https://b.example")


def test_secrets_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_API_KEY", "hush")
    settings = load_settings()
    assert "hush" not in repr(settings)
    assert settings.api_key is not None and settings.api_key.get_secret_value() == "hush"


def refusal() -> VisavisError:
    with pytest.raises(VisavisError) as caught:
        load_settings()
    assert caught.value.code == "bad_setting"
    return caught.value


def test_an_unknown_variable_is_refused_with_the_name_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISAVIS_LIVEKIT_ULR", "ws://x")
    error = refusal()
    assert "VISAVIS_LIVEKIT_ULR" in error.message
    assert error.hint == "Did you mean VISAVIS_LIVEKIT_URL?"


def test_an_unknown_name_in_the_file_is_refused_with_the_name_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "visavis.toml").write_text("max_session = 3")
    error = refusal()
    assert "visavis.toml" in error.message and error.hint == "Did you mean max_sessions?"


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("VISAVIS_PORT", "seventy", "port"),
        ("VISAVIS_PORT", "70000", "port"),
        ("VISAVIS_LIVEKIT_URL", "livekit.example.com", "wss://"),
        ("VISAVIS_LIVEKIT_API_KEY", "alone", "set both"),
        ("VISAVIS_LOG_LEVEL", "loud", "log_level"),
        ("VISAVIS_LOG_FORMAT", "xml", "log_format"),
        ("VISAVIS_DRAIN_S", "-1", "drain_s"),
        ("VISAVIS_CONFIG", "/nowhere/visavis.toml", "/nowhere/visavis.toml"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    error = refusal()
    assert said in error.message + error.hint


def test_a_file_that_is_not_toml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "visavis.toml").write_text("port: 1")
    assert "TOML" in refusal().hint
