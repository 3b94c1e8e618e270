"""A participant that notes when pictures and sound arrive, with the real SDK."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

SOUND_RATE_HZ: Final = 48_000
SOUND_PIECE_S: Final = 0.01
FULL_PX: Final = 512
"""Width of the picture of an agent that nothing holds back."""
_SMALLEST_PX: Final = 16
"""The server sends a tiny black picture before the first real one."""


@dataclass(slots=True)
class Subscriber:
    """What arrived, and when."""

    room: rtc.Room
    box: tuple[int, int, int, int] | None
    """Of every picture in full size, this part of the luma is kept: ``x0, y0, x1, y1``."""
    frames_s: list[float] = field(default_factory=list)
    """Arrivals of all pictures."""
    pictures: list[tuple[float, NDArray[np.uint8]]] = field(default_factory=list)
    """Arrival and the part that is kept."""
    sound: list[tuple[float, NDArray[np.int16]]] = field(default_factory=list)
    """Arrival and 10 ms of mono."""

    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by every picture."""

    def forget(self) -> None:
        """Start anew."""
        self.frames_s.clear()
        self.pictures.clear()
        self.sound.clear()

    async def until_frames(self, count: int = 1) -> None:
        """Wait for pictures that are still to come."""
        wanted = len(self.frames_s) + count
        while len(self.frames_s) < wanted:
            self.arrived.clear()
            await self.arrived.wait()


@asynccontextmanager
async def subscribed(
    url: str, token: str, box: tuple[int, int, int, int] | None = None, *, hear: bool = True
) -> AsyncIterator[Subscriber]:
    """Join a room and take in everything that is published there."""
    room = rtc.Room()
    subscriber = Subscriber(room, box)
    tasks: list[asyncio.Task[None]] = []

    def on_track(track: rtc.Track, *_: Any) -> None:
        if track.kind == rtc.TrackKind.KIND_VIDEO:
            tasks.append(asyncio.create_task(_watch(track, subscriber)))
        elif hear:
            tasks.append(asyncio.create_task(_hear(track, subscriber)))

    room.on("track_subscribed", on_track)
    await room.connect(url, token)
    try:
        yield subscriber
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await room.disconnect()


async def _watch(track: rtc.Track, subscriber: Subscriber) -> None:
    stream = rtc.VideoStream(track, format=rtc.VideoBufferType.I420, capacity=100)
    async for event in stream:
        now_s = time.monotonic()
        frame = event.frame
        if frame.width <= _SMALLEST_PX:
            continue
        subscriber.frames_s.append(now_s)
        if subscriber.box is not None and frame.width == FULL_PX:
            x0, y0, x1, y1 = subscriber.box
            luma = np.frombuffer(frame.data, np.uint8, frame.width * frame.height).reshape(frame.height, frame.width)
            subscriber.pictures.append((now_s, luma[y0:y1, x0:x1].copy()))
        subscriber.arrived.set()


async def _hear(track: rtc.Track, subscriber: Subscriber) -> None:
    async for event in rtc.AudioStream.from_track(track=track, sample_rate=SOUND_RATE_HZ, num_channels=1):
        subscriber.sound.append((time.monotonic(), np.frombuffer(event.frame.data, np.int16).copy()))
