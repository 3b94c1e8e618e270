"""A stream in a process of its own, as seen from outside."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from multiprocessing.context import ForkServerProcess
from typing import Any, Final

from visavis.errors import RoomError, VisavisError
from visavis.placement.channel import Channel, Sound
from visavis.placement.processes import exited
from visavis.stream import StreamConfig

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 10.0
"""A stream says something 25 times a second."""


class RunningStream:
    """Passes on what a client says, and what it is told; reading no faster than the client does."""

    def __init__(
        self,
        config: StreamConfig,
        channel: Channel,
        process: ForkServerProcess,
        on_strain: Callable[[float], None] = lambda strain: None,
    ) -> None:
        self.config = config
        self.process = process
        self._channel = channel
        self._on_strain = on_strain
        self._closing: asyncio.Task[None] | None = None

    async def receive(self) -> bytes | dict[str, Any]:
        """The next message for the client: binary, or text as an object.

        Raises:
            VisavisError: why the stream is over; ``stream_crashed`` where its process died, ``stream_stuck`` where it
                has not said a word for too long.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                message = await self._channel.receive()
        except TimeoutError:
            logger.error("stream process hangs", extra={"stream_id": self.config.stream_id})
            raise RoomError("stream_stuck", "The agent's process hangs.", "Connect again; the log says more.") from None
        if isinstance(message, bytes):
            return message
        if isinstance(message, dict):
            if "failed" in message:
                raise VisavisError(**message["failed"])
            if message.get("type") == "stats":
                self._on_strain(message["strain"])
            return message
        if self._closing is None:
            logger.error("stream process died", extra={"stream_id": self.config.stream_id})
        raise RoomError("stream_crashed", "The agent's process died.", "Connect again; the log says more.")

    async def send_bytes(self, message: bytes) -> None:
        """A binary message of the client."""
        await self._channel.send_bytes(message)

    async def send_sound(self, sound: Sound) -> None:
        """A piece of the first text that is not complete."""
        await self._channel.send_sound(sound)

    def post(self, message: dict[str, Any]) -> None:
        """Something to do, small."""
        self._channel.post(message)

    async def aclose(self) -> None:
        """End it; returns when the process is gone."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close(), name=f"close {self.config.stream_id}")
        await asyncio.shield(self._closing)

    async def _close(self) -> None:
        await self._channel.aclose()
        await exited(self.process)
