"""A link that becomes thin, then thinner, then wide again."""

from __future__ import annotations

import asyncio
import time

import pytest

from links.conftest import FarAgents
from support.link import Link
from support.listener import wait_until

pytestmark = pytest.mark.links

SETTLED_S = 4.0
"""A link that has become thin delays and loses what was sent before anybody knows; after this nothing is lost."""
LOST_S = 2.0
"""What that may cost of the sound, twice."""


async def test_the_picture_gives_way_and_comes_back_while_the_sound_goes_on(link: Link, far_agent: FarAgents) -> None:
    link.limit_up(2_000_000)
    async with far_agent() as agent:
        agent.tell("tone 90")
        began_s = time.monotonic() + 1
        await asyncio.sleep(5)
        assert agent.rung == "512x512@25"

        link.limit_up(300_000)
        thin_s = time.monotonic()
        await asyncio.sleep(SETTLED_S + 4)
        assert agent.rung != "audio only"

        link.limit_up(60_000)
        thinner_s = time.monotonic()
        await wait_until(lambda: agent.rung == "audio only", 15, "sound only")
        ada = agent.listener.room.remote_participants["ada"]
        await wait_until(lambda: ada.attributes.get("visavis.rung") == "audio only", 10, "the attribute")
        assert ada.attributes["visavis.rung_reason"] == "network"
        await wait_until(lambda: any(track.muted for track in ada.track_publications.values()), 10, "muting")
        await asyncio.sleep(max(0.0, thinner_s + SETTLED_S + 4 - time.monotonic()))

        link.limit_up(2_000_000)
        wide_s = time.monotonic()
        await wait_until(lambda: agent.rung == "512x512@25", 25, "the whole picture")
        await wait_until(lambda: agent.listener.frames[-1].luma.shape == (512, 512), 5, "the whole picture seen")
        await wait_until(lambda: not ada.attributes.get("visavis.rung_reason"), 5, "no reason")
        ended_s = time.monotonic()
        agent.tell("interrupt")

    assert agent.silence_s(began_s, thin_s) < 0.4
    assert agent.silence_s(thin_s + SETTLED_S, thinner_s) < 0.4
    assert agent.silence_s(thinner_s + SETTLED_S, wide_s) < 0.4
    assert agent.silence_s(wide_s + 1, ended_s) < 0.4
    assert agent.silence_s(began_s, ended_s) < LOST_S
    assert len(agent.rungs) <= 14, agent.rungs


async def test_a_viewers_thin_link_is_no_reason_to_lose_the_sound(link: Link, far_agent: FarAgents) -> None:
    """What comes towards the agent (its agent's speech, a microphone) may be thin too."""
    async with far_agent() as agent:
        link.limit_down(100_000)
        agent.tell("tone 30")
        began_s = time.monotonic() + 1
        await asyncio.sleep(8)
        assert agent.silence_s(began_s, time.monotonic() - 0.5) < 0.2
        agent.tell("interrupt")
