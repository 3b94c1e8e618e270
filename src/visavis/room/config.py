"""What a session is asked to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

from visavis.acting import DEFAULT_IDLE_STYLE, IdleStyle
from visavis.background import KEEP, Background
from visavis.errors import RoomError

LOOK_AHEADS_MS: Final = (0, 40, 80, 120)
DEFAULT_LOOK_AHEAD_MS: Final = 40
DEFAULT_IDLE_TIMEOUT_S: Final = 60.0

Codec = Literal["vp8", "h264"]


@dataclass(frozen=True, slots=True)
class VideoConfig:
    """The picture that is published."""

    width_px: int = 512
    height_px: int = 512
    fps: int = 25
    max_bitrate_bps: int = 500_000
    """A talking head of 512x512 has 47.7 dB with 450 kbit/s, 48.9 with 800, 46.7 with 300, 42.0 with 70."""
    codec: Codec = "vp8"
    """VP8 looks better at the same rate and every client decodes it; H.264 costs a third less CPU."""
    background: Background = KEEP
    """What is behind the face; a room's video has no alpha, so never a transparent one."""


@dataclass(frozen=True, slots=True)
class SessionConfig:
    """One agent in one room."""

    session_id: str
    agent_id: str
    room_url: str
    room_token: str = field(repr=False)
    participant_name: str | None = None
    """What others should see; the token's name where None."""
    listen_to: str | None = None
    """Identity whose microphone moves the lips; whoever speaks, agents excepted, where None."""
    video: VideoConfig = VideoConfig()
    look_ahead_ms: int = DEFAULT_LOOK_AHEAD_MS
    idle_timeout_s: float = DEFAULT_IDLE_TIMEOUT_S
    """Leave after so long with nobody to talk to; 0 stays for ever."""
    relay_audio: bool = False
    """Republish the heard voice in step with the lips."""
    idle_style: IdleStyle = DEFAULT_IDLE_STYLE
    """How lively the face is where nothing else is asked of it."""
    controllers: tuple[str, ...] = ()
    """Identities that may move the face by data messages, besides the agent and ``listen_to``."""
    resumes: bool = False
    """A process of this session died: an agent that speaks through it may wait for an answer."""
    seed: int = 0


def signalling_url(room_url: str) -> str:
    """The room's URL with a WebSocket scheme and no trailing slash.

    Raises:
        RoomError: ``room_url_invalid``.
    """
    try:
        parts = urlsplit(room_url.strip())
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        parts, port_is_valid = urlsplit(""), False
    scheme = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}.get(parts.scheme)
    if scheme is None or not parts.hostname or not port_is_valid or parts.username or parts.query:
        raise RoomError(
            "room_url_invalid",
            "The room URL is not one of a LiveKit server.",
            "It looks like wss://example.livekit.cloud or ws://127.0.0.1:7880.",
        )
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}"
