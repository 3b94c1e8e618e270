"""A participant that speaks through the avatar by byte streams, as LiveKit's agents do, where things go wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from livekit import rtc
from livekit.rtc._proto.room_pb2 import SimulateScenarioKind

from support.listener import wait_until
from support.room_server import RoomServer
from visavis.room import VideoConfig

pytestmark = pytest.mark.room

RATE_HZ = 24_000
AGENT = "the-agent"
ON_BEHALF = {"attributes": {"lk.publish_on_behalf": AGENT}, "kind": "agent"}


@dataclass(slots=True)
class Speaker:
    """The agent's side."""

    room: rtc.Room
    finished: list[dict[str, Any]] = field(default_factory=list)

    async def open(self) -> rtc.ByteStreamWriter:
        return await self.room.local_participant.stream_bytes(
            "audio",
            topic="lk.audio_stream",
            destination_identities=["ada"],
            attributes={"sample_rate": str(RATE_HZ), "num_channels": "1"},
        )


@asynccontextmanager
async def speaker(server: RoomServer, room_name: str) -> AsyncIterator[Speaker]:
    room = rtc.Room()
    await room.connect(server.url, server.token(AGENT, room_name, kind="agent"))
    agent = Speaker(room)

    def on_finished(call: rtc.RpcInvocationData) -> str:
        agent.finished.append(json.loads(call.payload))
        return "ok"

    room.local_participant.register_rpc_method("lk.playback_finished", on_finished)
    try:
        await wait_until(lambda: "ada" in room.remote_participants, what="the avatar")
        yield agent
    finally:
        await room.disconnect()


def tone(duration_s: float) -> bytes:
    at_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    return (9_000 * np.sin(2 * np.pi * 300 * at_s)).astype(np.int16).tobytes()


async def test_an_utterance_whose_end_is_lost_in_a_new_connection_is_answered_once(
    room_server: RoomServer, agent_in_room, small_video: VideoConfig
) -> None:
    async with (
        agent_in_room(video=small_video, grants=ON_BEHALF) as avatar,
        speaker(room_server, avatar.room) as agent,
    ):
        writer = await agent.open()
        await writer.write(tone(1.0))
        await asyncio.sleep(0.5)
        republished = asyncio.Event()
        avatar_room = avatar.session._agent_stream._room
        avatar_room.on("local_track_republished", lambda *_: republished.set())
        await avatar_room.simulate_scenario(SimulateScenarioKind.SIMULATE_FULL_RECONNECT)
        await asyncio.wait_for(republished.wait(), 20)
        await wait_until(lambda: agent.finished, 8, "an answer long before a stalled stream is given up")
        assert agent.finished[0]["playback_position"] == pytest.approx(1.0, abs=0.05)

        second = await agent.open()
        await second.write(tone(0.5))
        await second.aclose()
        await wait_until(lambda: len(agent.finished) == 2, 8, "the next answer")
        await asyncio.sleep(1)
        assert len(agent.finished) == 2
        assert agent.finished[1] == {
            "playback_position": pytest.approx(0.5, abs=0.05),
            "interrupted": False,
            "synchronized_transcript": None,
        }
