"""A real livekit-server for tests, and tokens for it."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import psutil
from livekit import api

from visavis.embedded import LiveKitServer

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RoomServer:
    """A running server; it lives on an event loop of its own."""

    server: LiveKitServer
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return self.server.url

    def token(
        self,
        identity: str,
        room: str,
        *,
        name: str = "",
        kind: str = "",
        ttl_s: float = 600,
        attributes: dict[str, str] | None = None,
        **grants: Any,
    ) -> str:
        """A token that may join and publish unless ``grants`` say otherwise."""
        token = (
            api.AccessToken(self.server.api_key, self.server.api_secret)
            .with_identity(identity)
            .with_ttl(timedelta(seconds=ttl_s))
            .with_grants(api.VideoGrants(**{"room_join": True, "room": room, **grants}))
        )
        if name:
            token.with_name(name)
        if attributes:
            token.with_attributes(attributes)
        if kind:
            token.with_kind(kind)  # type: ignore[arg-type]
        return token.to_jwt()

    def api(self) -> api.LiveKitAPI:
        """The server API; use as an async context manager."""
        return api.LiveKitAPI(self.url.replace("ws", "http", 1), self.server.api_key, self.server.api_secret)

    async def participants(self, room: str) -> list[str]:
        """Identities in a room."""
        async with self.api() as client:
            answer = await client.room.list_participants(api.ListParticipantsRequest(room=room))
        return [participant.identity for participant in answer.participants]

    async def kill(self) -> None:
        """Crash the server; it comes back on the same port."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.server.kill(), self.loop))

    async def be_away(self, duration_s: float) -> None:
        """Crash the server and keep it from coming back for a while."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._be_away(duration_s), self.loop))

    async def _be_away(self, duration_s: float) -> None:
        assert self.server._watch is not None
        self.server._watch.cancel()
        await self.server.kill()
        await asyncio.sleep(duration_s)
        await self.server.__aenter__()

    async def send_everybody_away(self) -> None:
        """Let the server end in order, which ends every connection for good; it comes back on the same port."""
        server = psutil.Process(self._pid())
        server.terminate()
        await asyncio.sleep(0.2)
        server.terminate()  # the first asks it to wait until everybody has left

    def _pid(self) -> int:
        mine = psutil.Process().children(recursive=True)
        port = self.server.port
        return next(
            child.pid
            for child in mine
            if child.name() == "livekit-server" and any(c.laddr.port == port for c in child.net_connections("tcp"))
        )


def new_room() -> str:
    """A room name that nobody else uses."""
    return f"room-{secrets.token_hex(4)}"


@contextmanager
def running_server(program: Path, log_file: Path, address: str = "127.0.0.1") -> Iterator[RoomServer]:
    """Start a server, stop it afterwards."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="livekit-server")
    thread.start()

    def run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=60)

    server = LiveKitServer(program, log_file, address=address)
    try:
        run(server.__aenter__())
        try:
            yield RoomServer(server, loop)
        finally:
            run(server.__aexit__())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
