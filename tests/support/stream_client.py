"""A client of streams: says hello, sends sound, keeps everything that comes."""

from __future__ import annotations

import asyncio
import json
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

HEADER: Final = struct.Struct("<BBHIIIQ")
SOUND, PICTURE = 1, 2
KEY, START, END = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Received:
    """A binary message."""

    kind: int
    flags: int
    generation: int
    segment: int
    duration: int
    pts: int
    payload: bytes
    at_s: float

    @property
    def pcm(self) -> NDArray[np.int16]:
        return np.frombuffer(self.payload, np.int16)

    @property
    def image(self) -> NDArray[np.uint8]:
        return np.asarray(cv2.imdecode(np.frombuffer(self.payload, np.uint8), cv2.IMREAD_COLOR), np.uint8)


@dataclass
class StreamClient:
    """One connection; ``log`` holds everything in the order in which it came."""

    connection: ClientConnection
    log: list[Received | dict[str, Any]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    closed: asyncio.Event = field(default_factory=asyncio.Event)
    generation: int = 0

    @property
    def sounds(self) -> list[Received]:
        return [item for item in self.log if isinstance(item, Received) and item.kind == SOUND]

    @property
    def pictures(self) -> list[Received]:
        return [item for item in self.log if isinstance(item, Received) and item.kind == PICTURE]

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        return [item for item in self.log if isinstance(item, dict) and item["type"] in kinds]

    @property
    def error(self) -> dict[str, Any]:
        (told,) = self.events("error")
        return dict(told["error"])

    @property
    def heard(self) -> NDArray[np.int16]:
        """All sound so far; raises where its pts leave a gap."""
        sounds = self.sounds
        for before, after in zip(sounds, sounds[1:], strict=False):
            assert after.pts == before.pts + before.duration == before.pts + len(before.pcm)
        return np.concatenate([sound.pcm for sound in sounds]) if sounds else np.zeros(0, np.int16)

    async def say(self, message: dict[str, Any]) -> None:
        await self.connection.send(json.dumps(message))

    async def push(self, pcm: NDArray[np.int16], *, segment: int = 0, end: bool = False) -> None:
        header = HEADER.pack(SOUND, END if end else 0, 0, self.generation, segment, 0, 0)
        await self.connection.send(header + pcm.tobytes())

    async def interrupt(self, **fields: Any) -> None:
        self.generation += 1
        await self.say({"type": "interrupt", **fields})

    async def until(self, holds: Callable[[], Any], *, what: str, timeout_s: float = 30) -> None:
        """Return once ``holds``, which is asked whenever something has come."""
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise AssertionError(f"still waiting for {what}; the last was {self.log[-1:]}") from None

    async def until_event(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        await self.until(lambda: len(self.events(kind)) >= count, what=kind)
        return self.events(kind)

    async def read(self, bytes_per_s: float | None = None, *, acknowledges: bool = False) -> None:
        """Keep what comes until the connection ends; ``bytes_per_s`` is for a thin line."""
        try:
            async for message in self.connection:
                if isinstance(message, str):
                    self.log.append(json.loads(message))
                else:
                    kind, flags, _, *numbers = HEADER.unpack_from(message)
                    received = Received(kind, flags, *numbers, message[HEADER.size :], time.monotonic())
                    self.log.append(received)
                    if acknowledges and kind == SOUND:
                        await self.say({"type": "received", "pts": received.pts})
                self.news.set()
                if bytes_per_s:
                    await asyncio.sleep(len(message) / bytes_per_s)
        except ConnectionClosed:
            pass
        finally:
            self.closed.set()
            self.news.set()

    async def close_code(self) -> int | None:
        """The code with which the server closes."""
        async with asyncio.timeout(20):
            await self.closed.wait()
        return self.connection.close_code


def stream_url(base_url: str, agent_id: str = "ada") -> str:
    return f"{str(base_url).replace('http', 'ws', 1).rstrip('/')}/v1/agents/{agent_id}/stream"


@asynccontextmanager
async def streaming(
    base_url: Any, key: str, agent_id: str = "ada", *, hello: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[StreamClient]:
    """A stream that has said hello (unless ``hello`` is empty) and keeps what comes."""
    headers = {"Authorization": f"Bearer {key}"}
    async with connect(stream_url(base_url, agent_id), additional_headers=headers, **options) as connection:
        client = StreamClient(connection)
        reading = asyncio.create_task(client.read())
        try:
            if hello is None or hello:
                await client.say({"type": "hello", "sample_rate": 24_000, **(hello or {})})
            yield client
        finally:
            await connection.close()
            await reading
