"""Where the benchmarks play: a LiveKit server, sessions in processes of their own, and one agent in many rooms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import numpy as np
from livekit import api
from numpy.typing import NDArray

from visavis.avatar import Avatar
from visavis.bench.subject import TALK, demo_avatar, said
from visavis.bench.subscriber import Subscriber, subscribed
from visavis.embedded import LiveKitServer
from visavis.placement import RunningSession, SessionHost, Sound, Speech
from visavis.room import SessionConfig, VideoConfig
from visavis.room.connection import PUBLISH_ON_BEHALF

AVATAR_IDENTITY: Final = "ada"
VIEWER_IDENTITY: Final = "viewer"
HUM_AMPLITUDE: Final = 400
"""Beneath speech that must not be silent anywhere."""
SETTLE_S: Final = 2.0
"""After joining, until the link is known and the face rests."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A server, a host of sessions, an avatar."""

    server: LiveKitServer
    host: SessionHost
    avatar: Avatar
    avatar_path: Path

    def token(self, identity: str, room: str, *, on_behalf_of: str | None = None, is_agent: bool = False) -> str:
        """A token that may join and publish, for one of the benchmarks' participants."""
        return room_token(self.server, identity, room, on_behalf_of=on_behalf_of, is_agent=is_agent)

    async def join(self, room: str, *, on_behalf_of: str | None = None) -> RunningSession:
        """Bring the agent into a room."""
        config = SessionConfig(
            session_id=f"bench-{room}",
            agent_id="ada",
            room_url=self.server.url,
            room_token=self.token(AVATAR_IDENTITY, room, on_behalf_of=on_behalf_of),
            video=VideoConfig(),
            idle_timeout_s=0,
        )
        return await self.host.start(config, self.avatar_path)


@asynccontextmanager
async def stage(program: Path, folder: Path, max_sessions: int) -> AsyncIterator[Stage]:
    """Build the avatar, start a server and a host."""
    avatar = demo_avatar()
    avatar_path = folder / "ada.avatar"
    avatar.save(avatar_path)
    async with (
        LiveKitServer(program, folder / "livekit.log") as server,
        SessionHost(max_sessions=max_sessions) as host,
    ):
        yield Stage(server, host, avatar, avatar_path)


def room_token(
    server: LiveKitServer, identity: str, room: str, *, on_behalf_of: str | None = None, is_agent: bool = False
) -> str:
    """A token that may join and publish.

    Args:
        on_behalf_of: identity of the agent that speaks through this participant, an avatar.
        is_agent: the participant is a program: nobody watches through its eyes.
    """
    token = (
        api.AccessToken(server.api_key, server.api_secret)
        .with_identity(identity)
        .with_ttl(timedelta(hours=6))
        .with_grants(api.VideoGrants(room_join=True, room=room))
    )
    if on_behalf_of is not None:
        token.with_attributes({PUBLISH_ON_BEHALF: on_behalf_of})
    if is_agent:
        token.with_kind("agent")
    return str(token.to_jwt())


@asynccontextmanager
async def watched(
    stage: Stage, room: str, *, on_behalf_of: str | None = None
) -> AsyncIterator[tuple[Subscriber, RunningSession]]:
    """The agent in a room, and somebody who looks at its mouth."""
    token = stage.token(VIEWER_IDENTITY, room)
    async with subscribed(stage.server.url, token, mouth_box(stage.avatar)) as viewer:
        session = await stage.join(room, on_behalf_of=on_behalf_of)
        try:
            await viewer.until_frames(5)
            await asyncio.sleep(SETTLE_S)
            yield viewer, session
        finally:
            await session.leave()


@asynccontextmanager
async def endless_talk(sessions: Sequence[RunningSession]) -> AsyncIterator[None]:
    """Sessions speak until the context ends: one utterance without an end, never silent."""
    speech, rate_hz = said(TALK)
    pcm = over_hum(speech, rate_hz)

    async def endless() -> AsyncGenerator[Sound]:
        while True:
            async for piece in pieces(pcm, rate_hz):
                yield piece

    async def talk(session: RunningSession) -> None:
        await session.speak(Speech(endless()))

    tasks = [asyncio.create_task(talk(session)) for session in sessions]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def pieces(pcm: NDArray[np.int16], rate_hz: int) -> AsyncGenerator[Sound]:
    """Speech in pieces of 100 ms."""
    step = rate_hz // 10
    for start in range(0, len(pcm), step):
        yield Sound(pcm[start : start + step], rate_hz)


def over_hum(pcm: NDArray[np.int16], rate_hz: int) -> NDArray[np.int16]:
    """Speech over a hum: silence in it was not said, but happened on the way."""
    hum = HUM_AMPLITUDE * np.sin(2 * np.pi * 200 * np.arange(len(pcm)) / rate_hz)
    return np.asarray(np.clip(pcm + hum, -32768, 32767), np.int16)


def mouth_box(avatar: Avatar) -> tuple[int, int, int, int]:
    """The mouth in a 512 px frame: ``x0, y0, x1, y1``."""
    head = avatar.head
    x, y = (float(value) for value in (head.origin_px + avatar.mouth.centre_mm @ head.axes * head.px_per_mm)[:2])
    half_x, half_y = 18 * head.px_per_mm, 12 * head.px_per_mm
    return int(x - half_x), int(y - half_y), int(x + half_x), int(y + 1.4 * half_y)
