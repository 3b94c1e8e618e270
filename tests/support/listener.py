"""A participant that watches and hears, with the real SDK."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from visavis.avatar import Avatar

AUDIBLE = 500
"""int16 amplitude that is sound and not codec noise."""


async def wait_until(condition: Callable[[], Any], timeout_s: float = 15.0, what: str = "") -> Any:
    """Wait for a condition; fails with its name when it does not come true."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what or condition}"
        await asyncio.sleep(0.02)
    return value


@dataclass(frozen=True, slots=True)
class Repairs:
    """What the receiver's jitter buffer did to the sound, in seconds since it was subscribed to."""

    concealed_s: float
    """Made up in place of packets that were lost or late."""
    stretched_s: float
    """Added by playing slower; negative where it was played faster."""


@dataclass(slots=True)
class SeenFrame:
    at_s: float
    luma: NDArray[np.uint8]


@dataclass(slots=True)
class Listener:
    """What a participant saw and heard."""

    room: rtc.Room
    frames: list[SeenFrame] = field(default_factory=list)
    sound: list[tuple[float, NDArray[np.int16]]] = field(default_factory=list)
    """Arrival and samples, 48 kHz mono, pieces of 10 ms."""

    def loudness_after(self, at_s: float) -> int:
        """Peak since an instant."""
        return max((int(np.abs(pcm).max()) for when, pcm in self.sound if when > at_s), default=0)

    def heard_at_s(self, after_s: float) -> float | None:
        """When sound was first audible after an instant."""
        return next((when for when, pcm in self.sound if when > after_s and np.abs(pcm).max() > AUDIBLE), None)

    def last_heard_s(self) -> float:
        """When sound was last audible."""
        return max((when for when, pcm in self.sound if np.abs(pcm).max() > AUDIBLE), default=0.0)

    async def repairs(self) -> Repairs:
        """What the jitter buffer has done to the one subscribed sound so far."""
        reports = await self.room.get_rtc_stats()
        for report in (*reports.subscriber_stats, *reports.publisher_stats):
            if report.WhichOneof("stats") == "inbound_rtp" and report.inbound_rtp.stream.kind == "audio":
                counted = report.inbound_rtp.inbound
                stretched = counted.inserted_samples_for_deceleration - counted.removed_samples_for_acceleration
                return Repairs(counted.concealed_samples / 48_000, stretched / 48_000)
        raise AssertionError("no sound is subscribed to")

    def mouth_brightness(self, avatar: Avatar, at_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Mean grey level of the mouth, interpolated at instants: it follows the opening of the lips."""
        x0, y0, x1, y1 = mouth_box(avatar)
        levels = [float(frame.luma[y0:y1, x0:x1].mean()) for frame in self.frames]
        return np.interp(at_s, [frame.at_s for frame in self.frames], levels)

    def mouth_motion(self, avatar: Avatar, since_s: float, until_s: float) -> float:
        """How much the mouth's pixels change, averaged: grey levels a second, whatever the frame rate."""
        x0, y0, x1, y1 = mouth_box(avatar)
        pictures = [
            frame.luma[y0:y1, x0:x1].astype(np.float32) for frame in self.frames if since_s < frame.at_s < until_s
        ]
        assert len(pictures) >= 4, f"only {len(pictures)} frames"
        return float(np.abs(np.diff(pictures, axis=0)).mean(axis=(1, 2)).sum() / (until_s - since_s))


def mouth_box(avatar: Avatar) -> tuple[int, int, int, int]:
    """Where the lips are in a 512 px frame."""
    centre = avatar.head.origin_px + avatar.mouth.centre_mm @ avatar.head.axes * avatar.head.px_per_mm
    half_x, half_y = 18 * avatar.head.px_per_mm, 10 * avatar.head.px_per_mm
    x, y = float(centre[0]), float(centre[1])
    return int(x - half_x), int(y - half_y), int(x + half_x), int(y + 1.6 * half_y)


@asynccontextmanager
async def listening(url: str, token: str) -> AsyncIterator[Listener]:
    """Join a room, watch and hear everything in it."""
    room = rtc.Room()
    listener = Listener(room)
    tasks: list[asyncio.Task[None]] = []

    async def watch(track: rtc.Track) -> None:
        async for event in rtc.VideoStream(track, format=rtc.VideoBufferType.I420, capacity=100):
            frame = event.frame
            if frame.width > 16:  # the server sends 8x8 black pictures before the first real one
                luma = np.frombuffer(frame.data, np.uint8, frame.width * frame.height)
                listener.frames.append(SeenFrame(time.monotonic(), luma.reshape(frame.height, frame.width).copy()))

    async def hear(track: rtc.Track) -> None:
        async for event in rtc.AudioStream.from_track(track=track, sample_rate=48_000, num_channels=1):
            listener.sound.append((time.monotonic(), np.frombuffer(event.frame.data, np.int16).copy()))

    def on_track(track: rtc.Track, *_: Any) -> None:
        work = watch(track) if track.kind == rtc.TrackKind.KIND_VIDEO else hear(track)
        tasks.append(asyncio.create_task(work))

    room.on("track_subscribed", on_track)
    await room.connect(url, token)
    try:
        yield listener
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await room.disconnect()


@asynccontextmanager
async def microphone(room: rtc.Room, sample_rate_hz: int = 48_000) -> AsyncIterator[Callable[[NDArray[np.int16]], Any]]:
    """Publish a microphone; gives a coroutine function that speaks ``int16`` samples in real time."""
    source = rtc.AudioSource(sample_rate_hz, 1, queue_size_ms=100)
    track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
    options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
    await room.local_participant.publish_track(track, options)

    async def speak(pcm: NDArray[np.int16]) -> None:
        step = sample_rate_hz // 50
        for start in range(0, len(pcm) - step + 1, step):
            piece = pcm[start : start + step]
            await source.capture_frame(rtc.AudioFrame(piece.tobytes(), sample_rate_hz, 1, len(piece)))
        await source.wait_for_playout()

    try:
        yield speak
    finally:
        await source.aclose()
