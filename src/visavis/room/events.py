"""What a session tells whoever hosts it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class SessionState(StrEnum):
    """Where a session stands."""

    STARTING = "starting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    LEFT = "left"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Nothing follows."""
        return self in (SessionState.LEFT, SessionState.FAILED)


@dataclass(frozen=True, slots=True)
class Joined:
    """The agent is in the room and its picture is published."""

    participant_id: str
    identity: str
    room: str
    warnings: tuple[str, ...] = ()
    """Codes of what did not work but does not matter enough to fail: ``name_not_set``."""


@dataclass(frozen=True, slots=True)
class StateChanged:
    """The session has another state."""

    state: SessionState
    reason: str = ""
    """Why: ``asked``, ``idle``, ``removed``, ``room_deleted``, ``identity_taken``, ..."""


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """A spoken segment is over."""

    played_s: float
    interrupted: bool


@dataclass(frozen=True, slots=True)
class Stats:
    """The last second."""

    fps: float
    """Frames handed to the encoder per second."""
    bitrate_bps: float
    """Sent picture and sound."""
    round_trip_ms: float | None
    latency_ms: float
    """From sound arriving here to it (or its lips) leaving."""
    frames_rendered: int
    frames_repeated: int
    ticks_late: int
    audio_queue_ms: float
    speaking: bool
    listening_to: str | None


SessionEvent = Joined | StateChanged | SpeechEnded | Stats
