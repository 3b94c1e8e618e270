"""A participant that speaks through an avatar by LiveKit's avatar protocol, as an agent does, but by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from livekit import rtc

from support.listener import wait_until
from support.room_server import RoomServer

RATE_HZ = 24_000
TONE_HZ = 300
AGENT = "the-agent"
ON_BEHALF = {"attributes": {"lk.publish_on_behalf": AGENT}, "kind": "agent"}
"""What the token of an avatar says that speaks for this agent."""


@dataclass(slots=True)
class Speaker:
    """The agent's side."""

    room: rtc.Room
    finished: list[dict[str, Any]] = field(default_factory=list)
    """What was told by ``lk.playback_finished``."""
    started: int = 0

    async def open(self, **attributes: str) -> rtc.ByteStreamWriter:
        """Begin an utterance."""
        return await self.room.local_participant.stream_bytes(
            "audio",
            topic="lk.audio_stream",
            destination_identities=["ada"],
            attributes={"sample_rate": str(RATE_HZ), "num_channels": "1"} | attributes,
        )

    async def say(self, duration_s: float) -> None:
        """A whole utterance."""
        writer = await self.open()
        await writer.write(tone(duration_s))
        await writer.aclose()

    async def clear(self) -> str:
        """Ask for silence; the avatar's answer."""
        return await self.room.local_participant.perform_rpc(
            destination_identity="ada", method="lk.clear_buffer", payload=""
        )


@asynccontextmanager
async def speaker(
    server: RoomServer, room_name: str, identity: str = AGENT, kind: str = "agent"
) -> AsyncIterator[Speaker]:
    """Enter the room of the avatar ``ada``."""
    room = rtc.Room()
    agent = Speaker(room)

    def on_finished(call: rtc.RpcInvocationData) -> str:
        agent.finished.append(json.loads(call.payload))
        return "ok"

    def on_started(_: rtc.RpcInvocationData) -> str:
        agent.started += 1
        return "ok"

    await room.connect(server.url, server.token(identity, room_name, kind=kind))
    room.local_participant.register_rpc_method("lk.playback_finished", on_finished)
    room.local_participant.register_rpc_method("lk.playback_started", on_started)
    try:
        await wait_until(lambda: "ada" in room.remote_participants, what="the avatar")
        yield agent
    finally:
        await room.disconnect()


def tone(duration_s: float, rate_hz: int = RATE_HZ, channels: int = 1) -> bytes:
    """A tone of :data:`TONE_HZ` as an agent sends it."""
    at_s = np.arange(round(duration_s * rate_hz)) / rate_hz
    pcm = (9_000 * np.sin(2 * np.pi * TONE_HZ * at_s)).astype(np.int16)
    return np.repeat(pcm, channels).tobytes()
