"""Sessions in processes of their own."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from support.listener import listening, wait_until
from support.room_server import RoomServer, new_room
from visavis.errors import RoomError
from visavis.placement import SessionHost
from visavis.placement.channel import Sound
from visavis.room import SessionConfig, SessionState, StateChanged, VideoConfig

pytestmark = pytest.mark.room
SMALL = VideoConfig(width_px=128, height_px=128, max_bitrate_bps=200_000)


def configuration(server: RoomServer, room: str, session_id: str = "one") -> SessionConfig:
    return SessionConfig(
        session_id=session_id,
        agent_id="ada",
        room_url=server.url,
        room_token=server.token(f"ada-{session_id}", room),
        video=SMALL,
    )


async def tone(seconds: float) -> AsyncGenerator[Sound]:
    for _ in range(round(seconds / 0.1)):
        yield Sound((np.sin(np.arange(2400) * 2 * np.pi * 300 / 24_000) * 12_000).astype(np.int16), 24_000)


async def test_a_session_joins_speaks_and_leaves(room_server: RoomServer, ada_avatar_path: Path) -> None:
    room = new_room()
    async with SessionHost() as host:
        session = await host.start(configuration(room_server, room), ada_avatar_path)
        assert session.joined is not None
        assert session.joined.participant_id.startswith("PA_")
        async with listening(room_server.url, room_server.token("ben", room)) as ben:
            await wait_until(lambda: ben.frames and ben.sound, what="picture and sound")
            before = time.monotonic()
            assert await session.speak(tone(1.0))
            await wait_until(lambda: ben.heard_at_s(before), what="the voice")
        process = session.process
        await session.leave()
        assert (session.state, session.reason) == (SessionState.LEFT, "asked")
        assert process.exitcode == 0
        assert await room_server.participants(room) == []


async def test_a_crash_is_told_and_is_that_sessions_alone(room_server: RoomServer, ada_avatar_path: Path) -> None:
    room = new_room()
    async with SessionHost() as host:
        doomed = await host.start(configuration(room_server, room, "doomed"), ada_avatar_path)
        other = await host.start(configuration(room_server, room, "other"), ada_avatar_path)
        os.kill(doomed.process.pid, signal.SIGKILL)
        await asyncio.wait_for(doomed.ended.wait(), 5)
        assert (doomed.state, doomed.reason) == (SessionState.FAILED, "crashed")
        assert list(host.sessions) == ["other"]
        async with listening(room_server.url, room_server.token("ben", room)) as ben:
            await wait_until(lambda: len(ben.frames) > 5, what="the other's picture")
        assert other.state is SessionState.CONNECTED
        assert [event async for event in doomed.events()][-1] == StateChanged(SessionState.FAILED, "crashed")


async def test_closing_the_host_ends_every_session(room_server: RoomServer, ada_avatar_path: Path) -> None:
    room = new_room()
    async with SessionHost() as host:
        sessions = [await host.start(configuration(room_server, room, name), ada_avatar_path) for name in ("a", "b")]
        pids = [session.process.pid for session in sessions]
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert await room_server.participants(room) == []


async def test_a_full_machine_says_so(room_server: RoomServer, ada_avatar_path: Path) -> None:
    async with SessionHost(max_sessions=1) as host:
        await host.start(configuration(room_server, new_room(), "a"), ada_avatar_path)
        with pytest.raises(RoomError) as caught:
            await host.start(configuration(room_server, new_room(), "b"), ada_avatar_path)
        assert caught.value.code == "machine_full"


@asynccontextmanager
async def hardly_any_time(process: psutil.Process) -> AsyncIterator[None]:
    """Give a process a fifth of the time, as a machine does that has too much to do."""

    async def slow_down() -> None:
        while True:
            process.suspend()
            await asyncio.sleep(0.24)
            process.resume()
            await asyncio.sleep(0.06)

    slowing = asyncio.create_task(slow_down())
    try:
        yield
    finally:
        slowing.cancel()
        await asyncio.gather(slowing, return_exceptions=True)
        process.resume()


async def test_nobody_is_let_in_while_the_running_ones_have_no_time_to_draw(
    room_server: RoomServer, ada_avatar_path: Path
) -> None:
    room = new_room()
    async with (
        SessionHost(max_sessions=8) as host,
        listening(room_server.url, room_server.token("ben", room)) as ben,
    ):
        running = await host.start(configuration(room_server, room, "a"), ada_avatar_path)
        await wait_until(lambda: ben.frames, what="a picture")
        assert host.refusal is None
        async with hardly_any_time(psutil.Process(running.process.pid)):
            await wait_until(lambda: host.refusal == "strain", 60, "the refusal")
            assert host.strain > 0
            with pytest.raises(RoomError) as caught:
                await host.start(configuration(room_server, new_room(), "b"), ada_avatar_path)
            assert (caught.value.code, "no time to draw" in caught.value.message) == ("machine_full", True)
        await wait_until(lambda: host.refusal is None, 60, "the relief")
        await host.start(configuration(room_server, new_room(), "b"), ada_avatar_path)


async def test_a_closed_door_is_open_to_those_who_come_back(room_server: RoomServer, ada_avatar_path: Path) -> None:
    async with SessionHost(max_sessions=1) as host:
        config = configuration(room_server, new_room(), "a")
        doomed = await host.start(config, ada_avatar_path)
        host.close_door()
        assert host.refusal == "stopping"
        with pytest.raises(RoomError) as caught:
            await host.start(configuration(room_server, new_room(), "b"), ada_avatar_path)
        assert caught.value.code == "stopping"
        os.kill(doomed.process.pid, signal.SIGKILL)
        await asyncio.wait_for(doomed.ended.wait(), 5)
        successor = await host.start(replace(config, resumes=True), ada_avatar_path)
        assert successor.state is SessionState.CONNECTED


async def test_a_damaged_avatar_is_an_error_not_a_crash(room_server: RoomServer, tmp_path: Path) -> None:
    broken = tmp_path / "broken.avatar"
    broken.write_bytes(b"not an avatar at all")
    async with SessionHost() as host:
        with pytest.raises(RoomError) as caught:
            await host.start(configuration(room_server, new_room()), broken)
        assert caught.value.code == "not_an_avatar"
        assert host.sessions == {}


async def test_an_interrupted_utterance_ends_early(room_server: RoomServer, ada_avatar_path: Path) -> None:
    async with SessionHost() as host:
        session = await host.start(configuration(room_server, new_room()), ada_avatar_path)

        async def slow_tone() -> AsyncGenerator[Sound]:
            async for piece in tone(10):
                yield piece
                await asyncio.sleep(0.02)

        speaking = asyncio.create_task(session.speak(slow_tone()))
        await asyncio.sleep(0.5)
        played_s = await session.interrupt()
        assert 0 < played_s < 2
        assert await asyncio.wait_for(speaking, 2) is False
