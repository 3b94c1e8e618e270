"""A LiveKit agent, as far as an avatar sees one: speech goes out as byte streams, answers come back as calls.

On the bare SDK, so that what is measured is the wire and not a framework.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from visavis.room.agent_stream import AUDIO_TOPIC, RPC_CLEAR, RPC_FINISHED, RPC_STARTED

IDENTITY: Final = "agent"
_CHUNK_S: Final = 0.02
"""Of speech in one message, as agents have it from a voice."""


@dataclass(frozen=True, slots=True)
class Finished:
    """An avatar's answer to an utterance."""

    at_s: float
    position_s: float
    interrupted: bool


@dataclass(slots=True)
class Speaker:
    """Speaks through an avatar and takes its answers."""

    room: rtc.Room
    avatar: str
    """Identity of the participant that shows the face."""
    finished: list[Finished] = field(default_factory=list)
    """Every ``lk.playback_finished``."""
    _answered: asyncio.Event = field(default_factory=asyncio.Event)

    async def say(self, pcm: NDArray[np.int16], rate_hz: int) -> None:
        """Hand over one utterance, faster than real time."""
        writer = await self.room.local_participant.stream_bytes(
            f"utterance-{time.monotonic_ns()}",
            topic=AUDIO_TOPIC,
            destination_identities=[self.avatar],
            attributes={"sample_rate": str(rate_hz), "num_channels": "1"},
        )
        step = round(rate_hz * _CHUNK_S)
        for start in range(0, len(pcm), step):
            await writer.write(pcm[start : start + step].tobytes())
        await writer.aclose()

    async def interrupt(self) -> None:
        """Ask for silence; returns once the avatar has agreed."""
        await self.room.local_participant.perform_rpc(
            destination_identity=self.avatar, method=RPC_CLEAR, payload="", response_timeout=5.0
        )

    async def until_finished(self, count: int, timeout_s: float) -> None:
        """Wait until so many answers have come.

        Raises:
            TimeoutError: they have not.
        """
        async with asyncio.timeout(timeout_s):
            while len(self.finished) < count:
                self._answered.clear()
                await self._answered.wait()

    def note(self, call: rtc.RpcInvocationData) -> str:
        """Take in a ``lk.playback_finished``."""
        answer: dict[str, Any] = json.loads(call.payload)
        self.finished.append(Finished(time.monotonic(), answer["playback_position"], answer["interrupted"]))
        self._answered.set()
        return ""


@asynccontextmanager
async def speaking_agent(url: str, token: str, avatar: str) -> AsyncIterator[Speaker]:
    """Enter a room as the agent that an avatar obeys; the avatar may come later."""
    room = rtc.Room()
    await room.connect(url, token, rtc.RoomOptions(auto_subscribe=False))
    speaker = Speaker(room, avatar)
    room.local_participant.register_rpc_method(RPC_FINISHED, speaker.note)
    room.local_participant.register_rpc_method(RPC_STARTED, lambda _: "")
    try:
        yield speaker
    finally:
        await room.disconnect()
