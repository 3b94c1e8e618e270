"""A real ``visavis serve`` that can be killed, stopped and started again."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cli_program import Program, Start

from support.room_server import RoomServer
from support.visavis_server import running_visavis


@pytest.fixture(scope="session")
def data_dir_with_ada(tmp_path_factory: pytest.TempPathFactory, room_server: RoomServer) -> Path:
    """A data folder in which the demo agents are built."""
    data_dir = tmp_path_factory.mktemp("visavis") / "data"
    with running_visavis(data_dir, room_server):
        pass
    return data_dir


@pytest.fixture
def start(data_dir_with_ada: Path, tmp_path: Path, room_server: RoomServer) -> Iterator[Start]:
    """Start ``visavis serve`` on a copy of that folder, with options; a second call is another one on the same."""
    data_dir = tmp_path / "data"
    shutil.copytree(data_dir_with_ada, data_dir)
    key = json.loads((data_dir / "keys.json").read_text())["api_key"]
    programs: list[Program] = []

    def begin(*options: str, log_level: str = "info") -> Program:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("VISAVIS_")} | {
            "VISAVIS_DATA_DIR": str(data_dir),
            "VISAVIS_LOG_LEVEL": log_level,
            "VISAVIS_LIVEKIT_URL": room_server.url,
            "VISAVIS_LIVEKIT_API_KEY": room_server.server.api_key,
            "VISAVIS_LIVEKIT_API_SECRET": room_server.server.api_secret,
        }
        log_file = tmp_path / f"log-{len(programs)}"
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "visavis.cli", "serve", "--port", str(port), *options],
                env=environment, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert process.stdout is not None
        assert b"visavis serves" in process.stdout.readline(), log_file.read_text()
        headers = {"Authorization": f"Bearer {key}"}
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30)
        programs.append(Program(process, client, log_file, room_server))
        return programs[-1]

    yield begin
    for program in programs:
        if program.process.poll() is None:
            program.process.send_signal(signal.SIGINT)
            try:
                program.process.wait(20)
            except subprocess.TimeoutExpired:
                program.process.kill()
        program.process.wait()
        assert program.process.stdout is not None
        program.process.stdout.close()
