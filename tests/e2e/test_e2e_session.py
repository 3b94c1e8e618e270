"""What the Studio shows of a running session, and what one can do to it."""

from __future__ import annotations

import asyncio
import re

import pytest
from playwright.async_api import Locator, Page, expect
from studio_stack import Stack, hear_the_agent, newest_session, session_process, talk_to, until_silent

pytestmark = pytest.mark.browser

LONG = "This is a long sentence, which goes on and on until somebody stops it, because it has no end of its own."
SEE_TEN_FRAMES = """async () => {
    const video = document.querySelector('[data-testid="agent-video"]');
    for (let i = 0; i < 10; i++) await new Promise((seen) => video.requestVideoFrameCallback(seen));
}"""
NOTE_NOTICES = """() => {
    const notice = document.querySelector('[data-testid="picture-notice"]');
    window.notices = [];
    new MutationObserver(() => window.notices.push(notice.textContent)).observe(notice, {childList: true});
}"""
FRAMES_SEEN = (
    """() => document.querySelector('[data-testid="agent-video"]').getVideoPlaybackQuality().totalVideoFrames"""
)


async def test_the_details_show_what_the_api_knows(page: Page, stack: Stack) -> None:
    await talk_to(page, "ada")
    await expect(figure(page, "rung")).to_have_text(re.compile(r"^\d+ × \d+, \d+ fps"))
    await expect(figure(page, "played")).to_be_hidden()
    await page.get_by_text("Details").click()
    await say(page, "Hello.")
    await expect(figure(page, "played")).to_have_text("1", timeout=30_000)
    await expect(figure(page, "minute")).to_have_text(re.compile(r"^\d+ / \d+ ms$"))
    for name, unit in (("round-trip", "ms"), ("loss", "%"), ("available", "kbit/s"), ("queue", "ms"), ("strain", "%")):
        await expect(figure(page, name)).to_have_text(re.compile(rf"^[\d.]+ {unit}$"))
    await expect(figure(page, "size")).to_have_text(re.compile(r"^\d+ × \d+$"))
    for name in ("interrupted", "reconnects", "restarts"):
        await expect(figure(page, name)).to_have_text("0")
    async with stack.api() as client:
        session = await newest_session(client)
    assert session["stats"]["segments_played"] == 1
    history = page.get_by_test_id("history").get_by_role("listitem")
    assert await history.count() >= len(session["connection"]["history"]) + len(session["picture"]["history"])
    await expect(history.last).to_contain_text("joining")
    await expect(history.filter(has_text="connected: joined")).to_have_count(1)


async def test_the_room_tells_how_the_agent_is_where_the_api_does_not_answer(page: Page) -> None:
    await talk_to(page, "ada")
    await page.get_by_text("Details").click()
    await expect(figure(page, "state")).to_have_text(re.compile("^connected"))
    await page.route(re.compile(r"/v1/sessions/ses_\w+$"), lambda route: route.abort())
    await expect(page.get_by_test_id("connection")).to_contain_text("does not answer")
    await expect(figure(page, "minute")).to_have_text("–")
    await say(page, "Hello.")
    await expect(figure(page, "minute")).to_have_text(re.compile(r"^\d+ / \d+ ms$"), timeout=30_000)


async def test_escape_interrupts_and_says_how_much_was_heard(page: Page) -> None:
    await talk_to(page, "ines")
    loudness = await hear_the_agent(page)
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("interrupted")).to_have_text("Nothing was being said.")
    await say(page, LONG)
    await page.wait_for_function("loudness => loudness() > 0.02", arg=loudness)
    await page.get_by_test_id("text").press("Escape")
    await until_silent(page, loudness)
    outcome = page.get_by_test_id("interrupted")
    await expect(outcome).to_have_text(re.compile(r"^Interrupted: \d+\.\d s were heard\.$"))
    await page.get_by_text("Details").click()
    await expect(figure(page, "interrupted")).to_have_text("1")
    await expect(figure(page, "played")).to_have_text("0")


async def test_the_picture_pauses_and_comes_back(page: Page) -> None:
    await talk_to(page, "ada")
    notice, button = page.get_by_test_id("picture-notice"), page.get_by_test_id("pause-picture")
    await expect(notice).to_be_empty()
    await button.click()
    await expect(notice).to_contain_text("Picture paused")
    await expect(figure(page, "fps")).to_have_text("0 fps")
    before = await page.evaluate(FRAMES_SEEN)
    await asyncio.sleep(6)  # longer than a server waits before it tells the agent
    assert await page.evaluate(FRAMES_SEEN) == before
    await expect(button).to_have_text("Resume picture")
    await page.evaluate(NOTE_NOTICES)
    await button.click()
    outcome = page.get_by_test_id("picture-outcome")
    await expect(outcome).to_have_text(re.compile(r"^The picture was back after \d+ ms\.$"))
    await expect(notice).to_be_empty()
    await page.evaluate(SEE_TEN_FRAMES)
    assert await page.evaluate("window.notices") == [""]


async def test_a_death_of_the_agents_process_is_told(page: Page, stack: Stack) -> None:
    await talk_to(page, "ada")
    await page.get_by_text("Details").click()
    await expect(figure(page, "state")).to_have_text(re.compile("^connected"))
    session_process(stack).kill()
    await expect(figure(page, "restarts")).to_have_text("1")
    history = page.get_by_test_id("history")
    await expect(history).to_contain_text(re.compile(r"process died: SIGKILL, back after \d\.\d s"))
    await expect(page.get_by_test_id("picture-notice")).to_be_empty()
    await expect(page.locator("video")).to_have_count(1)
    await page.evaluate(SEE_TEN_FRAMES)


def figure(page: Page, name: str) -> Locator:
    """One of the session's figures."""
    return page.get_by_test_id(f"stat-{name}")


async def say(page: Page, text: str) -> None:
    """Type it and let the agent say it."""
    await page.get_by_test_id("text").fill(text)
    await page.get_by_test_id("say").click()
