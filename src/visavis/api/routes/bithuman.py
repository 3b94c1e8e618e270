"""bitHuman's dialect: clients written for its API work here by changing a URL. See docs/bithuman.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.datastructures import UploadFile

from visavis.api.dependencies import ServicesDep
from visavis.api.schemas import ErrorResponse
from visavis.errors import ServiceError
from visavis.service import JoinRequest, Services
from visavis.store import Agent, Session

router = APIRouter(tags=["bitHuman's dialect"])


class AvatarSession(BaseModel):
    """The avatar is in the room."""

    avatar_session_started: bool = True
    session_id: str
    agent_id: str
    room_name: str
    participant_id: str | None
    mode: str = Field(description="As asked; everything runs on CPUs here.")
    model: str = Field(description="As asked; there is one here.")


class RuntimeSession(BaseModel):
    """One session in bitHuman's words."""

    session_id: str
    status: str
    agent_id: str
    room_name: str
    started_at: datetime | None
    ended_at: datetime | None
    ended: bool

    @classmethod
    def of(cls, session: Session) -> RuntimeSession:
        """What is shown of a session."""
        return cls(
            session_id=session.session_id,
            status="active" if session.is_live else "ended",
            agent_id=session.agent_id,
            room_name=session.room_name,
            started_at=session.connected_at,
            ended_at=session.ended_at,
            ended=not session.is_live,
        )


class Message(BaseModel):
    """Something to say in the rooms an agent is in."""

    message: str
    room_id: str | None = None


@router.post(
    "/runtime-tokens/request",
    summary="Start an avatar in a LiveKit room",
    responses={status: {"model": ErrorResponse} for status in (403, 409, 413, 502, 503)},
)
async def start_avatar(services: ServicesDep, request: Request) -> AvatarSession:
    """What `livekit-plugins-bithuman` sends: JSON, multipart or urlencoded. Safe to repeat with the same token.

    `livekit_url` and `livekit_token`; an `agent_id` (or `avatar_id`), or a portrait: `image` as base64 or URL, a file
    `avatar_image`, or `avatar_image_url`. Answers once the avatar is in the room; the same portrait is built once.
    """
    order = await _read_order(request)
    agent_id = order.agent_id or await services.agent_of_portrait(await _portrait(services, order))
    session = await services.sessions.join(
        agent_id, JoinRequest(room_url=order.livekit_url, room_token=order.livekit_token)
    )
    return AvatarSession(
        session_id=session.session_id,
        agent_id=agent_id,
        room_name=session.room_name,
        participant_id=session.participant_id,
        mode=order.mode,
        model=order.model,
    )


@router.get("/runtime-sessions/{session_id}", summary="One session")
async def get_runtime_session(services: ServicesDep, session_id: str) -> RuntimeSession:
    """Whether it still runs."""
    return RuntimeSession.of(await services.sessions.get(session_id))


@router.post("/runtime-sessions/{session_id}/end", summary="End a session")
async def end_runtime_session(services: ServicesDep, session_id: str) -> RuntimeSession:
    """Takes the avatar out of its room; one that has ended already is fine."""
    session = await services.sessions.get(session_id)
    await services.sessions.leave(session.agent_id, session_id)
    return RuntimeSession.of(await services.sessions.get(session_id))


@router.post("/validate", summary="Whether the key is right")
async def validate() -> dict[str, bool]:
    """A wrong key never gets here."""
    return {"valid": True}


@router.get("/agent/status/{agent_id}", summary="How far an agent's building is")
async def get_agent_status(services: ServicesDep, agent_id: str) -> dict[str, Any]:
    """In bitHuman's envelope."""
    return {"success": True, "data": _agent(await services.agents.get(agent_id))}


@router.get("/agent/{agent_id}", summary="One agent")
async def get_agent_by_code(services: ServicesDep, agent_id: str) -> dict[str, Any]:
    """In bitHuman's envelope."""
    return {"success": True, "data": _agent(await services.agents.get(agent_id))}


