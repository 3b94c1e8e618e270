"""What people in a room get: measured by a subscriber, in real rooms, on a real livekit-server of this machine.

Delays are taken from single syllables. For each, the same performance is rendered here as well: it tells when, relative
to the sound, the mouth has opened to the mark at which the subscriber's pictures are timed. So "lips" is when the
picture arrives that belongs to an instant of the sound, and "A/V offset" how much later or earlier than that sound.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import psutil
from livekit import api, rtc
from numpy.typing import NDArray

from visavis.avatar import Avatar
from visavis.bench.subject import ONSET_SHARE, SYLLABLE, TALK, demo_avatar, onset_s, said
from visavis.bench.subscriber import Subscriber, subscribed
from visavis.embedded import LiveKitServer, find_livekit_server
from visavis.media import Resampler, to_int16
from visavis.performer import Performer
from visavis.placement import RunningSession, SessionHost, Sound
from visavis.room import SessionConfig, VideoConfig

OnStep = Callable[[str], None]

JOINS: Final = 5
SYLLABLES: Final = 30
MICROPHONE_RATE_HZ: Final = 48_000
CPU_WINDOW_S: Final = 8.0
CAPACITY_WINDOW_S: Final = 8.0
HUM_AMPLITUDE: Final = 400
CAPACITY_P99_MS: Final = 60.0
"""A frame interval of 25 fps, and a half: nobody sees a freeze."""
MOST_SESSIONS: Final = 12
_MARK_SHARE: Final = 0.6
"""The mark: the first change from picture to picture of this share of the largest one. A syllable opens at once."""
_LEAST_CHANGE: Final = 2.0
"""Grey levels; the head alone moves less from picture to picture."""
_SYLLABLE_EVERY_S: Final = 1.1
_SETTLE_S: Final = 2.0


def measure(on_step: OnStep, livekit_server: Path | None) -> dict[str, float]:
    """Milliseconds, seconds, per cent of a core, sessions."""
    program = find_livekit_server(livekit_server)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(on_step, program, Path(folder)))


@dataclass(frozen=True, slots=True)
class _Stage:
    """A server, a host of sessions, an agent."""

    server: LiveKitServer
    host: SessionHost
    avatar: Avatar
    avatar_path: Path

    def token(self, identity: str, room: str) -> str:
        return (
            api.AccessToken(self.server.api_key, self.server.api_secret)
            .with_identity(identity)
            .with_ttl(timedelta(hours=1))
            .with_grants(api.VideoGrants(room_join=True, room=room))
            .to_jwt()
        )

    async def join(self, room: str) -> RunningSession:
        config = SessionConfig(
            session_id=f"bench-{room}",
            agent_id="ada",
            room_url=self.server.url,
            room_token=self.token("ada", room),
            video=VideoConfig(),
            idle_timeout_s=0,
        )
        return await self.host.start(config, self.avatar_path)


async def _measure(on_step: OnStep, program: Path, folder: Path) -> dict[str, float]:
    avatar = demo_avatar()
    avatar_path = folder / "ada.avatar"
    avatar.save(avatar_path)
    figures: dict[str, float] = {}
    async with (
        LiveKitServer(program, folder / "livekit.log") as server,
        SessionHost(max_sessions=MOST_SESSIONS + 1) as host,
    ):
        stage = _Stage(server, host, avatar, avatar_path)
        on_step("joining")
        figures |= await _joining(stage)
        on_step("pushed speech -> ears and eyes")
        figures |= await _pushed(stage)
        on_step("microphone -> lips")
        figures |= await _microphone(stage)
        on_step("CPU of one session")
        figures |= await _cpu(stage)
        figures |= await _capacity(stage, on_step)
    return figures


async def _joining(stage: _Stage) -> dict[str, float]:
    took_s = []
    for number in range(JOINS + 1):
        room = f"join-{number}"
        async with subscribed(stage.server.url, stage.token("viewer", room)) as viewer:
            asked_s = time.monotonic()
            session = await stage.join(room)
            await viewer.until_frames()
            took_s.append(viewer.frames_s[0] - asked_s)
            await session.leave()
    warm_s = took_s[1:]
    return {
        "join_to_first_frame_s_median": round(median(warm_s), 3),
        "join_to_first_frame_s_max": round(max(warm_s), 3),
    }


async def _pushed(stage: _Stage) -> dict[str, float]:
    pcm, rate_hz = said(SYLLABLE)
    sound_s, lips_after_s = onset_s(pcm, rate_hz), _lips_after_onset_s(stage.avatar, pcm, rate_hz)
    heard_ms, seen_ms, offset_ms = [], [], []
    async with _talking(stage, "pushed") as (viewer, session):
        for _ in range(SYLLABLES):
            viewer.forget()
            pushed_s = time.monotonic()
            await session.speak(_pieces(pcm, rate_hz))
            await asyncio.sleep(_SYLLABLE_EVERY_S)
            heard_s, seen_s = _heard_s(viewer), _opened_s(viewer, pushed_s)
            if heard_s is None or seen_s is None:
                continue
            heard_ms.append((heard_s - pushed_s - sound_s) * 1000)
            seen_ms.append((seen_s - pushed_s - sound_s - lips_after_s) * 1000)
            offset_ms.append(seen_ms[-1] - heard_ms[-1])
    return (
        _percentiles("pushed_to_sound", heard_ms)
        | _percentiles("pushed_to_lips", seen_ms)
        | {"av_offset_ms_median": round(median(offset_ms), 1), "syllables_measured": float(len(heard_ms))}
    )


async def _microphone(stage: _Stage) -> dict[str, float]:
    said_pcm, said_rate_hz = said(SYLLABLE)
    # the SDK plays whole samples every 10 ms: of a rate without those it plays too slowly
    rate_hz = MICROPHONE_RATE_HZ
    resampler = Resampler(said_rate_hz, rate_hz)
    pcm = to_int16(np.concatenate([resampler.push(said_pcm), resampler.flush()]))
    sound_s, lips_after_s = onset_s(pcm, rate_hz), _lips_after_onset_s(stage.avatar, pcm, rate_hz)
    step = rate_hz // 100
    seen_ms = []
    async with _talking(stage, "microphone") as (viewer, _):
        source = rtc.AudioSource(rate_hz, 1, queue_size_ms=100)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await viewer.room.local_participant.publish_track(track, options)
        for number in range(SYLLABLES + 2):
            viewer.forget()
            # not in step with the frames
            pause = np.zeros(round((_SYLLABLE_EVERY_S + number % 7 * 0.007) * rate_hz), np.int16)
            utterance = np.concatenate([pcm, pause])
            sent_s = time.monotonic() + source.queued_duration
            for start in range(0, len(utterance) - step + 1, step):
                piece = utterance[start : start + step]
                await source.capture_frame(rtc.AudioFrame(piece.tobytes(), rate_hz, 1, len(piece)))
            seen_s = _opened_s(viewer, sent_s)
            if seen_s is not None and number >= 2:
                seen_ms.append((seen_s - sent_s - sound_s - lips_after_s) * 1000)
        await source.aclose()
    return _percentiles("microphone_to_lips", seen_ms)


async def _cpu(stage: _Stage) -> dict[str, float]:
    figures = {}
    async with _talking(stage, "cpu") as (_, session):
        process = psutil.Process(session.process.pid)
        figures["session_idle_cpu_percent"] = await _cpu_percent(process)
        async with _endless_talk([session]):
            await asyncio.sleep(1)
            figures["session_speaking_cpu_percent"] = await _cpu_percent(process)
        memory = process.memory_full_info()
        figures["session_private_mb"] = round(memory.uss / 1e6, 1)
    return figures


async def _capacity(stage: _Stage, on_step: OnStep) -> dict[str, float]:
    """Sessions are added until one of them stutters; every one speaks and is watched."""
    figures: dict[str, float] = {}
    held = 0
    async with AsyncExitStack() as stack:
        viewers: list[Subscriber] = []
        for number in range(1, MOST_SESSIONS + 1):
            on_step(f"{number} speaking sessions")
            room = f"capacity-{number}"
            viewer = await stack.enter_async_context(subscribed(stage.server.url, stage.token("viewer", room)))
            session = await stage.join(room)
            viewers.append(viewer)
            await stack.enter_async_context(_endless_talk([session]))
            await asyncio.sleep(_SETTLE_S)
            p99_ms, gap_ms = await _window(viewers)
            if p99_ms > CAPACITY_P99_MS:
                # two late frames of two hundred are enough: other work of the machine must not end the search
                second_ms, second_gap_ms = await _window(viewers)
                p99_ms, gap_ms = min(p99_ms, second_ms), max(gap_ms, second_gap_ms)
            figures[f"sessions_{number}_frame_interval_ms_p99"] = round(p99_ms, 1)
            figures[f"sessions_{number}_longest_silence_ms"] = round(gap_ms, 1)
            if p99_ms > CAPACITY_P99_MS:
                break
            held = number
        for session in stage.host.sessions.values():
            await session.leave()
    return {"speaking_sessions_held": float(held)} | figures


async def _window(viewers: Sequence[Subscriber]) -> tuple[float, float]:
    """The worst 99th percentile between frames and the longest silence at any viewer, in ms."""
    for one in viewers:
        one.forget()
    await asyncio.sleep(CAPACITY_WINDOW_S)
    return max(map(_interval_p99_ms, viewers)), max(map(_longest_gap_ms, viewers))


@asynccontextmanager
async def _talking(stage: _Stage, room: str) -> AsyncIterator[tuple[Subscriber, RunningSession]]:
    """An agent in a room and somebody who looks at its mouth."""
    async with subscribed(stage.server.url, stage.token("viewer", room), _mouth_box(stage.avatar)) as viewer:
        session = await stage.join(room)
        await viewer.until_frames(5)
        await asyncio.sleep(_SETTLE_S)
        try:
            yield viewer, session
        finally:
            await session.leave()


@asynccontextmanager
async def _endless_talk(sessions: Sequence[RunningSession]) -> AsyncIterator[None]:
    """Sessions speak until the context ends: one utterance without an end, over a hum, so that it is never silent."""
    speech, rate_hz = said(TALK)
    hum = HUM_AMPLITUDE * np.sin(2 * np.pi * 200 * np.arange(len(speech)) / rate_hz)
    pcm = np.clip(speech + hum, -32768, 32767).astype(np.int16)

    async def endless() -> AsyncGenerator[Sound]:
        while True:
            async for piece in _pieces(pcm, rate_hz):
                yield piece

    async def talk(session: RunningSession) -> None:
        await session.speak(endless())

    tasks = [asyncio.create_task(talk(session)) for session in sessions]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pieces(pcm: NDArray[np.int16], rate_hz: int) -> AsyncGenerator[Sound]:
    step = rate_hz // 10
    for start in range(0, len(pcm), step):
        yield Sound(pcm[start : start + step], rate_hz)


async def _cpu_percent(process: psutil.Process) -> float:
    """Of one core, over a window."""
    before, begun_s = sum(process.cpu_times()[:2]), time.monotonic()
    await asyncio.sleep(CPU_WINDOW_S)
    return round((sum(process.cpu_times()[:2]) - before) / (time.monotonic() - begun_s) * 100, 1)


def _heard_s(viewer: Subscriber) -> float | None:
    """When the sound arrived that is louder than a tenth of the loudest."""
    loudest = max((int(np.abs(pcm).max()) for _, pcm in viewer.sound), default=0)
    for arrived_s, pcm in viewer.sound:
        loud = np.abs(pcm) > loudest * ONSET_SHARE
        if loudest > 1000 and loud.any():
            # A piece is handed over when it is complete, and its first sample is played then.
            return arrived_s + float(np.argmax(loud)) / (100 * len(pcm))
    return None


def _opened_s(viewer: Subscriber, after_s: float) -> float | None:
    """When the picture arrived on which the mouth has opened to the mark."""
    frames = [
        (at_s, picture) for at_s, picture in zip(viewer.frames_s, viewer.pictures, strict=False) if at_s > after_s
    ]
    index = _mark([picture for _, picture in frames])
    return None if index is None else frames[index][0]


def _lips_after_onset_s(avatar: Avatar, pcm: NDArray[np.int16], rate_hz: int) -> float:
    """How long after the sound's onset the mouth reaches the mark, in a performance without any transport."""
    performer = Performer(avatar)
    x0, y0, x1, y1 = _mouth_box(avatar)
    for _ in range(5):
        performer.next_tick()
    performer.push_audio(pcm, rate_hz)
    performer.end_segment()
    pictures, begins_s = [], []
    ended = False
    at_s = 0.0
    while not ended:
        tick = performer.next_tick()
        ended = tick.segment_ended
        if tick.segment_id is not None:
            luma = tick.frame[: len(tick.frame) * 2 // 3]
            pictures.append(luma[y0:y1, x0:x1].copy())
            begins_s.append(at_s)
            at_s += len(tick.audio) / performer.audio_rate_hz
    index = _mark(pictures)
    assert index is not None
    return begins_s[index] - onset_s(pcm, rate_hz)


def _mark(pictures: Sequence[NDArray[np.uint8]]) -> int | None:
    """Index of the first picture that differs from the one before as only an opening (or closing) mouth makes it."""
    if len(pictures) < 5:
        return None
    changes = np.abs(np.diff(np.asarray(pictures, np.float32), axis=0)).mean(axis=(1, 2))
    return int(np.argmax(changes > _MARK_SHARE * changes.max())) + 1 if changes.max() > _LEAST_CHANGE else None


def _mouth_box(avatar: Avatar) -> tuple[int, int, int, int]:
    """The mouth in a 512 px frame."""
    head = avatar.head
    x, y = (float(value) for value in (head.origin_px + avatar.mouth.centre_mm @ head.axes * head.px_per_mm)[:2])
    half_x, half_y = 18 * head.px_per_mm, 12 * head.px_per_mm
    return int(x - half_x), int(y - half_y), int(x + half_x), int(y + 1.4 * half_y)


def _interval_p99_ms(viewer: Subscriber) -> float:
    if len(viewer.frames_s) < 25:
        return float("inf")
    return float(np.percentile(np.diff(viewer.frames_s), 99) * 1000)


def _longest_gap_ms(viewer: Subscriber) -> float:
    """The longest time without the hum."""
    longest = current = 0
    for _, pcm in viewer.sound:
        current = current + 10 if np.abs(pcm).max() < HUM_AMPLITUDE / 4 else 0
        longest = max(longest, current)
    return float(longest)


def _percentiles(name: str, values_ms: Sequence[float]) -> dict[str, float]:
    if not values_ms:
        return {f"{name}_ms_p50": float("nan"), f"{name}_ms_p95": float("nan")}
    p50, p95 = np.percentile(values_ms, [50, 95])
    return {f"{name}_ms_p50": round(float(p50), 1), f"{name}_ms_p95": round(float(p95), 1)}
