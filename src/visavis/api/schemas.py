"""What the API takes and gives. Unknown fields are refused: a misspelt option must not be silence."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from visavis.acting import (
    DEFAULT_EMOTION_INTENSITY,
    DEFAULT_GESTURE_INTENSITY,
    DEFAULT_HOLD_S,
    EMOTIONS,
    GESTURES,
    MAX_HOLD_S,
    Act,
    Direction,
    IdleStyle,
    checked_act,
    checked_direction,
)
from visavis.store import Agent

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Identity = Annotated[str, StringConstraints(min_length=1, max_length=200)]


Backdrop = Annotated[
    str,
    StringConstraints(pattern="^(keep|blur|picture|#[0-9a-fA-F]{6})$"),
    Field(
        description="What is behind the face: keep (the photo's own, the default), blur, a colour, or the agent's "
        "background picture.",
        examples=["blur", "#00ff00"],
    ),
]


class Request(BaseModel):
    """Base of every body."""

    model_config = ConfigDict(extra="forbid")


class ErrorBody(BaseModel):
    """What went wrong."""

    code: str = Field(description="Stable; what programs test for.", examples=["agent_not_found"])
    message: str = Field(description="What is wrong and where.", examples=["There is no agent 'adda'."])
    hint: str = Field(description="What to do about it; may be empty.")


class ErrorResponse(BaseModel):
    """The one form of every error."""

    error: ErrorBody


class VideoOptions(Request):
    """The picture a session publishes."""

    width: int | None = Field(None, ge=128, le=1280, multiple_of=2, examples=[512])
    height: int | None = Field(None, ge=128, le=1280, multiple_of=2, examples=[512])
    fps: int | None = Field(None, ge=10, le=30, examples=[25])
    max_bitrate: int | None = Field(None, ge=100_000, le=8_000_000, description="bit/s", examples=[1_200_000])
    codec: Literal["vp8", "h264"] | None = None
    background: Backdrop | None = None


class ShowEmotion(Request):
    """An emotion that the face takes on."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"emotion": "happy", "intensity": 0.7, "duration_s": 5}]}
    )

    emotion: str = Field(description=f"One of {', '.join(EMOTIONS)}.")
    intensity: float = Field(DEFAULT_EMOTION_INTENSITY, description="0 to 1.")
    duration_s: float | None = Field(None, description="How long; until another comes where absent.")

    def act(self) -> Act:
        """The same for the service. Raises ``emotion_unknown``, ``act_invalid``."""
        return checked_act({"emotion": self.emotion, "intensity": self.intensity, "duration_s": self.duration_s})


class MakeGesture(Request):
    """A movement that begins at once and ends by itself."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"gesture": "nod"}, {"gesture": "laugh", "intensity": 0.6}]}
    )

    gesture: str = Field(description=f"One of {', '.join(GESTURES)}.")
    intensity: float = Field(DEFAULT_GESTURE_INTENSITY, description="0 to 1.")

    def act(self) -> Act:
        """The same for the service. Raises ``gesture_unknown``, ``act_invalid``."""
        return checked_act({"gesture": self.gesture, "intensity": self.intensity})


class Face(Request):
    """Controls of the face that somebody outside moves."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"controls": {"jawOpen": 0.3, "headYaw": 5}, "hold_s": 2}]}
    )

    controls: dict[str, float] = Field(
        description="ARKit's blendshapes, 0 to 1, and headYaw, headPitch, headRoll in degrees, headX, headY, headZ in "
        "mm. What is not named goes on by itself."
    )
    time_s: float | None = Field(
        None, description="By the sender's clock: states are played evenly, 80 ms later. At once where absent."
    )
    hold_s: float = Field(
        DEFAULT_HOLD_S, gt=0, le=MAX_HOLD_S, description="Let go, smoothly, after so long without another."
    )

    def direction(self) -> Direction:
        """The same for the service. Raises ``control_unknown``, ``face_invalid``."""
        return checked_direction({"controls": self.controls, "time_s": self.time_s, "hold_s": self.hold_s})


class Acting(BaseModel):
    """The session's face does it, or follows."""

    success: Literal[True] = True
    session_id: str


class SessionOptions(Request):
    """How an agent behaves in a room."""

    video: VideoOptions | None = None
    look_ahead_ms: Literal[0, 40, 80, 120] | None = Field(
        None, description="How far the lips see ahead in a microphone's sound: more is truer, and later. Default 40."
    )
    idle_timeout_s: float | None = Field(
        None, ge=1, le=86_400, description="Leave after this long with nobody to talk to."
    )
    relay_audio: bool | None = Field(
        None, description="Publish the heard voice again, in sync with the lips. Default false."
    )
    idle_style: IdleStyle | None = Field(
        None, description="How lively the face is where nothing else is asked of it. Default calm."
    )


class AgentSettings(SessionOptions):
    """What an agent brings into each of its sessions, unless the session says otherwise."""

    voice: str | None = Field(None, max_length=100, description="Name of the voice it speaks with.")
    language: str | None = Field(None, max_length=35, description="Language it speaks, such as en or de-DE.")


