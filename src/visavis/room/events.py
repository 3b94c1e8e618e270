"""What a session tells whoever hosts it."""

from __future__ import annotations

from dataclasses import dataclass, field
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
class RungChanged:
    """The picture has moved on its ladder."""

    rung: str
    """``512x512@25``, ..., ``audio only``."""
    reason: str
    """Why it is not the full picture: ``network``, ``cpu``; empty where it is."""


@dataclass(frozen=True, slots=True)
class TokenRefreshed:
    """The LiveKit server has sent a newer token, with which the session can be taken up again."""

    room_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stats:
    """The last second."""

    fps: float
    """Frames handed to the encoder per second."""
    bitrate_bps: float
    """Sent picture and sound."""
    available_bps: float | None
    """What the transport thinks it may send; None where it does not know yet."""
    packet_loss: float
    """Share of the sent packets that the server missed, 0 to 1."""
    round_trip_ms: float | None
    latency_ms: float
    """From sound arriving here to it (or its lips) leaving."""
    latency_p50_ms: float | None
    """The same over the last minute; None where nothing was said."""
    latency_p95_ms: float | None
    rung: str
    """Where the picture is on its ladder: ``512x512@25``, ..., ``audio only``."""
    rung_reason: str
    """Why it is not full: ``network``, ``cpu``; ``unwatched`` where nobody looks; empty otherwise."""
    strain: float
    """Share of the last few seconds' ticks without time to draw."""
    frames_rendered: int
    frames_repeated: int
    ticks_late: int
    audio_queue_ms: float
    segments_played: int
    segments_interrupted: int
    speaking: bool
    listening_to: str | None


SessionEvent = Joined | StateChanged | SpeechEnded | RungChanged | TokenRefreshed | Stats