@router.delete("/agent/{agent_id}", summary="Delete an agent")
async def delete_agent_by_code(services: ServicesDep, agent_id: str) -> dict[str, Any]:
    """Ends its sessions first."""
    await services.delete_agent(agent_id)
    return {"success": True, "agent_code": agent_id, "deleted": True}


@router.get("/agent/{agent_id}/sessions", summary="The rooms an agent is in")
async def get_agent_sessions(services: ServicesDep, agent_id: str) -> dict[str, Any]:
    """Running sessions only."""
    await services.agents.get(agent_id)
    live = await services.sessions.newest(limit=100, agent_id=agent_id, live=True)
    return {"sessions": [{"room_id": session.room_name, "session_id": session.session_id} for session in live]}


@router.post("/agent/{agent_id}/speak", summary="Say a text in every room an agent is in")
async def speak_by_code(services: ServicesDep, agent_id: str, message: Message) -> dict[str, Any]:
    """Or in the room `room_id` only."""
    await services.agents.get(agent_id)
    live = [
        session
        for session in await services.sessions.newest(limit=100, agent_id=agent_id, live=True)
        if message.room_id in (None, session.room_name)
    ]
    if not live:
        raise ServiceError(
            "no_active_room", f"{agent_id} is in no such room.", "Bring it into one with join-room first.", status=404
        )
    for session in live:
        await services.sessions.speak(session.session_id, message.message, language=None, voice=None)
    rooms = [session.room_name for session in live]
    return {"agent_code": agent_id, "context_type": "speak", "delivered_to_rooms": len(rooms), "rooms": rooms}


@dataclass(frozen=True, slots=True)
class _Order:
    livekit_url: str
    livekit_token: str
    agent_id: str | None
    portrait: bytes | str | None
    """Bytes, base64 or a URL."""
    mode: str
    model: str


async def _read_order(request: Request) -> _Order:
    fields = await _fields(request)
    missing = [name for name in ("livekit_url", "livekit_token") if not isinstance(fields.get(name), str)]
    if missing:
        raise _invalid(f"{' and '.join(missing)}: missing.")
    portrait = next((fields[name] for name in ("avatar_image", "image", "avatar_image_url") if fields.get(name)), None)
    agent_id = fields.get("agent_id") or fields.get("avatar_id") or fields.get("agent_code")
    if portrait is None and not agent_id:
        raise _invalid("agent_id or image: missing.")
    if isinstance(portrait, UploadFile):
        portrait = await portrait.read()
    if portrait is not None and not isinstance(portrait, bytes | str):
        raise _invalid("image: neither a file nor base64 nor a URL.")
    return _Order(
        livekit_url=fields["livekit_url"].strip(),
        livekit_token=fields["livekit_token"].strip(),
        agent_id=str(agent_id) if agent_id else None,
        portrait=portrait,
        mode=str(fields.get("mode") or "cpu"),
        model=str(fields.get("model") or ""),
    )


async def _fields(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        return dict(await request.form())
    try:
        body = await request.json()
    except ValueError:
        raise ServiceError(
            "invalid_json", "The body is not valid JSON.", "Send application/json or a form.", status=422
        ) from None
    if not isinstance(body, dict):
        raise _invalid("the body is not a JSON object.")
    return body


async def _portrait(services: Services, order: _Order) -> bytes:
    assert order.portrait is not None
    return order.portrait if isinstance(order.portrait, bytes) else await services.read_picture(order.portrait)


def _agent(agent: Agent) -> dict[str, Any]:
    return {
        "agent_id": agent.agent_id,
        "name": agent.name,
        "status": agent.status,
        "progress": agent.progress,
        "current_step": agent.step,
        "error_message": (agent.error or {}).get("message"),
        "image_url": f"/v1/agents/{agent.agent_id}/portrait",
        "created_at": agent.created_at.isoformat(),
        "updated_at": agent.updated_at.isoformat(),
    }


def _invalid(what: str) -> ServiceError:
    return ServiceError("invalid_request", what, "docs/bithuman.md shows what this route takes.", status=422)
