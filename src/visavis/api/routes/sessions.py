"""Sessions: an agent invited into a room, watched, made to speak, sent out."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from visavis.api.dependencies import ServicesDep
from visavis.api.schemas import (
    Acting,
    ErrorResponse,
    Face,
    Interrupted,
    Joined,
    JoinRoom,
    JoinWarning,
    LeaveRoom,
    Left,
    MakeGesture,
    ShowEmotion,
    Speak,
    Spoken,
)
from visavis.api.session_schemas import SessionList, SessionOut
from visavis.service import JoinRequest

router = APIRouter(tags=["sessions"])

_ENDED: Final[dict[int | str, dict[str, Any]]] = {
    409: {"model": ErrorResponse, "description": "The session has ended."}
}
_REFUSED: Final = _ENDED | {422: {"model": ErrorResponse, "description": "A name or a value that there is not."}}


@router.post(
    "/agents/{agent_id}/join-room",
    summary="Bring an agent into a room",
    responses={
        403: {"model": ErrorResponse, "description": "The room token is expired, refused, or lacks a grant."},
        409: {"model": ErrorResponse, "description": "The agent is not ready, or its identity is in the room."},
        502: {"model": ErrorResponse, "description": "The room cannot be reached."},
        503: {"model": ErrorResponse, "description": "This machine holds as many sessions as it can, or is stopping."},
    },
)
async def join_room(services: ServicesDep, agent_id: str, request: JoinRoom) -> Joined:
    """Answers once the agent is in the room and its video is published.

    Sending the same request again while it is in the room answers with the same session.
    """
    session = await services.sessions.join(agent_id, JoinRequest(**request.model_dump(exclude_none=True)))
    assert session.participant_id is not None
    return Joined(
        participant_id=session.participant_id,
        session_id=session.session_id,
        warnings=[JoinWarning(**warning) for warning in session.warnings],
    )


@router.post("/agents/{agent_id}/leave-room", summary="Take an agent out of its rooms")
async def leave_room(services: ServicesDep, agent_id: str, request: LeaveRoom | None = None) -> Left:
    """One session, or all of the agent's; leaving what has ended already is fine."""
    await services.agents.get(agent_id)
    await services.sessions.leave(agent_id, request.session_id if request else None)
    return Left()


@router.get("/sessions", summary="List sessions")
async def list_sessions(
    services: ServicesDep,
    agent_id: Annotated[str | None, Query(description="Of this agent only.")] = None,
    live: Annotated[bool | None, Query(description="Running ones only, or ended ones only.")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> SessionList:
    """Newest first."""
    found = await services.sessions.newest(limit=limit, agent_id=agent_id, live=live)
    return SessionList(sessions=[SessionOut.of(session) for session in found])


@router.get("/sessions/{session_id}", summary="One session")
async def get_session(services: ServicesDep, session_id: str) -> SessionOut:
    """Where it stands, what happened to it, and its last measurements."""
    return SessionOut.of(await services.sessions.get(session_id))


@router.post(
    "/sessions/{session_id}/speak",
    status_code=202,
    summary="Say a text",
    responses=_REFUSED,
)
async def speak(services: ServicesDep, session_id: str, request: Speak) -> Spoken:
    """The agent's own voice, on this machine. Texts are said one after the other.

    Markup in the text is done where it stands: `[happy] Good to see you! [nod]`. An emotion lasts to the end of the
    text.
    """
    started = await services.sessions.speak(session_id, request.text, language=request.language, voice=request.voice)
    return Spoken(session_id=session_id, status="speaking" if started else "queued")


@router.post("/sessions/{session_id}/emotion", summary="Show an emotion", responses=_REFUSED)
async def show_emotion(services: ServicesDep, session_id: str, request: ShowEmotion) -> Acting:
    """Eased in, over whatever is said, until another comes; `neutral` ends it."""
    await services.sessions.act(session_id, request.act())
    return Acting(session_id=session_id)


@router.post("/sessions/{session_id}/gesture", summary="Make a gesture", responses=_REFUSED)
async def make_gesture(services: ServicesDep, session_id: str, request: MakeGesture) -> Acting:
    """Begins at once and ends by itself."""
    await services.sessions.act(session_id, request.act())
    return Acting(session_id=session_id)


@router.post("/sessions/{session_id}/face", summary="Move the face", responses=_REFUSED)
async def move_face(services: ServicesDep, session_id: str, request: Face) -> Acting:
    """Single poses. A tracker sends data messages in the room, or drives a stream: docs/expression.md."""
    await services.sessions.direct(session_id, request.direction())
    return Acting(session_id=session_id)


@router.post(
    "/sessions/{session_id}/interrupt",
    summary="Fall silent",
    responses=_ENDED,
)
async def interrupt(services: ServicesDep, session_id: str) -> Interrupted:
    """Stops what is being said and drops what waits to be said."""
    return Interrupted(session_id=session_id, played_s=await services.sessions.interrupt(session_id))
