"""Blobs and keys: whole or not at all, never outside their folder, never for others' eyes."""

import stat
from pathlib import Path

import pytest

from visavis.errors import VisavisError
from visavis.store import FolderBlobs, load_or_create_keys


def test_what_is_put_is_got_and_a_second_put_replaces_it(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    blobs.put("agents/ada/portrait", b"one")
    blobs.put("agents/ada/portrait", b"two")
    assert blobs.get("agents/ada/portrait") == b"two"
    assert [path.name for path in (tmp_path / "agents" / "ada").iterdir()] == ["portrait"]


def test_deleting_takes_everything_below_the_key_and_nothing_else(tmp_path: Path) -> None:
    blobs = FolderBlobs(tmp_path)
    for key in ("agents/ada/portrait", "agents/ada/more/avatar", "agents/ines/portrait"):
        blobs.put(key, b"x")
    blobs.delete("agents/ada")
    blobs.delete("agents/ada")
    assert blobs.get("agents/ines/portrait") == b"x"
    with pytest.raises(KeyError):
        blobs.get("agents/ada/portrait")
    assert not (tmp_path / "agents" / "ada").exists()


@pytest.mark.parametrize("key", ["../outside", "agents/../../outside", "/etc/passwd", "", "."])
def test_a_key_cannot_leave_the_folder(tmp_path: Path, key: str) -> None:
    with pytest.raises(ValueError, match="not a blob key"):
        FolderBlobs(tmp_path / "blobs").put(key, b"x")


def test_keys_are_made_once_for_their_owner_alone(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    keys = load_or_create_keys(data_dir)
    assert load_or_create_keys(data_dir) == keys
    assert stat.S_IMODE((data_dir / "keys.json").stat().st_mode) == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["keys.json"]


def test_keys_of_two_installations_differ_and_are_long(tmp_path: Path) -> None:
    one, other = load_or_create_keys(tmp_path / "1"), load_or_create_keys(tmp_path / "2")
    assert one.api_key != other.api_key and one.livekit_api_secret != other.livekit_api_secret
    assert min(len(one.api_key), len(one.livekit_api_secret)) >= 32


def test_keys_do_not_show_in_logs(tmp_path: Path) -> None:
    keys = load_or_create_keys(tmp_path)
    assert keys.api_key not in repr(keys) and keys.livekit_api_secret not in repr(keys)


def test_a_damaged_key_file_is_not_silently_replaced(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(VisavisError) as caught:
        load_or_create_keys(tmp_path)
    assert caught.value.code == "keys_unreadable"


def test_a_data_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VisavisError) as caught:
        load_or_create_keys(tmp_path / "file" / "data")
    assert caught.value.code == "data_dir_unusable"
