"""Invitations into rooms: what they say, and what is wrong with some."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from visavis.acting import DEFAULT_IDLE_STYLE, IdleStyle
from visavis.background import Background
from visavis.errors import RoomError, ServiceError
from visavis.room import DEFAULT_IDLE_TIMEOUT_S, DEFAULT_LOOK_AHEAD_MS, SessionConfig, VideoConfig
from visavis.service.tokens import RoomClaims
from visavis.store import Agent, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """An invitation into a room; what is None is the agent's settings' to say, then the room's default."""

    room_url: str
    room_token: str = field(repr=False)
    participant_name: str | None = None
    listen_to: str | None = None
    video: Mapping[str, Any] | None = None
    look_ahead_ms: int | None = None
    idle_timeout_s: float | None = None
    relay_audio: bool | None = None
    idle_style: IdleStyle | None = None
    controllers: Sequence[str] | None = None

    def options(self, agent: Agent) -> dict[str, Any]:
        """The options in force, without secrets."""
        asked = {
            "listen_to": self.listen_to,
            "look_ahead_ms": self.look_ahead_ms,
            "idle_timeout_s": self.idle_timeout_s,
            "relay_audio": self.relay_audio,
            "idle_style": self.idle_style,
            "controllers": self.controllers,
        }
        defaults = {name: value for name, value in agent.settings.items() if name in asked}
        chosen = defaults | {name: value for name, value in asked.items() if value is not None}
        video = {**agent.settings.get("video", {}), **(self.video or {})}
        return chosen | ({"video": video} if video else {})


def session_config(
    session: Session, room_token: str, background: Background, *, resumes: bool = False
) -> SessionConfig:
    """What a session's process is told."""
    options = session.options
    video = options.get("video", {})
    default = VideoConfig()
    return SessionConfig(
        session_id=session.session_id,
        agent_id=session.agent_id,
        room_url=session.room_url,
        room_token=room_token,
        participant_name=session.participant_name,
        listen_to=options.get("listen_to"),
        video=VideoConfig(
            width_px=video.get("width", default.width_px),
            height_px=video.get("height", default.height_px),
            fps=video.get("fps", default.fps),
            max_bitrate_bps=video.get("max_bitrate", default.max_bitrate_bps),
            codec=video.get("codec", default.codec),
            background=background,
        ),
        look_ahead_ms=options.get("look_ahead_ms", DEFAULT_LOOK_AHEAD_MS),
        idle_timeout_s=options.get("idle_timeout_s", DEFAULT_IDLE_TIMEOUT_S),
        relay_audio=options.get("relay_audio", False),
        idle_style=options.get("idle_style", DEFAULT_IDLE_STYLE),
        controllers=tuple(options.get("controllers", ())),
        resumes=resumes,
        # Two sessions of one agent do not blink in step.
        seed=secrets.randbits(31),
    )


def checked_url(url: str) -> str:
    """A room's URL without a trailing slash. Raises ``room_url_invalid``."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"ws", "wss", "http", "https"} or not parts.hostname:
        raise ServiceError(
            "room_url_invalid",
            f"{url[:200]!r} is not the URL of a LiveKit server.",
            "Give one such as wss://livekit.example.com or ws://127.0.0.1:7880.",
        )
    return url.rstrip("/")


def identity_in_use(claims: RoomClaims) -> RoomError:
    """The error of an invitation under an identity that is in the room."""
    return RoomError(
        "identity_in_use",
        f"{claims.identity!r} is in the room {claims.room!r} already: joining would throw that participant out.",
        "Make a token with another identity, or let the agent leave first.",
    )
