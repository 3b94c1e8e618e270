"""Real agents of the livekit-agents framework speak through an avatar; each utterance is answered exactly once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.listener import Listener, listening
from support.room_server import RoomServer, new_room
from visavis.placement import SessionHost
from visavis.room import SessionConfig, VideoConfig

pytestmark = pytest.mark.conformance

AGENT = Path(__file__).parent / "livekit_agent.py"
PYTHON = Path(__file__).parents[2] / ".cache" / "agents-venv" / "bin" / "python"
PIECE_S = 0.01
AUDIBLE = 1500


@dataclass(slots=True)
class Outcome:
    """What an agent was told, and what a listener heard meanwhile."""

    events: list[dict[str, Any]]
    listener: Listener

    @property
    def finished(self) -> list[tuple[float, bool]]:
        """Position and whether interrupted, of every ``playback_finished``."""
        return [(event["position_s"], event["interrupted"]) for event in self.events if event["event"] == "finished"]

    @property
    def started(self) -> int:
        return sum(event["event"] == "started" for event in self.events)

    def heard_s(self) -> float:
        """How long tones were heard, all in all."""
        return PIECE_S * sum(abs(pcm).max() > AUDIBLE for _, pcm in self.listener.sound)

    @property
    def answered_s(self) -> float:
        """How long the agent was told that they were."""
        return sum(position_s for position_s, _ in self.finished)


Play = Callable[[str], Any]


@pytest.fixture
async def play(room_server: RoomServer, ada_avatar_path: Path) -> AsyncIterator[Play]:
    """Let an agent play a scenario through an avatar in a room of their own."""
    async with SessionHost() as host:

        async def run(scenario: str) -> Outcome:
            room = new_room()
            token = room_server.token("ada", room, kind="agent", attributes={"lk.publish_on_behalf": "the-agent"})
            config = SessionConfig(
                session_id=room, agent_id="ada", room_url=room_server.url, room_token=token, video=VideoConfig(256, 256)
            )
            async with listening(room_server.url, room_server.token("ben", room)) as listener:
                session = await host.start(config, ada_avatar_path)
                agent_token = room_server.token("the-agent", room, kind="agent")
                async with agent_process(room_server.url, agent_token, "ada", scenario) as events:
                    outcome = Outcome(events, listener)
                await session.leave()
                return outcome

        yield run


@asynccontextmanager
async def agent_process(url: str, token: str, avatar: str, scenario: str) -> AsyncIterator[list[dict[str, Any]]]:
    process = await asyncio.create_subprocess_exec(
        str(PYTHON), str(AGENT), url, token, avatar, scenario, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(100):
            events = [json.loads(line) async for line in process.stdout]
            assert await process.wait() == 0
        assert events[-1] == {"event": "end"}
        yield events
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_one_utterance_is_heard_whole_and_answered_once(play: Play) -> None:
    outcome = await play("say:1.5,wait")
    assert outcome.finished == [(pytest.approx(1.5, abs=0.04), False)]
    assert outcome.started == 1
    assert outcome.heard_s() == pytest.approx(1.5, abs=0.06)


async def test_twenty_short_utterances_in_a_row(play: Play) -> None:
    outcome = await play(",".join(["say:0.3,wait"] * 20))
    assert outcome.finished == [(pytest.approx(0.3, abs=0.04), False)] * 20
    assert outcome.started == 20
    assert outcome.heard_s() == pytest.approx(20 * 0.3, abs=0.5)


async def test_a_minute_long_utterance(play: Play) -> None:
    outcome = await play("say:60,wait")
    assert outcome.finished == [(pytest.approx(60, abs=0.04), False)]
    assert outcome.heard_s() == pytest.approx(60, abs=0.5)


async def test_an_interruption_in_the_middle(play: Play) -> None:
    outcome = await play("say:10,sleep:2,interrupt,wait")
    ((position_s, interrupted),) = outcome.finished
    assert interrupted
    assert position_s == pytest.approx(outcome.heard_s(), abs=0.15)
    assert 0.3 < position_s < 9


async def test_an_interruption_at_the_very_start_and_then_more(play: Play) -> None:
    outcome = await play("say:5,sleep:0.05,interrupt,wait,say:0.5,wait")
    assert outcome.finished[-1] == (pytest.approx(0.5, abs=0.04), False)
    assert all(interrupted and position_s < 0.5 for position_s, interrupted in outcome.finished[:-1])
    assert outcome.heard_s() == pytest.approx(outcome.answered_s, abs=0.2)


async def test_an_interruption_at_the_very_end(play: Play) -> None:
    outcome = await play("say:1,sleep:0.97,interrupt,wait,say:0.5,wait")
    assert len(outcome.finished) == 2
    assert outcome.finished[-1] == (pytest.approx(0.5, abs=0.04), False)


async def test_three_interruptions_in_quick_succession(play: Play) -> None:
    outcome = await play("say:5,sleep:0.6,interrupt,say:5,sleep:0.6,interrupt,say:5,sleep:0.6,interrupt,say:1,wait")
    assert [interrupted for _, interrupted in outcome.finished] == [True, True, True, False]
    assert outcome.finished[-1][0] == pytest.approx(1, abs=0.04)
    assert outcome.heard_s() == pytest.approx(outcome.answered_s, abs=0.4)


async def test_saying_something_else_at_once(play: Play) -> None:
    outcome = await play("say:5,sleep:1,interrupt,say:0.7,wait")
    assert [interrupted for _, interrupted in outcome.finished] == [True, False]
    assert outcome.finished[1][0] == pytest.approx(0.7, abs=0.04)


async def test_utterances_that_wait_for_each_other(play: Play) -> None:
    outcome = await play("say:0.4,say:0.5,say:0.6,wait")
    assert outcome.finished == [(pytest.approx(duration_s, abs=0.04), False) for duration_s in (0.4, 0.5, 0.6)]
    assert outcome.heard_s() == pytest.approx(1.5, abs=0.2)
