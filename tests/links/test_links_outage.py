"""A link that is cut for a while."""

from __future__ import annotations

import asyncio
import time

import pytest

from links.conftest import FarAgents
from support.link import Link
from support.listener import wait_until

pytestmark = pytest.mark.links


@pytest.mark.parametrize("outage_s", [2, 10, 40])
async def test_the_agent_is_back_after_an_outage(link: Link, far_agent: FarAgents, outage_s: float) -> None:
    async with far_agent(width_px=256, height_px=256) as agent:
        agent.tell("tone 120")
        await wait_until(lambda: agent.is_heard(0), what="the tone")
        link.cut()
        await asyncio.sleep(outage_s)
        link.mend()
        mended_s = time.monotonic()
        await wait_until(lambda: agent.is_heard(mended_s), 30, "the tone after the outage")
        await wait_until(lambda: agent.listener.frames[-1].at_s > mended_s, 30, "a picture after the outage")
        await wait_until(lambda: agent.state == "connected", 10, "the connection")
