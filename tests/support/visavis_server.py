"""A real visavis, as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from support.room_server import RoomServer


@dataclass(frozen=True, slots=True)
class VisavisServer:
    """Where it answers, and its key."""

    url: str
    key: str
    process: subprocess.Popen[bytes]


@contextmanager
def running_visavis(data_dir: Path, room_server: RoomServer) -> Iterator[VisavisServer]:
    """``visavis serve`` beside a LiveKit server, with the demo agents ready."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VISAVIS_")} | {
        "VISAVIS_DATA_DIR": str(data_dir),
        "VISAVIS_LIVEKIT_URL": room_server.url,
        "VISAVIS_LIVEKIT_API_KEY": room_server.server.api_key,
        "VISAVIS_LIVEKIT_API_SECRET": room_server.server.api_secret,
    }
    process = subprocess.Popen([sys.executable, "-m", "visavis.cli", "serve", "--port", str(port)], env=environment)
    try:
        server = VisavisServer(f"http://127.0.0.1:{port}", _key(data_dir), process)
        _until_ready(server)
        yield server
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


def _key(data_dir: Path) -> str:
    path = data_dir / "keys.json"
    for _ in range(400):
        if path.exists():
            return str(json.loads(path.read_text())["api_key"])
        time.sleep(0.05)
    raise AssertionError("visavis did not start")


def _until_ready(server: VisavisServer) -> None:
    headers = {"Authorization": f"Bearer {server.key}"}
    for _ in range(1200):
        try:
            agents = httpx.get(f"{server.url}/v1/agents", headers=headers).json()["agents"]
            if agents and all(agent["status"] == "ready" for agent in agents):
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise AssertionError("the demo agents are not ready")
