"""Agents: made, listed, shown, deleted."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import Response
from pydantic import StringConstraints, ValidationError

from visavis.api.dependencies import ServicesDep
from visavis.api.schemas import AgentDeleted, AgentList, AgentOut, AgentSettings, ErrorResponse
from visavis.background import MAX_IMAGE_BYTES
from visavis.errors import ServiceError

router = APIRouter(prefix="/agents", tags=["agents"])


@router.post(
    "",
    status_code=202,
    summary="Create an agent from a portrait",
    responses={413: {"model": ErrorResponse, "description": "The portrait is too large."}},
)
async def create_agent(
    services: ServicesDep,
    portrait: Annotated[
        UploadFile,
        File(description="A photo of one face: JPEG, PNG or WebP. Or a clip of 2 to 20 s: MP4, WebM or MOV."),
    ],
    name: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
        Form(description="What the agent is called.", examples=["Ada"]),
    ],
    settings: Annotated[
        str | None, Form(description="JSON: what it brings into its sessions.", examples=['{"language": "en"}'])
    ] = None,
) -> AgentOut:
    """Answers at once; ask `GET /v1/agents/{agent_id}` until `status` is `ready` or `failed`, which takes seconds."""
    if portrait.size is not None:
        services.agents.check_portrait_size(portrait.size)
    chosen = _settings(settings)
    return AgentOut.of(await services.agents.create(await portrait.read(), name, chosen))


@router.get("", summary="List the agents")
async def list_agents(services: ServicesDep) -> AgentList:
    """Every agent, oldest first."""
    return AgentList(agents=[AgentOut.of(agent) for agent in await services.agents.all()])


@router.get("/{agent_id}", summary="One agent, and how far its building is")
async def get_agent(services: ServicesDep, agent_id: str) -> AgentOut:
    """`step` names what is being done; `error` says why it failed and what would be right."""
    return AgentOut.of(await services.agents.get(agent_id))


@router.get(
    "/{agent_id}/portrait",
    summary="The agent's picture",
    response_class=Response,
    responses={
        200: {"content": {"image/jpeg": {}}, "description": "A square JPEG."},
        409: {"model": ErrorResponse, "description": "The agent is not ready."},
    },
)
async def get_portrait(services: ServicesDep, agent_id: str, size: Literal["full", "thumbnail"] = "full") -> Response:
    """The agent as a room sees it: 512 pixels a side, or 160 as a thumbnail."""
    picture = await services.agents.picture(agent_id, thumbnail=size == "thumbnail")
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "private, max-age=3600"})


@router.put(
    "/{agent_id}/background",
    summary="Put a picture behind an agent",
    responses={413: {"model": ErrorResponse, "description": "The picture is too large."}},
)
async def set_background(
    services: ServicesDep,
    agent_id: str,
    picture: Annotated[UploadFile, File(description="JPEG, PNG or WebP; its middle fills the frame.")],
) -> AgentOut:
    """Sessions show it from now on, but for those that choose another `video.background`."""
    return AgentOut.of(await services.agents.set_background(agent_id, await picture.read(MAX_IMAGE_BYTES + 1)))


@router.delete("/{agent_id}/background", summary="Take an agent's background picture away")
async def remove_background(services: ServicesDep, agent_id: str) -> AgentOut:
    """Sessions that begin from now on show the photo's own background again."""
    return AgentOut.of(await services.agents.remove_background(agent_id))


@router.delete("/{agent_id}", summary="Delete an agent")
async def delete_agent(services: ServicesDep, agent_id: str) -> AgentDeleted:
    """Ends its sessions first, then removes its portrait, its avatar and its record."""
    await services.delete_agent(agent_id)
    return AgentDeleted(agent_id=agent_id)


def _settings(text: str | None) -> dict[str, object]:
    if not text:
        return {}
    try:
        return AgentSettings.model_validate_json(text).model_dump(exclude_none=True)
    except ValidationError as error:
        problems = [f"settings.{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        raise ServiceError(
            "invalid_request", "; ".join(problems) + ".", "settings is a JSON object; see /docs.", status=422
        ) from None
