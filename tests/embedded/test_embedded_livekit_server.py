"""The livekit-server that belongs to this installation."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httpx
import psutil
import pytest

from visavis.embedded import LiveKitServer, find_livekit_server
from visavis.errors import VisavisError

pytestmark = pytest.mark.room


async def answers(url: str) -> bool:
    async with httpx.AsyncClient(timeout=1.0) as client:
        try:
            return (await client.get(url.replace("ws", "http", 1))).status_code == 200
        except httpx.HTTPError:
            return False


async def test_it_answers_with_keys_of_its_own_and_leaves_no_process(livekit_program: Path, tmp_path: Path) -> None:
    async with LiveKitServer(livekit_program, tmp_path / "log") as server:
        assert await answers(server.url)
        assert server.api_secret not in repr(server)
        children = psutil.Process().children(recursive=True)
        mine = [child for child in children if child.name() == "livekit-server"]
        assert all(server.api_secret not in " ".join(child.cmdline()) for child in mine)
    assert not await answers(server.url)


async def test_it_comes_back_after_a_crash(livekit_program: Path, tmp_path: Path) -> None:
    async with LiveKitServer(livekit_program, tmp_path / "log") as server:
        await server.kill()
        async with asyncio.timeout(20):
            while True:
                if await answers(server.url):
                    break
                await asyncio.sleep(0.1)


async def test_a_port_in_use_is_told(livekit_program: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(VisavisError) as caught:
            async with LiveKitServer(livekit_program, tmp_path / "log", port=taken.getsockname()[1]):
                pass
    assert caught.value.code == "port_in_use"


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    with pytest.raises(VisavisError) as caught:
        find_livekit_server(tmp_path / "nothing")
    assert caught.value.code == "livekit_server_missing"
    assert "VISAVIS_LIVEKIT_URL" in caught.value.hint


async def test_a_program_that_ends_at_once_is_told(tmp_path: Path) -> None:
    program = tmp_path / "server"
    program.write_text("#!/bin/sh\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(VisavisError) as caught:
        async with LiveKitServer(program, tmp_path / "log"):
            pass
    assert caught.value.code == "livekit_server_failed"
