"""A running visavis, and its Studio in a real Chromium with a microphone that plays a recording."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from playwright.async_api import JSHandle, Page, async_playwright, expect


@dataclass(frozen=True, slots=True)
class Stack:
    """A running visavis."""

    url: str
    process: subprocess.Popen[str]

    def headers(self) -> dict[str, str]:
        """The key, as requests send it."""
        key = httpx.get(f"{self.url}/studio-config.json").json()["api_key"]
        return {"Authorization": f"Bearer {key}"}

    def api(self) -> httpx.AsyncClient:
        """A client that has the key."""
        return httpx.AsyncClient(base_url=self.url, headers=self.headers(), timeout=20)


@asynccontextmanager
async def studio(stack: Stack, microphone_wav: Path, *, allows_microphone: bool = True) -> AsyncIterator[Page]:
    """Chromium with the Studio open; closed at the end."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--use-fake-ui-for-media-stream" if allows_microphone else "--deny-permission-prompts",
                "--use-fake-device-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone_wav}",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        try:
            page = await browser.new_page(viewport={"width": 1180, "height": 900})
            page.set_default_timeout(30_000)
            await page.goto(stack.url)
            yield page
            # Closing the browser is no goodbye: its agents would stay for a while, and cost what they cost.
            await page.close()
        finally:
            await browser.close()


async def talk_to(page: Page, agent_id: str) -> None:
    """Click "Talk" and wait for the agent."""
    card = page.get_by_test_id(f"agent-{agent_id}")
    await expect(card).to_have_attribute("data-status", "ready", timeout=60_000)
    await card.get_by_role("link", name="Talk").click()
    await see_the_agent(page)


async def see_the_agent(page: Page) -> None:
    """Wait until pictures of the agent arrive."""
    await expect(page.get_by_test_id("connection")).to_have_text("Connected")
    await page.wait_for_function(
        """() => {
            const video = document.querySelector('[data-testid="agent-video"]');
            return video?.videoWidth > 100 && video.getVideoPlaybackQuality().totalVideoFrames > 10;
        }"""
    )


async def hear_the_agent(page: Page) -> JSHandle:
    """A function of the page: how loud the agent's voice is at the moment."""
    return await page.evaluate_handle(
        """() => {
            const context = new AudioContext();
            const analyser = context.createAnalyser();
            const element = document.querySelector('[data-testid="agent-audio"]');
            context.createMediaStreamSource(element.srcObject).connect(analyser);
            const samples = new Float32Array(analyser.fftSize);
            return () => {
                analyser.getFloatTimeDomainData(samples);
                return Math.sqrt(samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length);
            };
        }"""
    )


async def until_silent(page: Page, loudness: JSHandle) -> None:
    """Wait until nothing was heard for half a second: longer than between two words."""
    await page.wait_for_function(
        """loudness => {
            const now = performance.now();
            if (loudness() > 0.001) window.heardAt = now;
            return now - (window.heardAt ?? now) > 500;
        }""",
        arg=loudness,
        polling=20,
    )


async def newest_session(client: httpx.AsyncClient) -> dict[str, Any]:
    """The session that began last."""
    response = await client.get("/v1/sessions", params={"live": True, "limit": 1})
    return dict(response.json()["sessions"][0])


def session_process(stack: Stack) -> psutil.Process:
    """The process of the session that began last: no other Python program of ours uses UDP."""
    processes = psutil.Process(stack.process.pid).children(recursive=True)
    sessions = [process for process in processes if "python" in process.name() and process.net_connections("udp")]
    return max(sessions, key=psutil.Process.create_time)
