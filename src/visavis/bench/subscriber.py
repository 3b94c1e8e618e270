"""A participant that notes when pictures and sound arrive, with the real SDK."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

SOUND_RATE_HZ: Final = 48_000
SOUND_PIECE_S: Final = 0.01
FULL_PX: Final = 512
"""Width of the picture of an agent that nothing holds back."""
_SMALLEST_PX: Final = 16
"""The server sends a tiny black picture before the first real one."""

Box = tuple[int, int, int, int]
"""Part of a picture: ``x0, y0, x1, y1``."""


class Senses(Protocol):
    """Takes in what arrives; called on the event loop, so it must be quick."""

    def see(self, at_s: float, luma: NDArray[np.uint8]) -> None:
        """A picture: ``uint8 [height, width]``, valid during the call only."""
        ...

    def hear(self, at_s: float, pcm: NDArray[np.int16]) -> None:
        """10 ms of sound, ``int16 [n]`` mono, valid during the call only."""
        ...


@dataclass(slots=True)
class Subscriber:
    """What arrived, and when."""

    room: rtc.Room
    box: Box | None
    """Of every picture in full size, this part is kept."""
    frames_s: list[float] = field(default_factory=list)
    """Arrivals of all pictures."""
    pictures: list[tuple[float, NDArray[np.uint8]]] = field(default_factory=list)
    """Arrival and the part that is kept."""
    sound: list[tuple[float, NDArray[np.int16]]] = field(default_factory=list)
    """Arrival and 10 ms of mono."""
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by every picture."""

    def see(self, at_s: float, luma: NDArray[np.uint8]) -> None:
        """See :class:`Senses`."""
        self.frames_s.append(at_s)
        if self.box is not None and luma.shape[1] == FULL_PX:
            self.pictures.append((at_s, cut(luma, self.box)))
        self.arrived.set()

    def hear(self, at_s: float, pcm: NDArray[np.int16]) -> None:
        """See :class:`Senses`."""
        self.sound.append((at_s, pcm.copy()))

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


def cut(luma: NDArray[np.uint8], box: Box) -> NDArray[np.uint8]:
    """A copy of a part of a picture."""
    x0, y0, x1, y1 = box
    return luma[y0:y1, x0:x1].copy()


@asynccontextmanager
async def subscribed(url: str, token: str, box: Box | None = None) -> AsyncIterator[Subscriber]:
    """Join a room and keep everything that is published there."""
    room = rtc.Room()
    subscriber = Subscriber(room, box)
    async with attending(room, url, token, subscriber):
        yield subscriber


@asynccontextmanager
async def attending(room: rtc.Room, url: str, token: str, senses: Senses) -> AsyncIterator[None]:
    """Join a room and take in everything that is published there."""
    tasks: list[asyncio.Task[None]] = []

    def on_track(track: rtc.Track, *_: Any) -> None:
        is_picture = track.kind == rtc.TrackKind.KIND_VIDEO
        tasks.append(asyncio.create_task(_watch(track, senses) if is_picture else _hear(track, senses)))

    room.on("track_subscribed", on_track)
    await room.connect(url, token)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await room.disconnect()


async def _watch(track: rtc.Track, senses: Senses) -> None:
    async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.I420, capacity=100):
        at_s = time.monotonic()
        frame = event.frame
        if frame.width > _SMALLEST_PX:
            luma = np.frombuffer(frame.data, np.uint8, frame.width * frame.height).reshape(frame.height, frame.width)
            senses.see(at_s, luma)


async def _hear(track: rtc.Track, senses: Senses) -> None:
    async for event in rtc.AudioStream.from_track(track=track, sample_rate=SOUND_RATE_HZ, num_channels=1):
        senses.hear(time.monotonic(), np.frombuffer(event.frame.data, np.int16))
