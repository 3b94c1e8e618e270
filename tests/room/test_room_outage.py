"""A server that crashes and comes back."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from support.listener import listening, wait_until
from support.room_server import running_server
from visavis.avatar import Avatar
from visavis.performer import Performer
from visavis.room import RoomSession, SessionConfig, SessionState, StateChanged, VideoConfig

pytestmark = pytest.mark.room


async def test_a_session_is_back_after_the_server_restarts(
    livekit_program: Path, tmp_path: Path, ada_avatar: Avatar, small_video: VideoConfig
) -> None:
    with running_server(livekit_program, tmp_path / "server.log") as server:
        events: list[object] = []
        config = SessionConfig(
            session_id="outage",
            agent_id="ada",
            room_url=server.url,
            room_token=server.token("ada", "outage"),
            video=small_video,
        )
        session = RoomSession(config, Performer(ada_avatar, width_px=128, height_px=128), events.append)
        running = asyncio.create_task(session.run())

        def states() -> list[SessionState]:
            return [event.state for event in events if isinstance(event, StateChanged)]

        await wait_until(lambda: SessionState.CONNECTED in states(), what="the first join")
        await server.kill()
        await wait_until(lambda: SessionState.RECONNECTING in states(), 30, "the loss")
        await wait_until(lambda: states()[-1] is SessionState.CONNECTED, 40, "the return")
        async with listening(server.url, server.token("ben", "outage")) as ben:
            await wait_until(lambda: len(ben.frames) > 10, what="frames after the restart")
        session.leave()
        assert (await running).reason == "asked"
