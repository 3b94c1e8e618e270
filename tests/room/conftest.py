"""An agent in a room, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from support.room_server import RoomServer, new_room
from visavis.avatar import Avatar
from visavis.performer import Performer
from visavis.room import Joined, RoomSession, SessionConfig, StateChanged, VideoConfig
from visavis.room.events import SessionEvent


@dataclass(slots=True)
class AgentInRoom:
    """A running session and what it reported."""

    session: RoomSession
    running: asyncio.Task[StateChanged]
    room: str
    events: list[SessionEvent] = field(default_factory=list)

    @property
    def joined(self) -> Joined | None:
        return next((event for event in self.events if isinstance(event, Joined)), None)

    @property
    def states(self) -> list[StateChanged]:
        return [event for event in self.events if isinstance(event, StateChanged)]


Enter = Callable[..., AbstractAsyncContextManager[AgentInRoom]]


@pytest.fixture
def agent_in_room(room_server: RoomServer, ada_avatar: Avatar) -> Enter:
    """Bring ada into a room: ``async with agent_in_room() as agent``; keywords go to the session's configuration."""

    @asynccontextmanager
    async def enter(
        *,
        room: str = "",
        identity: str = "ada",
        grants: dict[str, Any] | None = None,
        performer_kind: type[Performer] = Performer,
        **config: Any,
    ) -> AsyncIterator[AgentInRoom]:
        room = room or new_room()
        events: list[SessionEvent] = []
        wanted = SessionConfig(
            session_id="test",
            agent_id="ada",
            room_url=room_server.url,
            room_token=room_server.token(identity, room, **(grants or {})),
            **config,
        )
        performer = performer_kind(
            ada_avatar, width_px=wanted.video.width_px, height_px=wanted.video.height_px, fps=wanted.video.fps,
            look_ahead_ms=wanted.look_ahead_ms, early_lips=not wanted.relay_audio,
        )  # fmt: skip
        session = RoomSession(wanted, performer, events.append)
        running = asyncio.create_task(session.run())
        agent = AgentInRoom(session, running, room, events)
        deadline = asyncio.get_running_loop().time() + 15
        while agent.joined is None and not running.done():
            assert asyncio.get_running_loop().time() < deadline
            await asyncio.sleep(0.02)
        if running.done():
            await running
        try:
            yield agent
        finally:
            session.leave()
            await running

    return enter


@pytest.fixture
def small_video() -> VideoConfig:
    """A picture that costs little where the picture is not the point."""
    return VideoConfig(width_px=128, height_px=128, fps=25, max_bitrate_bps=200_000)
