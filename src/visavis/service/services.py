"""Everything the service consists of, opened and closed together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from visavis.errors import ServiceError
from visavis.placement import SessionHost
from visavis.service.agents import FILES_FOLDER, AgentService
from visavis.service.builder import AvatarBuilder
from visavis.service.fetch import fetch_picture, picture_from_text
from visavis.service.room_server import RoomServer
from visavis.service.sessions import SessionService
from visavis.service.streams import StreamService
from visavis.service.tokens import LiveKitKey, RoomTokenRequest, make_room_token
from visavis.store import AgentStore, Database, FolderBlobs, InstanceStore, SessionStore, open_database
from visavis.voice import VoiceHost


@dataclass(frozen=True, slots=True)
class ServiceConfig:
    """What the service needs to know."""

    data_dir: Path
    database_url: str
    livekit: LiveKitKey | None
    """The LiveKit server whose key we hold."""
    max_sessions: int | None
    max_portrait_bytes: int
    demo_agents: bool
    portrait_hosts: tuple[str, ...]
    """Hosts on private networks from which portraits may be fetched."""


@dataclass(frozen=True, slots=True)
class Services:
    """The open service."""

    agents: AgentService
    sessions: SessionService
    streams: StreamService
    room_server: RoomServer | None
    _database: Database
    _config: ServiceConfig

    def make_room_token(self, request: RoomTokenRequest) -> tuple[str, str]:
        """The LiveKit server's URL and a token for it.

        Raises:
            ServiceError: ``livekit_not_configured`` where no key is held; ``bad_room_config``.
        """
        if self.room_server is None:
            raise ServiceError(
                "livekit_not_configured",
                "No LiveKit server is configured whose key could sign a token.",
                "Set VISAVIS_LIVEKIT_URL, VISAVIS_LIVEKIT_API_KEY and VISAVIS_LIVEKIT_API_SECRET, or use `visavis up`.",
                status=409,
            )
        return self.room_server.key.url, make_room_token(request, self.room_server.key)

    async def agent_of_portrait(self, portrait: bytes) -> str:
        """The id of the agent of a portrait, built before or now; returns when it is ready.

        Raises:
            VisavisError: the portrait's refusal.
        """
        return await self.agents.of_portrait(portrait)

    async def read_picture(self, source: str) -> bytes:
        """The picture at a URL, or in base64.

        Raises:
            ServiceError: ``portrait_url_refused``, ``portrait_unreachable``, ``portrait_too_large``,
                ``portrait_unreadable``.
        """
        if source.lower().startswith(("http://", "https://")):
            return await fetch_picture(
                source, max_bytes=self._config.max_portrait_bytes, allowed_hosts=self._config.portrait_hosts
            )
        return picture_from_text(source)

    async def delete_agent(self, agent_id: str) -> None:
        """End the agent's sessions and streams, then forget it. Raises ``agent_not_found``."""
        await self.agents.get(agent_id)
        await self.streams.end(agent_id)
        await self.sessions.leave(agent_id)
        await self.agents.delete(agent_id)

    async def readiness(self) -> dict[str, bool]:
        """Part by part, whether it works now."""
        checks = {"database": await self._database_answers()}
        if self.room_server:
            checks["livekit"] = await self.room_server.is_reachable()
        return checks

    async def drain(self, limit_s: float) -> None:
        """Let nobody in any more; returns when sessions and streams have ended by themselves, or after ``limit_s``."""
        self.sessions.stop_accepting()
        with suppress(TimeoutError):
            async with asyncio.timeout(limit_s):
                await self.sessions.until_empty()
                await self.streams.until_empty()

    async def _database_answers(self) -> bool:
        try:
            async with self._database.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError):
            return False
        return True


@asynccontextmanager
async def open_services(config: ServiceConfig) -> AsyncIterator[Services]:
    """The service, with its database migrated, its demo agents planted and its workers owned."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(open_database(config.database_url))
        builder = await stack.enter_async_context(AvatarBuilder())
        room_server = await stack.enter_async_context(RoomServer(config.livekit)) if config.livekit else None
        agents = AgentService(
            AgentStore(database),
            FolderBlobs(config.data_dir / FILES_FOLDER),
            builder,
            max_portrait_bytes=config.max_portrait_bytes,
        )
        if config.demo_agents:
            await agents.plant_demos()
        await agents.resume()
        voices = await stack.enter_async_context(VoiceHost())
        host = await stack.enter_async_context(SessionHost(max_sessions=config.max_sessions))
        sessions = await stack.enter_async_context(
            SessionService(SessionStore(database), InstanceStore(database), agents, host, voices, room_server)
        )
        async with asyncio.TaskGroup() as tasks:
            building = tasks.create_task(agents.run(), name="build avatars")
            yield Services(agents, sessions, StreamService(agents, host, voices), room_server, database, config)
            building.cancel()
