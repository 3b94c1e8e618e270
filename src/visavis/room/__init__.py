"""The avatar as a LiveKit participant. See docs/room.md."""

from visavis.room.config import DEFAULT_IDLE_TIMEOUT_S, DEFAULT_LOOK_AHEAD_MS, SessionConfig, VideoConfig
from visavis.room.events import Joined, SessionState, SpeechEnded, StateChanged, Stats
from visavis.room.session import RoomSession

__all__ = [
    "DEFAULT_IDLE_TIMEOUT_S",
    "DEFAULT_LOOK_AHEAD_MS",
    "Joined",
    "RoomSession",
    "SessionConfig",
    "SessionState",
    "SpeechEnded",
    "StateChanged",
    "Stats",
    "VideoConfig",
]
