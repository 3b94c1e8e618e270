"""A running visavis, and its Studio in a real Chromium with a microphone that plays a recording."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from playwright.async_api import Page, async_playwright


@dataclass(frozen=True, slots=True)
class Stack:
    """A running visavis."""

    url: str
    process: subprocess.Popen[str]

    def api(self) -> httpx.AsyncClient:
        """A client that has the key."""
        key = httpx.get(f"{self.url}/studio-config.json").json()["api_key"]
        return httpx.AsyncClient(base_url=self.url, headers={"Authorization": f"Bearer {key}"}, timeout=20)


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
