"""The LiveKit server whose key this installation holds: who is in a room, what a participant is called."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from livekit.api import LiveKitAPI, ServerError
from livekit.protocol.models import ParticipantInfo
from livekit.protocol.room import ListRoomsRequest, RoomParticipantIdentity, UpdateParticipantRequest

from visavis.service.tokens import LiveKitKey, RoomClaims

logger = logging.getLogger(__name__)

REQUEST_TIMEOUT_S: Final = 3.0
"""A look into a room is a courtesy before joining: it must not make a join slow."""


class RoomServer:
    """Asks one LiveKit server; use as an async context manager."""

    def __init__(self, key: LiveKitKey) -> None:
        self.key = key

    async def __aenter__(self) -> RoomServer:
        self._api = LiveKitAPI(
            self.key.url,
            self.key.api_key,
            self.key.api_secret,
            timeout=aiohttp.ClientTimeout(total=REQUEST_TIMEOUT_S),
            failover=False,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._api.aclose()

    def serves(self, room_url: str, claims: RoomClaims) -> bool:
        """Whether a room at ``room_url``, joined with such a token, is on this server."""
        return claims.issuer == self.key.api_key and same_server(room_url, self.key.url)

    async def is_reachable(self) -> bool:
        """Whether the server answers and takes the key."""
        try:
            await self._api.room.list_rooms(ListRoomsRequest(names=["visavis-readiness"]))
        except (ServerError, aiohttp.ClientError, TimeoutError, OSError):
            return False
        return True

    async def is_in_room(self, room: str, identity: str) -> bool:
        """Whether a participant of that identity is in the room; False where the server does not say."""
        try:
            found = await self._api.room.get_participant(RoomParticipantIdentity(room=room, identity=identity))
        except ServerError as error:
            if error.status != 404:
                logger.warning("the LiveKit server did not say who is in a room", extra={"code": error.code})
            return False
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            logger.warning("the LiveKit server could not be asked", extra={"error": type(error).__name__})
            return False
        return found.state != ParticipantInfo.State.DISCONNECTED

    async def set_name(self, room: str, identity: str, name: str) -> bool:
        """Change what others see of a participant; whether that worked."""
        try:
            await self._api.room.update_participant(UpdateParticipantRequest(room=room, identity=identity, name=name))
        except (ServerError, aiohttp.ClientError, TimeoutError, OSError) as error:
            logger.warning("a participant's name could not be set", extra={"error": type(error).__name__})
            return False
        return True

    async def remove(self, room: str, identity: str, *, participant_id: str | None = None) -> None:
        """Remove a participant that was left behind; one that is gone already is fine.

        With ``participant_id`` only that one: somebody else may have its identity by now.
        """
        whom = RoomParticipantIdentity(room=room, identity=identity)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                if participant_id and (await self._api.room.get_participant(whom)).sid != participant_id:
                    return
                await self._api.room.remove_participant(whom)
        except ServerError as error:
            if error.status != 404:
                logger.warning("a participant could not be removed", extra={"code": error.code})
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            logger.warning("a participant could not be removed", extra={"error": type(error).__name__})


def same_server(one_url: str, other_url: str) -> bool:
    """Whether two URLs name the same server; every loopback name is the same."""
    return _authority(one_url) == _authority(other_url)


def _authority(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    try:
        is_loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    try:
        port = parts.port
    except ValueError:
        port = None
    return "loopback" if is_loopback else host, port or (443 if parts.scheme in {"wss", "https"} else 80)
