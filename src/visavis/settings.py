"""Configuration: environment variables ``VISAVIS_*`` and one TOML file, the environment winning.

The file is ``VISAVIS_CONFIG``, or ``visavis.toml`` in the data folder where that is not set; its keys are the
variables' names without the prefix, in lower case. A name nobody knows is refused: a typo must not be silence.
docs/configuration.md lists every setting.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from visavis.errors import VisavisError

ENV_PREFIX: Final = "VISAVIS_"
CONFIG_VARIABLE: Final = "VISAVIS_CONFIG"
CONFIG_NAME: Final = "visavis.toml"

LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Settings(BaseSettings):
    """Everything that can be configured; build it with :func:`load_settings`."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, extra="forbid", frozen=True)

    data_dir: Path = Field(default_factory=lambda: default_data_dir())
    """Where everything lives that must survive a restart: database, portraits, avatars, keys."""

    host: str = "127.0.0.1"
    """Address the API listens on."""

    port: int = Field(7700, ge=1, le=65535)
    """TCP port of the API."""

    api_key: SecretStr | None = None
    """The key clients send as ``Authorization: Bearer``; one is made and kept where this is not set."""

    livekit_url: str | None = None
    """A LiveKit server of one's own, ``ws://`` or ``wss://``; without it ``visavis up`` starts one."""

    livekit_api_key: str | None = None
    """Key of that server: makes room tokens and looks into rooms."""

    livekit_api_secret: SecretStr | None = None
    """Secret of that key."""

    livekit_server: Path | None = None
    """The livekit-server program that ``visavis up`` starts; looked for on ``PATH`` where not set."""

    livekit_port: int = Field(7880, ge=1, le=65535)
    """TCP port of the livekit-server that ``visavis up`` starts."""

    database_url: str | None = None
    """SQLAlchemy URL; a SQLite file in the data folder where not set."""

    max_sessions: int | None = Field(None, ge=1)
    """Sessions this machine may hold at once; estimated from its processors where not set."""

    max_portrait_mb: int = Field(20, ge=1, le=200)
    """Largest portrait file accepted, in megabytes."""

    portrait_hosts: Annotated[tuple[str, ...], NoDecode] = ()
    """Hosts on private networks from which portraits named by URL may be fetched; comma-separated."""

    demo_agents: bool = True
    """Make the demo agents on the first start."""

    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    """Origins whose pages may call the API from a browser; comma-separated in the environment."""

    studio: bool = True
    """Serve the Studio page, and hand the API key to it when it is opened on this machine itself."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is logged at least."""

    log_format: Literal["text", "json"] = "text"
    """Lines for people, or a JSON object per line for programs."""

    drain_s: float = Field(0.0, ge=0, le=86_400)
    """How long running sessions may go on after SIGTERM; docs/configuration.md says why not at all by default."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments win over the environment, the environment over the file."""
        return init_settings, env_settings, InitSettingsSource(settings_cls, _file_values())

    @field_validator("cors_origins", "portrait_hosts", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip().rstrip("/") for part in value.split(",") if part.strip())
        return value

    @field_validator("data_dir", "livekit_server")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value and value.expanduser().absolute()

    @field_validator("livekit_url")
    @classmethod
    def _room_url(cls, value: str | None) -> str | None:
        if value is None:
            return None
        parts = urlsplit(value)
        if parts.scheme not in {"ws", "wss", "http", "https"} or not parts.hostname:
            raise ValueError("give a URL such as wss://livekit.example.com")
        return value.rstrip("/")

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @model_validator(mode="after")
    def _key_and_secret_together(self) -> Self:
        if (self.livekit_api_key is None) != (self.livekit_api_secret is None):
            raise ValueError("livekit_api_key and livekit_api_secret are only useful together: set both")
        return self

    @property
    def database(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite+aiosqlite:///{self.data_dir / 'visavis.db'}"

    @property
    def listens_on_loopback(self) -> bool:
        """Whether only this machine itself reaches the API."""
        return self.host in LOOPBACK_HOSTS


def default_data_dir() -> Path:
    """``$XDG_DATA_HOME/visavis``, by default ``~/.local/share/visavis``."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "visavis"


def config_path() -> Path:
    """The configuration file in force; it may not exist."""
    named = os.environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named).expanduser()
    data_dir = os.environ.get(f"{ENV_PREFIX}DATA_DIR")
    return (Path(data_dir).expanduser() if data_dir else default_data_dir()) / CONFIG_NAME


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process; ``overrides`` win over the environment and the file.

    Raises:
        VisavisError: ``bad_setting``: an unknown name or a value that does not fit, with its name and where it is.
    """
    for variable in os.environ:
        name = variable.removeprefix(ENV_PREFIX).lower()
        if variable.startswith(ENV_PREFIX) and variable != CONFIG_VARIABLE and name not in Settings.model_fields:
            raise _unknown(variable, "in the environment", [f"{ENV_PREFIX}{n.upper()}" for n in _names()])
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None})
    except ValidationError as error:
        raise _bad_value(error) from None


def _names() -> list[str]:
    return list(Settings.model_fields)


def _file_values() -> dict[str, Any]:
    path = config_path()
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if os.environ.get(CONFIG_VARIABLE):
            raise VisavisError(
                "bad_setting",
                f"The configuration file {path} does not exist.",
                f"Create it, or unset {CONFIG_VARIABLE}.",
            ) from None
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise VisavisError(
            "bad_setting", f"The configuration file {path} cannot be read: {error}.", "It must be valid TOML."
        ) from None
    for name in values:
        if name not in Settings.model_fields:
            raise _unknown(name, f"in {path}", _names())
    return values


def _unknown(name: str, place: str, known: list[str]) -> VisavisError:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    hint = f"Did you mean {close[0]}?" if close else f"Known: {', '.join(sorted(known))}."
    return VisavisError("bad_setting", f"There is no setting {name} ({place}).", hint)


def _bad_value(error: ValidationError) -> VisavisError:
    problems = []
    for detail in error.errors(include_input=False, include_url=False):
        name = ".".join(str(part) for part in detail["loc"])
        reason = detail["msg"].removeprefix("Value error, ")
        problems.append(f"{name}: {reason}" if name else reason)
    return VisavisError(
        "bad_setting",
        f"A setting does not fit. {'; '.join(problems)}.",
        f"It is set in the environment ({ENV_PREFIX}...) or in {config_path()}.",
    )
