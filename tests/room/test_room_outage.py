"""A room that is lost by accident."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from support.listener import listening, wait_until
from support.room_server import RoomServer, running_server
from visavis.avatar import Avatar
from visavis.errors import RoomError
from visavis.performer import Performer
from visavis.room import RoomSession, SessionConfig, SessionState, StateChanged, VideoConfig

pytestmark = pytest.mark.room


def session_at(url: str, token: str, avatar: Avatar, video: VideoConfig, events: list[object]) -> RoomSession:
    config = SessionConfig(session_id="outage", agent_id="ada", room_url=url, room_token=token, video=video)
    return RoomSession(config, Performer(avatar, width_px=video.width_px, height_px=video.height_px), events.append)


@asynccontextmanager
async def connected(
    server: RoomServer, avatar: Avatar, video: VideoConfig
) -> AsyncIterator[tuple[RoomSession, list[object]]]:
    events: list[object] = []
    session = session_at(server.url, server.token("ada", "outage"), avatar, video, events)
    running = asyncio.create_task(session.run())
    try:
        await wait_until(lambda: SessionState.CONNECTED in states(events), what="the first join")
        yield session, events
    finally:
        session.leave()
        end = await running
    assert end.reason == "asked"


def states(events: list[object]) -> list[SessionState]:
    return [event.state for event in events if isinstance(event, StateChanged)]


def reasons(events: list[object]) -> list[str]:
    return [event.reason for event in events if isinstance(event, StateChanged)]


async def is_seen(server: RoomServer) -> None:
    async with listening(server.url, server.token("ben", "outage")) as ben:
        await wait_until(lambda: len(ben.frames) > 10, what="frames after the restart")


async def test_the_connection_is_taken_up_again_after_a_crash_of_the_server(
    livekit_program: Path, tmp_path: Path, ada_avatar: Avatar, small_video: VideoConfig
) -> None:
    with running_server(livekit_program, tmp_path / "server.log") as server:
        async with connected(server, ada_avatar, small_video) as (_, events):
            await server.kill()
            await wait_until(lambda: SessionState.RECONNECTING in states(events), 30, "the loss")
            await wait_until(lambda: states(events)[-1] is SessionState.CONNECTED, 40, "the return")
            await is_seen(server)


async def test_a_server_that_was_long_away_is_taken_up_again_as_soon_as_it_answers(
    livekit_program: Path, tmp_path: Path, ada_avatar: Avatar, small_video: VideoConfig
) -> None:
    """The SDK waits longer and longer between its tries, ten seconds in the end."""
    with running_server(livekit_program, tmp_path / "server.log") as server:
        async with connected(server, ada_avatar, small_video) as (_, events):
            await server.be_away(20)
            await wait_until(lambda: states(events)[-1] is SessionState.CONNECTED, 8, "the return")
            await is_seen(server)


async def test_the_room_is_joined_anew_where_the_connection_has_ended(
    livekit_program: Path, tmp_path: Path, ada_avatar: Avatar, small_video: VideoConfig
) -> None:
    with running_server(livekit_program, tmp_path / "server.log") as server:
        async with connected(server, ada_avatar, small_video) as (_, events):
            await server.send_everybody_away()
            await wait_until(lambda: "rejoining" in reasons(events), 30, "the end of the connection")
            await wait_until(lambda: reasons(events)[-1] == "rejoined", 40, "the return")
            await is_seen(server)


async def test_it_leaves_while_it_tries_to_return(
    livekit_program: Path, tmp_path: Path, ada_avatar: Avatar, small_video: VideoConfig
) -> None:
    with running_server(livekit_program, tmp_path / "server.log") as server:
        async with connected(server, ada_avatar, small_video) as (_, events):
            await server.kill()
            await wait_until(lambda: SessionState.RECONNECTING in states(events), 30, "the loss")


async def test_a_room_that_was_never_reached_is_an_error(ada_avatar: Avatar, small_video: VideoConfig) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(RoomError) as caught:
        await session_at(url, "a.b.c", ada_avatar, small_video, []).run()
    assert caught.value.code == "room_unreachable"
    assert caught.value.hint


async def test_a_token_without_the_right_to_publish_is_an_error(
    room_server: RoomServer, ada_avatar: Avatar, small_video: VideoConfig
) -> None:
    token = room_server.token("ada", "mute", can_publish=False)
    with pytest.raises(RoomError) as caught:
        async with asyncio.timeout(30):
            await session_at(room_server.url, token, ada_avatar, small_video, []).run()
    assert caught.value.code == "token_cannot_publish"


async def test_a_token_that_may_publish_a_camera_only_is_an_error(
    room_server: RoomServer, ada_avatar: Avatar, small_video: VideoConfig
) -> None:
    token = room_server.token("ada", "mute", can_publish_sources=["camera"])
    with pytest.raises(RoomError) as caught:
        await session_at(room_server.url, token, ada_avatar, small_video, []).run()
    assert caught.value.code == "token_cannot_publish"


async def test_a_token_that_may_publish_just_what_an_agent_needs_will_do(
    room_server: RoomServer, ada_avatar: Avatar, small_video: VideoConfig
) -> None:
    token = room_server.token("ada", "modest", can_publish_sources=["camera", "microphone"])
    events: list[object] = []
    session = session_at(room_server.url, token, ada_avatar, small_video, events)
    running = asyncio.create_task(session.run())
    await wait_until(lambda: SessionState.CONNECTED in states(events) or running.done(), what="the join")
    session.leave()
    assert (await running).reason == "asked"
