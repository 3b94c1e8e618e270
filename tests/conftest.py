"""What every test may use: an avatar, speech, a real livekit-server."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

from support.clips import filmed, looks_around, talks, video
from support.room_server import RoomServer, running_server
from support.voice import espeak
from visavis.avatar import Avatar
from visavis.embedded import find_livekit_server


@pytest.fixture(scope="session")
def ada_avatar() -> Avatar:
    """Built from the demo portrait."""
    return Avatar.from_photo((files("visavis.portrait") / "demo" / "ada.png").read_bytes())


@pytest.fixture(scope="session")
def ada_avatar_path(ada_avatar: Avatar, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file."""
    path = tmp_path_factory.mktemp("avatars") / "ada.avatar"
    ada_avatar.save(path)
    return path


@pytest.fixture(scope="session")
def livekit_program() -> Path:
    """The real livekit-server."""
    configured = os.environ.get("VISAVIS_LIVEKIT_SERVER")
    built = Path(__file__).parents[1] / ".cache" / "bin" / "livekit-server"
    return find_livekit_server(Path(configured) if configured else built if built.exists() else None)


@pytest.fixture(scope="session")
def room_server(livekit_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RoomServer]:
    """A livekit-server on a free port, for the whole run."""
    with running_server(livekit_program, tmp_path_factory.mktemp("livekit") / "server.log") as server:
        yield server


@pytest.fixture(scope="session")
def speech_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of speech with many open vowels."""
    return espeak("Papa saw a large car far apart.", tmp_path_factory.mktemp("speech") / "papa.wav")


@pytest.fixture(scope="session")
def silent_clip(ada_avatar: Avatar) -> bytes:
    """A video file in which ada looks around."""
    return video(filmed(ada_avatar, looks_around, 2.6))


@pytest.fixture(scope="session")
def clip_avatar(silent_clip: bytes) -> Avatar:
    """Of that clip."""
    return Avatar.from_photo(silent_clip)


@pytest.fixture(scope="session")
def talking_avatar(ada_avatar: Avatar) -> Avatar:
    """Of a clip in which she opens her mouth again and again."""
    return Avatar.from_photo(video(filmed(ada_avatar, talks, 2.6)))
