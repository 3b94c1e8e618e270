"""An agent at the far end of a real link, and somebody who watches and hears it at this end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.link import Link, open_link
from support.listener import Listener, listening, wait_until
from support.room_server import RoomServer, new_room, running_server

PROGRAM = Path(__file__).parents[1] / "support" / "far_agent.py"
LOUD = 2000
"""int16 amplitude that the tone has and nothing else."""


@dataclass(slots=True)
class FarAgent:
    """The agent, what it has reported, and its listener."""

    process: asyncio.subprocess.Process
    listener: Listener
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    """When, and what."""

    def tell(self, command: str) -> None:
        """Send a command; see far_agent.py."""
        assert self.process.stdin is not None
        self.process.stdin.write(command.encode() + b"\n")

    def of(self, kind: str) -> list[dict[str, Any]]:
        """The events of a kind."""
        return [event for _, event in self.events if event["event"] == kind]

    @property
    def rung(self) -> str:
        """Where the picture is."""
        changes = self.of("RungChanged")
        return changes[-1]["rung"] if changes else ""

    @property
    def state(self) -> str:
        """The state of the session."""
        changes = self.of("StateChanged")
        return changes[-1]["state"] if changes else ""

    @property
    def rungs(self) -> list[str]:
        """All rungs the picture was on."""
        return [event["rung"] for event in self.of("RungChanged")]

    def silence_s(self, since_s: float, until_s: float) -> float:
        """How much of a tone is missing between two instants, in silences of more than 60 ms.

        Counted in samples: they come without a gap, even where this process was too busy to take them in time.
        """
        missing, run = 0, 0
        for at_s, pcm in self.listener.sound:
            quiet = since_s < at_s < until_s and np.abs(pcm).max() <= LOUD
            run = run + 1 if quiet else 0
            missing += 7 if run == 7 else run > 7
        return 0.01 * missing

    def is_heard(self, since_s: float) -> bool:
        """Whether the tone has been heard since an instant."""
        return self.listener.loudness_after(since_s) > LOUD


logger = logging.getLogger(__name__)
_SHOWN = (
    "rung",
    "reason",
    "rung_reason",
    "fps",
    "bitrate_bps",
    "available_bps",
    "packet_loss",
    "round_trip_ms",
    "strain",
)

FarAgents = Callable[..., AbstractAsyncContextManager[FarAgent]]


@pytest.fixture
def link() -> Iterator[Link]:
    """A link of its own."""
    with open_link() as opened:
        yield opened


@pytest.fixture
def far_server(link: Link, livekit_program: Path, tmp_path: Path) -> Iterator[RoomServer]:
    """A livekit-server at the near end of the link."""
    with running_server(livekit_program, tmp_path / "server.log", link.near_address) as server:
        yield server


@pytest.fixture
def far_agent(link: Link, far_server: RoomServer, ada_avatar_path: Path) -> FarAgents:
    """``async with far_agent() as agent``: ada at the far end, seen and heard at the near one."""

    @asynccontextmanager
    async def enter(*, room: str = "", ttl_s: float = 600, **video: Any) -> AsyncIterator[FarAgent]:
        room = room or new_room()
        token = far_server.token("ada", room, ttl_s=ttl_s, can_update_own_metadata=True)
        async with listening(far_server.url, far_server.token("ben", room)) as ben:
            process = await asyncio.create_subprocess_exec(
                *link.command(sys.executable, str(PROGRAM), far_server.url, token, str(ada_avatar_path)),
                json.dumps(video),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": str(PROGRAM.parents[1])},
            )
            agent = FarAgent(process, ben)
            reading = asyncio.create_task(_read(agent))
            try:
                await wait_until(lambda: ben.frames, 20, "the first frame")
                yield agent
                agent.tell("leave")
                await asyncio.wait_for(process.wait(), 20)
            finally:
                if process.returncode is None:
                    process.kill()
                await asyncio.gather(process.wait(), reading)
                _log(agent)

    return enter


async def _read(agent: FarAgent) -> None:
    assert agent.process.stdout is not None
    async for line in agent.process.stdout:
        agent.events.append((time.monotonic(), json.loads(line)))


def _log(agent: FarAgent) -> None:
    """What happened, second by second, for whoever has to find out why."""
    began_s = agent.events[0][0] if agent.events else 0.0
    for at_s, event in agent.events:
        shown = {name: event[name] for name in _SHOWN if name in event} or event
        logger.info("%5.1f s %s", at_s - began_s, shown)
