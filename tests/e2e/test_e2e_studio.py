"""What a person does in the Studio, in a real browser against everything ``make run`` starts."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.async_api import Page, expect
from studio_stack import Stack, hear_the_agent, newest_session, see_the_agent, studio, talk_to, until_silent

from support.listener import mouth_box
from visavis.avatar import Avatar

pytestmark = pytest.mark.browser

WATCH_MOUTH = (Path(__file__).parent / "watch-mouth.js").read_text()
PHOTO = Path(__file__).parents[1] / "assets" / "astronaut.png"
FRAME_PX = 512

KEEP_MICROPHONE = """
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => (window.microphoneStream = await ask(wanted));
"""
"""The tests look at the very sound that the page publishes."""


async def test_the_demo_agents_are_there(page: Page) -> None:
    for agent_id in ("ada", "ines", "smile-flowers"):
        card = page.get_by_test_id(f"agent-{agent_id}")
        await expect(card).to_have_attribute("data-status", "ready", timeout=60_000)
        await expect(card.get_by_role("img")).to_be_visible()


async def test_lips_follow_the_microphone_and_rest_in_silence(page: Page, stack: Stack, ada_avatar: Avatar) -> None:
    await page.add_init_script(KEEP_MICROPHONE)
    await page.reload()
    await talk_to(page, "ada")
    box = [edge / FRAME_PX for edge in mouth_box(ada_avatar)]
    await page.wait_for_function("window.microphoneStream?.getAudioTracks()[0]?.readyState === 'live'")
    await page.evaluate(WATCH_MOUTH, box)
    await page.wait_for_function("window.watchedFrames.length > 450", timeout=60_000)
    frames: list[dict[str, float]] = await page.evaluate("window.watchedFrames")
    in_speech, in_silence = split_by_microphone(frames)
    assert len(in_speech) > 50 and len(in_silence) > 20
    assert np.mean(in_speech) > 4 * np.mean(in_silence)

    await expect(page.get_by_test_id("stat-heard")).to_have_text("you")
    await expect(page.get_by_test_id("stat-state")).to_have_text(re.compile("^connected since"))
    for name, unit in (("latency", "ms"), ("fps", "fps"), ("bitrate", "kbit/s")):
        await expect(page.get_by_test_id(f"stat-{name}")).to_have_text(re.compile(rf"^\d+ {unit}"))


async def test_it_says_what_is_typed_and_stops_when_told(page: Page) -> None:
    await talk_to(page, "ines")
    loudness = await hear_the_agent(page)
    await page.get_by_test_id("text").fill("This is a long sentence, which goes on and on until somebody stops it.")
    await page.get_by_test_id("say").click()
    await page.wait_for_function("loudness => loudness() > 0.02", arg=loudness)
    await page.get_by_test_id("interrupt").click()
    await until_silent(page, loudness)


async def test_leaving_ends_the_session(page: Page, stack: Stack) -> None:
    await talk_to(page, "ada")
    async with stack.api() as client:
        session = await newest_session(client)
        await page.get_by_test_id("leave").click()
        await expect(page.get_by_test_id("agents")).to_be_visible()
        await until_ended(client, session["session_id"])


async def test_closing_the_tab_ends_the_session(stack: Stack, microphone_wav: Path) -> None:
    async with stack.api() as client, studio(stack, microphone_wav) as page:
        await talk_to(page, "ada")
        session = await newest_session(client)
        await page.close()
        await until_ended(client, session["session_id"])


async def test_a_session_that_ended_says_why_and_can_be_had_again(page: Page, stack: Stack) -> None:
    await talk_to(page, "ines")
    async with stack.api() as client:
        await client.post("/v1/agents/ines/leave-room", json={})
    ended = page.get_by_test_id("ended")
    await expect(ended).to_contain_text("It was asked to leave.")
    await ended.get_by_role("button", name="Talk again").click()
    await see_the_agent(page)


async def test_without_a_microphone_one_types(stack: Stack, microphone_wav: Path) -> None:
    async with studio(stack, microphone_wav, allows_microphone=False) as page:
        await talk_to(page, "ada")
        await expect(page.get_by_test_id("microphone-problem")).to_contain_text("not allowed")
        await expect(page.get_by_role("switch", name="Microphone")).not_to_be_checked()
        await page.get_by_test_id("text").fill("Hello!")
        await page.get_by_test_id("say").click()
        await expect(page.get_by_test_id("text")).to_have_value("")


async def test_from_elsewhere_the_page_asks_for_the_key(page: Page, stack: Stack) -> None:
    async with stack.api() as client:
        key = client.headers["Authorization"].removeprefix("Bearer ")
    # As a proxy in front of visavis would mark a request from another machine.
    await page.set_extra_http_headers({"X-Forwarded-For": "198.51.100.7"})
    await page.reload()
    await page.get_by_label("Key").fill("not the key")
    await page.get_by_role("button", name="Continue").click()
    await expect(page.locator("#notices")).to_contain_text("not the one of this installation")
    await page.get_by_label("Key").fill(key)
    await page.get_by_role("button", name="Continue").click()
    await expect(page.get_by_test_id("agent-ada")).to_be_visible()
    await page.reload()
    await expect(page.get_by_test_id("agent-ada")).to_be_visible()


async def test_a_photo_becomes_an_agent_and_a_text_file_is_refused(page: Page, tmp_path: Path) -> None:
    form = page.get_by_test_id("new-agent")
    outcome = page.get_by_test_id("outcome")
    letter = tmp_path / "letter.jpg"
    letter.write_text("Dear reader, this is not a picture.")
    await form.locator("input[type=file]").set_input_files(letter)
    await form.get_by_role("button", name="Create agent").click()
    await expect(outcome).to_contain_text("not a picture", timeout=60_000)
    await expect(outcome).to_contain_text("Send a JPEG, PNG or WebP")

    await form.locator("input[type=file]").set_input_files(PHOTO)
    await form.locator("#agent-name").fill("Eileen")
    await form.get_by_role("button", name="Create agent").click()
    await expect(outcome).to_contain_text("Eileen is ready", timeout=60_000)
    quality = re.compile(r"Picture quality [1-9]\d* of 100")
    await expect(outcome).to_contain_text(quality)
    card = page.get_by_role("article").filter(has_text="Eileen")
    await expect(card).to_contain_text(quality)
    await expect(card.get_by_role("link", name="Talk with Eileen")).to_be_visible()

    page.once("dialog", lambda dialog: dialog.dismiss())
    await card.get_by_role("button", name="Delete Eileen").click()
    await expect(card).to_be_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    await card.get_by_role("button", name="Delete Eileen").click()
    await expect(card).to_have_count(0)


def split_by_microphone(frames: list[dict[str, float]]) -> tuple[list[float], list[float]]:
    """How fast the mouth moved: while the microphone speaks, and after it was silent for a while."""
    loud_at_s = np.array([frame["at_s"] for frame in frames if frame["loudness"] > 0.01])
    speech, silence = [], []
    for frame in frames:
        age_s = frame["at_s"] - loud_at_s[loud_at_s <= frame["at_s"]]
        if ((age_s > 0.15) & (age_s < 0.4)).any():
            speech.append(frame["change_per_s"])
        elif age_s.size and age_s.min() > 1.0:
            silence.append(frame["change_per_s"])
    return speech, silence


async def until_ended(client: httpx.AsyncClient, session_id: str) -> None:
    for _ in range(300):
        session = (await client.get(f"/v1/sessions/{session_id}")).json()
        if session["state"] == "ended":
            assert session["reason"] == "left"
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the session is still {session['state']}")
