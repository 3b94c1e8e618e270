"""The avatar as a LiveKit participant. See docs/room.md."""

from visavis.room.config import SessionConfig, VideoConfig
from visavis.room.events import Joined, SessionState, SpeechEnded, StateChanged, Stats
from visavis.room.session import RoomSession

__all__ = [
    "Joined",
    "RoomSession",
    "SessionConfig",
    "SessionState",
    "SpeechEnded",
    "StateChanged",
    "Stats",
    "VideoConfig",
]
