"""Room tokens: LiveKit's standard token endpoint."""

from __future__ import annotations

from fastapi import APIRouter

from visavis.api.dependencies import ServicesDep
from visavis.api.schemas import ErrorResponse, RoomToken, RoomTokenOut
from visavis.service import RoomTokenRequest

router = APIRouter(prefix="/room-tokens", tags=["room tokens"])


@router.post(
    "",
    status_code=201,
    summary="Make a token for a room",
    responses={409: {"model": ErrorResponse, "description": "No LiveKit key is configured."}},
)
async def create_room_token(services: ServicesDep, request: RoomToken | None = None) -> RoomTokenOut:
    """LiveKit's client SDKs can use this route as their token source; room and identity are made up where absent."""
    asked = RoomTokenRequest(**request.model_dump()) if request else RoomTokenRequest()
    server_url, token = services.make_room_token(asked)
    return RoomTokenOut(server_url=server_url, participant_token=token)
