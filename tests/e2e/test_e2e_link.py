"""What the Studio shows when the agent's way to the server becomes thin."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator

import psutil
import pytest
from playwright.async_api import Page, expect
from studio_stack import Stack, newest_session, session_process, talk_to

from support.link import open_link

pytestmark = pytest.mark.links

Limit = Callable[[str, psutil.Process, str], None]

LONG = "This is a long sentence, which goes on and on, because there is a lot to say and nobody who stops it. " * 4
FOLLOWS_WITHIN_MS = 30_000
"""The ladder takes its time: down in seconds, up with care."""
SEE_A_FRAME = """() => new Promise((seen) =>
    document.querySelector('[data-testid="agent-video"]').requestVideoFrameCallback(() => seen()))"""


@pytest.fixture(scope="session", autouse=True)
def interface() -> Iterator[None]:
    """Browsers and SDKs want another network interface than the loopback one before they use that."""
    with open_link():
        yield


@pytest.fixture
def limit() -> Iterator[Limit]:
    """``limit("from", process, "60kbit")``: what its packets share on their way, or those ``"to"`` it."""

    def limit(direction: str, process: psutil.Process, rate: str) -> None:
        end = {"from": "sport", "to": "dport"}[direction]
        tc("qdisc add dev lo root handle 1: htb")
        tc("class add dev lo parent 1: classid 1:1 htb rate 1gbit quantum 60000")
        tc(f"qdisc add dev lo parent 1:1 tbf rate {rate} burst 5000 latency 400ms")
        for connection in process.net_connections("udp"):
            match = f"match ip protocol 17 0xff match ip {end} {connection.laddr.port} 0xffff"
            tc(f"filter add dev lo parent 1: protocol ip u32 {match} flowid 1:1")

    yield limit
    subprocess.run(["tc", "qdisc", "del", "dev", "lo", "root"], capture_output=True, check=False)


async def test_a_thin_way_from_the_agent_leaves_the_sound_and_is_told(page: Page, stack: Stack, limit: Limit) -> None:
    await talk_to(page, "ada")
    notice = page.get_by_test_id("picture-notice")
    rung = page.get_by_test_id("stat-rung")
    await page.get_by_test_id("text").fill(LONG)
    await page.get_by_test_id("say").click()
    await expect(rung).to_have_text("512 × 512, 25 fps")
    limit("from", session_process(stack), "60kbit")
    await expect(notice).to_contain_text("Audio only: network", timeout=FOLLOWS_WITHIN_MS)
    await expect(rung).to_have_text("audio only: network")
    async with stack.api() as client:
        assert (await newest_session(client))["picture"]["rung"] == "audio only"

    tc("qdisc del dev lo root")
    await expect(notice).to_be_empty(timeout=FOLLOWS_WITHIN_MS)
    await page.evaluate(SEE_A_FRAME)
    await expect(rung).to_have_text("512 × 512, 25 fps", timeout=FOLLOWS_WITHIN_MS)
    await page.get_by_text("Details").click()
    history = page.get_by_test_id("history").get_by_role("listitem")
    await expect(history.filter(has_text=re.compile("picture audio only: network$"))).not_to_have_count(0)


async def test_a_thin_way_to_the_browser_is_told(page: Page, limit: Limit) -> None:
    await talk_to(page, "ada")
    notice = page.get_by_test_id("picture-notice")
    await page.get_by_test_id("text").fill(LONG)
    await page.get_by_test_id("say").click()
    limit("to", browser_process(), "100kbit")
    await expect(notice).to_contain_text(
        re.compile("Audio only: your network|The picture stands still"), timeout=FOLLOWS_WITHIN_MS
    )

    tc("qdisc del dev lo root")
    await expect(notice).to_be_empty(timeout=FOLLOWS_WITHIN_MS)
    await page.evaluate(SEE_A_FRAME)


def browser_process() -> psutil.Process:
    """The process of the browser that has its sockets."""
    processes = psutil.Process().children(recursive=True)
    [process] = [
        process for process in processes if "chrom" in process.name() and len(process.net_connections("udp")) > 1
    ]
    return process


def tc(command: str) -> None:
    """Change how this machine sends."""
    subprocess.run(["tc", *command.split()], check=True)
