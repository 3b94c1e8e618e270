"""A link on which packets come late, unevenly, or not at all."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import numpy as np
import pytest

from links.conftest import FarAgent, FarAgents
from support.link import AiryLink, open_airy_link
from support.listener import wait_until

pytestmark = pytest.mark.links

SETTLED_S = 3.0


@pytest.fixture
def link() -> Iterator[AiryLink]:
    """A link through the air."""
    with open_airy_link() as opened:
        yield opened


@pytest.mark.parametrize(
    "weather",
    [
        pytest.param({"delay_ms": 20, "jitter_ms": 50, "loss": 0.02}, id="a crowded WiFi"),
        pytest.param({"delay_ms": 150, "jitter_ms": 10}, id="the other side of the world"),
    ],
)
async def test_common_weather_is_hardly_heard_or_seen(
    link: AiryLink, far_agent: FarAgents, weather: dict[str, float]
) -> None:
    link.weather(**weather)
    async with far_agent() as agent:
        agent.tell("tone 60")
        await wait_until(lambda: agent.is_heard(0), what="the tone")
        await asyncio.sleep(SETTLED_S)
        began_s = time.monotonic()
        await asyncio.sleep(8)
        ended_s = time.monotonic()
        assert agent.silence_s(began_s, ended_s) < 0.5
        assert "audio only" not in agent.rungs
        assert longest_still_s(agent, began_s, ended_s) < 1.5


async def test_a_storm_is_heard_and_passes(link: AiryLink, far_agent: FarAgents) -> None:
    async with far_agent() as agent:
        agent.tell("tone 90")
        await wait_until(lambda: agent.is_heard(0), what="the tone")
        await asyncio.sleep(SETTLED_S)
        link.weather(delay_ms=30, jitter_ms=100, loss=0.3)
        storm_s = time.monotonic()
        await asyncio.sleep(7)
        link.weather()
        calm_s = time.monotonic()
        await wait_until(lambda: agent.rung == "512x512@25", 20, "the whole picture")
        back_s = time.monotonic()
        await asyncio.sleep(2)
        assert agent.silence_s(storm_s, calm_s) < 3.0
        assert agent.silence_s(calm_s + 1, back_s + 2) < 0.4
        assert len(agent.rungs) <= 12, agent.rungs


def longest_still_s(agent: FarAgent, since_s: float, until_s: float) -> float:
    """The longest time without a new picture."""
    seen = [frame.at_s for frame in agent.listener.frames if since_s < frame.at_s < until_s]
    return float(np.diff([since_s, *seen, until_s]).max())
