"""``visavis up``, ``join``, ``doctor`` and ``bench`` as a user runs them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from support.room_server import RoomServer, new_room


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "visavis.cli", *map(str, arguments)]


@pytest.fixture
def environment(tmp_path: Path, livekit_program: Path) -> dict[str, str]:
    """Of a fresh installation."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("VISAVIS_")}
    return kept | {"VISAVIS_DATA_DIR": str(tmp_path / "data"), "VISAVIS_LIVEKIT_SERVER": str(livekit_program)}


@contextmanager
def running(arguments: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        arguments, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def until_line(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    for line in process.stdout:
        if words in line:
            return line
    raise AssertionError(f"ended without saying {words!r}")


def assert_refused(result: subprocess.CompletedProcess[str], words: str) -> None:
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert words in result.stderr
    assert "hint: " in result.stderr


@pytest.mark.room
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_prints_one_address_and_leaves_no_process_behind(
    environment: dict[str, str], number: signal.Signals
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with running(command("up", "--port", str(port)), environment | {"VISAVIS_DEMO_AGENTS": "false"}) as process:
        assert until_line(process, "visavis runs").strip() == f"visavis runs: http://127.0.0.1:{port}"
        assert httpx.get(f"http://127.0.0.1:{port}/readyz").json()["checks"] == {"database": True, "livekit": True}
        children = psutil.Process(process.pid).children(recursive=True)
        assert any("livekit-server" in child.name() for child in children)
        process.send_signal(number)
        assert process.wait(timeout=30) == 0
        psutil.wait_procs(children, timeout=10)
        assert not [child for child in children if child.is_running()]


@pytest.mark.room
def test_a_livekit_port_that_was_asked_for_and_is_taken_is_said(
    environment: dict[str, str], room_server: RoomServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    taken = str(room_server.server.port)
    result = subprocess.run(
        command("up", "--port", str(port), "--livekit-port", taken), env=environment, capture_output=True, text=True
    )
    assert_refused(result, f"Port {taken} of this machine is in use")


def test_a_port_in_use_is_said(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        result = subprocess.run(command("serve", "--port", port), env=environment, capture_output=True, text=True)
    assert_refused(result, f"cannot listen on 127.0.0.1:{port}")


def test_a_misspelt_setting_is_said(environment: dict[str, str]) -> None:
    result = subprocess.run(
        command("serve"), env=environment | {"VISAVIS_PROT": "7700"}, capture_output=True, text=True
    )
    assert_refused(result, "VISAVIS_PROT")
    assert "Did you mean VISAVIS_PORT?" in result.stderr


@pytest.mark.room
async def test_join_brings_an_avatar_file_into_a_room_until_ctrl_c(
    environment: dict[str, str], room_server: RoomServer, ada_avatar_path: Path
) -> None:
    room = new_room()
    secret = {"VISAVIS_ROOM_TOKEN": room_server.token("ada", room)}
    arguments = command("join", "--agent", ada_avatar_path, "--url", room_server.url, "--size", "128")
    with running(arguments, environment | secret) as process:
        line = await asyncio.to_thread(until_line, process, "is in the room")
        assert line.startswith(f"ada is in the room {room} as PA_")
        assert await room_server.participants(room) == ["ada"]
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=15) == 0
        assert await room_server.participants(room) == []


@pytest.mark.room
def test_join_says_what_is_wrong(environment: dict[str, str], room_server: RoomServer, ada_avatar_path: Path) -> None:
    token = room_server.token("ada", new_room())
    for arguments, words in (
        (["--agent", "nobody", "--url", room_server.url, "--token", token], "There is no agent 'nobody'"),
        (["--agent", ada_avatar_path, "--url", room_server.url, "--token", "gibberish"], "token"),
        (["--agent", ada_avatar_path, "--url", "ws://127.0.0.1:1", "--token", token], "No LiveKit server answers"),
        (["--agent", ada_avatar_path, "--url", room_server.url, "--token", token, "--look-ahead", "41"], "41"),
    ):
        result = subprocess.run(command("join", *arguments), env=environment, capture_output=True, text=True)
        assert_refused(result, words)
        assert token not in result.stderr


@pytest.mark.room
def test_doctor_checks_server_and_token_and_says_what_to_do(
    environment: dict[str, str], room_server: RoomServer
) -> None:
    token = room_server.token("ada", new_room())
    arguments = command("doctor", "--url", room_server.url, "--token", token)
    result = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    lines = result.stdout.splitlines()
    for subject in ("livekit-server", "espeak-ng", "data folder", "api", "token", "livekit"):
        assert any(line.startswith(f"ok  {subject}") for line in lines), result.stdout
    assert token not in result.stdout

    arguments = command("doctor", "--url", "ws://127.0.0.1:1", "--token", token)
    result = subprocess.run(arguments, env=environment, capture_output=True, text=True)
    assert result.returncode == 1
    assert "FIX livekit " in result.stdout
    assert "-> Check the room URL" in result.stdout


def test_bench_measures_and_writes_its_figures(environment: dict[str, str], tmp_path: Path) -> None:
    result = subprocess.run(
        command("bench", "--only", "speech", "--output", tmp_path / "figures"),
        env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert "mouth_stream_40_us_median" in result.stdout
    assert (tmp_path / "figures" / "bench.json").is_file()
    result = subprocess.run(command("bench", "--only", "teapots"), env=environment, capture_output=True, text=True)
    assert_refused(result, "teapots")