class JoinRoom(SessionOptions):
    """An invitation into a room."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "room_url": "wss://livekit.example.com",
                    "room_token": "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9...",
                    "participant_name": "Ada",
                }
            ]
        },
    )

    room_url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
    room_token: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)]
    participant_name: Name | None = Field(
        None, description="What others see; the token's name where absent, the agent's where that has none."
    )
    listen_to: Identity | None = Field(
        None, description="Identity of the one participant to hear; whoever speaks where absent."
    )
    controllers: Annotated[list[Identity], Field(max_length=20)] | None = Field(
        None,
        description="Identities that may move its face by data messages, besides `listen_to` and the agent that "
        "speaks through it.",
    )


class JoinWarning(BaseModel):
    """Something that did not go as asked and did not stop the join."""

    code: str = Field(examples=["name_not_set"])
    message: str


class Joined(BaseModel):
    """The agent is in the room and its video is published."""

    success: Literal[True] = True
    participant_id: str = Field(examples=["PA_8xvyWn7GgDkp"])
    status: Literal["connected"] = "connected"
    session_id: str = Field(examples=["ses_4b1f0c9ad27e"])
    warnings: list[JoinWarning] = []


class LeaveRoom(Request):
    """Which of the agent's sessions to end; all of them where absent."""

    session_id: str | None = None


class Left(BaseModel):
    """The agent is out of the room."""

    success: Literal[True] = True
    status: Literal["left"] = "left"


class Speak(Request):
    """A text to say. `[nod]`, `[happy]`, `[sad:0.4]` in it are done where they stand; `[[` is a bracket."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"text": "[happy] Hello! Nice to meet you. [nod]", "language": "en"}]},
    )

    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000)]
    language: Annotated[str, StringConstraints(min_length=2, max_length=35)] | None = None
    voice: Annotated[str, StringConstraints(min_length=1, max_length=100)] | None = None


class Spoken(BaseModel):
    """The agent is saying it, or will when what it is saying has ended."""

    success: Literal[True] = True
    session_id: str
    status: Literal["speaking", "queued"]


class Interrupted(BaseModel):
    """The agent has fallen silent."""

    success: Literal[True] = True
    session_id: str
    status: Literal["interrupted"] = "interrupted"
    played_s: float = Field(description="How much of the current utterance was heard, in seconds.")


class Note(BaseModel):
    """Something the owner of a photo should know about it."""

    code: str = Field(examples=["several_faces"])
    message: str


class AgentOut(BaseModel):
    """An agent."""

    agent_id: str = Field(examples=["ada"])
    name: str = Field(examples=["Ada"])
    status: Literal["processing", "ready", "failed"]
    progress: float = Field(ge=0, le=1)
    step: str = Field(description="What is being done, in words.")
    error: ErrorBody | None = Field(None, description="Why it failed.")
    notes: list[Note]
    quality: float | None = Field(
        description="How good the photo is, 0 to 100; the notes say why it is not better. Null until it was looked at."
    )
    settings: AgentSettings
    demo: bool = Field(description="Whether it came with visavis.")
    portrait_url: str = Field(description="Its picture, once it is ready; needs the key.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, agent: Agent) -> Self:
        """What the API shows of a stored agent."""
        return cls(
            agent_id=agent.agent_id,
            name=agent.name,
            status=agent.status,
            progress=agent.progress,
            step=agent.step,
            error=ErrorBody(**agent.error) if agent.error else None,
            notes=[Note(**note) for note in agent.notes],
            quality=agent.quality,
            settings=AgentSettings(**agent.settings),
            demo=agent.demo is not None,
            portrait_url=f"/v1/agents/{agent.agent_id}/portrait",
            created_at=agent.created_at,
            updated_at=agent.updated_at,
        )


class AgentList(BaseModel):
    """Every agent, oldest first."""

    agents: list[AgentOut]


class AgentDeleted(BaseModel):
    """The agent is gone, its sessions ended and its files removed."""

    success: Literal[True] = True
    agent_id: str
    status: Literal["deleted"] = "deleted"


class RoomToken(Request):
    """LiveKit's standard token-endpoint request; everything is optional."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"room_name": "hall", "participant_identity": "kim", "participant_name": "Kim"}]
        },
    )

    room_name: Name | None = None
    participant_identity: Identity | None = None
    participant_name: Name | None = None
    participant_metadata: Annotated[str, StringConstraints(max_length=65_536)] | None = None
    participant_attributes: dict[str, str] | None = None
    room_config: dict[str, Any] | None = Field(None, description="LiveKit's RoomConfiguration as JSON.")


class RoomTokenOut(BaseModel):
    """LiveKit's standard token-endpoint response."""

    server_url: str = Field(examples=["ws://127.0.0.1:7880"])
    participant_token: str


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"
    version: str


class Places(BaseModel):
    """Sessions that run on this machine, and whether one more would be let in."""

    running: int = Field(description="Sessions in rooms and streams over WebSockets.")
    max: int = Field(description="As many as may run at once.")
    strain: float = Field(
        ge=0, le=1, description="Share of the sessions' ticks of the last ten seconds without time to draw."
    )
    accepting: bool
    refusal: Literal["count", "strain", "stopping"] | None = Field(
        description="Why none would be let in: as many as may run, no time to draw for those that do, or stopping."
    )


class Readiness(BaseModel):
    """Whether this visavis works, part by part, and whether it takes sessions."""

    status: Literal["ready", "full", "stopping", "not_ready"] = Field(
        description="`ready` and `full` come with 200: a full machine still serves the sessions it has."
    )
    checks: dict[str, bool] = Field(examples=[{"database": True, "livekit": True}])
    sessions: Places
