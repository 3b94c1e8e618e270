"""Fixtures: the whole of visavis as ``make run`` starts it, and its page."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.async_api import Page
from studio_stack import Stack, studio

from support.voice import espeak

MICROPHONE_RATE_HZ = 48_000
SPEECH_S = 6.0
SILENCE_S = 4.0
"""The microphone repeats: speech, silence, speech, ..."""


@pytest.fixture(scope="session")
def stack(livekit_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """``visavis up`` on free ports with a fresh data folder; stopped as Ctrl-C does."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "visavis.cli", "up", "--port", str(port), "--livekit-port", str(free_port())],
        env={
            **os.environ,
            "VISAVIS_DATA_DIR": str(tmp_path_factory.mktemp("visavis") / "data"),
            "VISAVIS_LIVEKIT_SERVER": str(livekit_program),
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = next((line for line in process.stdout if line.startswith("visavis runs: ")), "")
        assert line.strip() == f"visavis runs: http://127.0.0.1:{port}"
        stack = Stack(f"http://127.0.0.1:{port}", process)
        await_demo_agents(stack)
        yield stack
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


@pytest.fixture(scope="session")
def microphone_wav(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the fake microphone plays."""
    folder = tmp_path_factory.mktemp("microphone")
    text = "Papa saw a large car far apart. Where are all of our harbour walls? Nora saw a far off farm."
    with wave.open(str(espeak(text, folder / "speech.wav"))) as file:
        rate_hz = file.getframerate()
        speech = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32)
    wanted = round(SPEECH_S * MICROPHONE_RATE_HZ)
    resampled = np.interp(np.arange(wanted) * rate_hz / MICROPHONE_RATE_HZ, np.arange(len(speech)), speech)
    sound = np.concatenate([resampled, np.zeros(round(SILENCE_S * MICROPHONE_RATE_HZ))]).astype(np.int16)
    with wave.open(str(folder / "microphone.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(MICROPHONE_RATE_HZ)
        file.writeframes(sound.tobytes())
    return folder / "microphone.wav"


@pytest.fixture
async def page(stack: Stack, microphone_wav: Path) -> AsyncIterator[Page]:
    """The Studio in Chromium."""
    async with studio(stack, microphone_wav) as page:
        yield page


def await_demo_agents(stack: Stack) -> None:
    """Building them takes the time that pictures would need."""
    headers = stack.headers()
    for _ in range(600):
        agents = httpx.get(f"{stack.url}/v1/agents", headers=headers).json()["agents"]
        if agents and all(agent["status"] == "ready" for agent in agents):
            return
        time.sleep(0.1)
    raise AssertionError(f"the demo agents are not ready: {agents}")


def free_port() -> int:
    """A TCP port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
