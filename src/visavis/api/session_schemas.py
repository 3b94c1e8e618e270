"""What the API shows of a session: where it stands, what happened to it, and how it is doing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, Self

from pydantic import BaseModel, Field

from visavis.api.schemas import JoinWarning
from visavis.store import Session

State = Literal["joining", "connected", "reconnecting", "leaving", "ended", "failed", "lost"]


class StateEntry(BaseModel):
    """A state that the session was in, from ``at`` on."""

    at: datetime
    state: State
    reason: str = Field(
        description="Why: joined, connection_lost, reconnected, rejoining, rejoined, crashed, restarted, left, ...",
        examples=["connection_lost"],
    )


class Connection(BaseModel):
    """The session's connection to its room, as it came to be what it is."""

    state: State
    since: datetime
    history: list[StateEntry] = Field(description="The last 50 states, oldest first.")


class RungEntry(BaseModel):
    """A rung of the ladder that the picture was on, from ``at`` on."""

    at: datetime
    rung: str = Field(examples=["384x384@25"])
    reason: Literal["", "network", "cpu"]


class Picture(BaseModel):
    """How much of the picture is sent: it steps down a ladder where network or CPU do not hold it."""

    rung: str = Field(description="Width x height @ frames per second, or `audio only`.", examples=["512x512@25"])
    reason: Literal["", "network", "cpu"] = Field(description="Why it is not full; empty where it is.")
    since: datetime
    history: list[RungEntry] = Field(description="The last 50 rungs, oldest first.")


class Crash(BaseModel):
    """A death of the session's process."""

    at: datetime
    exit: str = Field(description="How it ended: a signal's name, or an exit code.", examples=["SIGKILL"])
    outcome: Literal["restarting", "restarted", "given_up"]
    back_after_s: float | None = Field(
        description="Seconds from its death until the same participant was back with its picture.", examples=[0.9]
    )


class SessionStats(BaseModel):
    """The last second, under the names of the data message `visavis.stats` in the room. Counts are of the whole
    session, restarts included.
    """

    at: datetime | None = Field(None, description="When it was measured.")

    round_trip_ms: float | None = Field(description="Network: to the LiveKit server and back.")
    packet_loss: float = Field(0.0, ge=0, le=1, description="Network: share of sent packets that the server missed.")
    bitrate_bps: float = Field(description="Network: sent picture and sound, bit/s.")
    available_bps: float | None = Field(
        None, description="Network: what the transport thinks it may send, bit/s; null while it does not know."
    )

    fps: float = Field(description="Picture: frames handed to the encoder per second.")
    rung: str = Field("", description="Picture: its rung, see `picture`.")
    rung_reason: str = Field("", description="Picture: why it is not full: network, cpu, unwatched; empty otherwise.")
    strain: float = Field(
        0.0, ge=0, le=1, description="Picture: share of the last seconds' ticks without time to draw."
    )
    frames_rendered: int = Field(description="Picture: frames that were drawn.")
    frames_repeated: int = Field(description="Picture: ticks without a new frame.")
    ticks_late: int = Field(description="Picture: ticks for whose frame there was no time.")

    latency_ms: float = Field(description="Speech: from sound arriving at the session to it, with its lips, leaving.")
    latency_p50_ms: float | None = Field(
        None, description="Speech: the median of that over the last minute's utterances; null without any."
    )
    latency_p95_ms: float | None = Field(None, description="Speech: the same, 95th percentile.")
    audio_queue_ms: float = Field(description="Speech: sound that was handed over and has not left.")
    segments_played: int = Field(0, description="Speech: utterances that were played to their end.")
    segments_interrupted: int = Field(0, description="Speech: utterances that were interrupted.")
    speaking: bool = Field(description="Speech: whether the agent is heard now.")
    listening_to: str | None = Field(description="Speech: identity of the participant whose microphone moves the lips.")


class SessionOut(BaseModel):
    """One agent in one room."""

    session_id: str
    agent_id: str
    agent_name: str
    state: State
    reason: str | None = Field(description="Code of why it ended.")
    message: str | None = Field(description="The same in words.")
    room_url: str
    room_name: str
    identity: str
    participant_id: str | None
    participant_name: str | None
    options: dict[str, Any]
    warnings: list[JoinWarning]
    connection: Connection
    picture: Picture | None = Field(description="Null until it is known.")
    stats: SessionStats | None = Field(description="Measurements of the last second; the last ones where it ended.")
    restarts: int = Field(description="How often its process died and was started again.")
    crashes: list[Crash] = Field(description="The last 50 deaths of its process, oldest first.")
    created_at: datetime
    connected_at: datetime | None
    ended_at: datetime | None

    @classmethod
    def of(cls, session: Session) -> Self:
        """What the API shows of a stored session."""
        shown = {name: getattr(session, name) for name in cls.model_fields if name not in {"connection", "picture"}}
        return cls.model_validate(shown | {"connection": _connection(session), "picture": _picture(session)})


class SessionList(BaseModel):
    """Sessions, newest first."""

    sessions: list[SessionOut]


def _connection(session: Session) -> dict[str, Any]:
    since: Any = session.ended_at or session.connected_at or session.created_at
    for entry in reversed(session.connection):
        if entry["state"] != session.state:
            break
        since = entry["at"]
    return {"state": session.state, "since": since, "history": session.connection}


def _picture(session: Session) -> dict[str, Any] | None:
    if not session.rungs:
        return None
    last = session.rungs[-1]
    return {"rung": last["rung"], "reason": last["reason"], "since": last["at"], "history": session.rungs}
