"""Real agents of LiveKit's frameworks speak through an avatar; each utterance is answered exactly once.

The Python framework (livekit-agents) and the Node one (@livekit/agents) play the same scenarios.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from support.listener import Listener, listening, wait_until
from support.room_server import RoomServer, new_room
from visavis.placement import SessionHost
from visavis.room import SessionConfig, VideoConfig

pytestmark = pytest.mark.conformance

HERE = Path(__file__).parent
PYTHON = HERE.parents[1] / ".cache" / "agents-venv" / "bin" / "python"
AGENTS: Final[dict[str, tuple[str, ...]]] = {
    "python": (str(PYTHON), str(HERE / "livekit_agent.py")),
    "node": ("node", str(HERE / "node" / "livekit_agent.js")),
}
"""The program of each framework; both take and print the same."""
PIECE_S = 0.01
AUDIBLE = 1500
EXACT_S = 0.04
"""A tick: by so much an answered position may be off."""


@dataclass(slots=True)
class Outcome:
    """What an agent was told, and what a listener heard meanwhile."""

    events: list[dict[str, Any]]
    listener: Listener
    repaired_s: float
    """Of what was heard, how much the listener's jitter buffer may have added or lost: it plays on a busy machine."""

    @property
    def finished(self) -> list[tuple[float, bool]]:
        """Position and whether interrupted, of every ``playback_finished``."""
        return [(event["position_s"], event["interrupted"]) for event in self.events if event["event"] == "finished"]

    @property
    def started(self) -> int:
        return sum(event["event"] == "started" for event in self.events)

    @property
    def answered_s(self) -> float:
        """How long the agent was told that tones were heard."""
        return sum(position_s for position_s, _ in self.finished)

    def heard_s(self) -> float:
        """How long they were, all in all."""
        return PIECE_S * sum(abs(pcm).max() > AUDIBLE for _, pcm in self.listener.sound)

    def heard(self, duration_s: float, tones: int = 1) -> bool:
        """Whether so much was heard, as exactly as can be told: every tone has two blurred edges."""
        return abs(self.heard_s() - duration_s) <= 0.04 * tones + 0.02 + self.repaired_s


Play = Callable[[str], Awaitable[Outcome]]


@pytest.fixture
async def stage(room_server: RoomServer, ada_avatar_path: Path) -> AsyncIterator[Callable[[str, str], Any]]:
    """Let an agent of a framework play a scenario through an avatar in a room of their own."""
    async with SessionHost() as host:

        async def perform(framework: str, scenario: str) -> Outcome:
            room = new_room()
            token = room_server.token("ada", room, kind="agent", attributes={"lk.publish_on_behalf": "the-agent"})
            config = SessionConfig(
                session_id=room, agent_id="ada", room_url=room_server.url, room_token=token, video=VideoConfig(256, 256)
            )
            async with listening(room_server.url, room_server.token("ben", room)) as listener:
                session = await host.start(config, ada_avatar_path)
                await wait_until(lambda: len(listener.sound) > 20, what="an audio track")
                before = await listener.repairs()
                agent_token = room_server.token("the-agent", room, kind="agent")
                events = await run_agent(framework, room_server.url, agent_token, "ada", scenario)
                after = await listener.repairs()
                await session.leave()
            concealed_s = after.concealed_s - before.concealed_s
            stretched_s = after.stretched_s - before.stretched_s
            return Outcome(events, listener, concealed_s + abs(stretched_s))

        yield perform


@pytest.fixture(params=AGENTS)
def play(request: pytest.FixtureRequest, stage: Callable[[str, str], Any]) -> Play:
    """The same with one framework after the other."""
    return partial(stage, request.param)


async def run_agent(framework: str, url: str, token: str, avatar: str, scenario: str) -> list[dict[str, Any]]:
    """What an agent tells of a scenario that it has played to its end."""
    process = await asyncio.create_subprocess_exec(
        *AGENTS[framework], url, token, avatar, scenario, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(180):
            lines = [json.loads(line) async for line in process.stdout]
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    # The Node framework logs there too.
    events = [line for line in lines if "event" in line]
    assert events[-1] == {"event": "end"}, lines
    return events


def whole(*durations_s: float) -> list[tuple[Any, bool]]:
    """The answers to utterances that are played to their ends."""
    return [(pytest.approx(duration_s, abs=EXACT_S), False) for duration_s in durations_s]


async def test_one_utterance_is_heard_whole_and_answered_once(play: Play) -> None:
    outcome = await play("say:1.5,wait")
    assert outcome.finished == whole(1.5)
    assert outcome.started == 1
    assert outcome.heard(1.5)


async def test_twenty_short_utterances_in_a_row(play: Play) -> None:
    outcome = await play(",".join(["say:0.3,wait"] * 20))
    assert outcome.finished == whole(*[0.3] * 20)
    assert outcome.started == 20
    assert outcome.heard(20 * 0.3, tones=20)


async def test_a_minute_long_utterance(stage: Callable[[str, str], Any]) -> None:
    for outcome in await asyncio.gather(*(stage(framework, "say:60,wait") for framework in AGENTS)):
        assert outcome.finished == whole(60)
        assert outcome.heard(60)


async def test_an_interruption_in_the_middle(play: Play) -> None:
    outcome = await play("say:10,started,sleep:1,interrupt,wait")
    ((position_s, interrupted),) = outcome.finished
    assert interrupted
    assert 0 < position_s < 10
    assert outcome.heard(position_s, tones=3)


async def test_an_interruption_at_the_very_start_and_then_more(play: Play) -> None:
    outcome = await play("say:5,sleep:0.05,interrupt,wait,say:5,started,interrupt,wait,say:0.5,wait")
    # What was interrupted before any of its sound was sent is no utterance.
    assert len(outcome.finished) in (2, 3)
    assert outcome.finished[-1:] == whole(0.5)
    assert all(interrupted and position_s < 5 for position_s, interrupted in outcome.finished[:-1])
    assert outcome.heard(outcome.answered_s, tones=6)


async def test_an_interruption_at_the_very_end(play: Play) -> None:
    outcome = await play("say:1,started,sleep:0.97,interrupt,wait,say:0.5,wait")
    (position_s, _), last = outcome.finished
    assert 0 < position_s < 1 + EXACT_S
    assert [last] == whole(0.5)


async def test_three_interruptions_in_quick_succession(play: Play) -> None:
    outcome = await play(",".join(["say:5,started,sleep:0.3,interrupt"] * 3) + ",say:1,wait")
    assert [interrupted for _, interrupted in outcome.finished] == [True, True, True, False]
    assert outcome.finished[-1:] == whole(1)
    assert outcome.heard(outcome.answered_s, tones=10)


async def test_saying_something_else_at_once(play: Play) -> None:
    outcome = await play("say:5,started,sleep:1,interrupt,say:0.7,wait")
    assert [interrupted for _, interrupted in outcome.finished] == [True, False]
    assert outcome.finished[1:] == whole(0.7)


async def test_utterances_that_wait_for_each_other(play: Play) -> None:
    outcome = await play("say:0.4,say:0.5,say:0.6,wait")
    assert outcome.finished == whole(0.4, 0.5, 0.6)
    assert outcome.heard(1.5, tones=3)
