"""What people in a room get: measured by a subscriber, in real rooms, on a real livekit-server of this machine.

Delays are taken from single syllables. For each, the same performance is rendered here as well: it tells when, relative
to the sound, the mouth has opened to the mark at which the subscriber's pictures are timed. So "lips" is when the
picture arrives that belongs to an instant of the sound, and "A/V offset" how much later or earlier than that sound.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import psutil
from livekit import rtc

from visavis.bench import agent, rooms
from visavis.bench.marks import (
    heard_s,
    interval_p99_ms,
    lips_after_onset_s,
    longest_gap_s,
    opened_s,
    percentiles,
)
from visavis.bench.stage import SETTLE_S, VIEWER_IDENTITY, Stage, endless_talk, pieces, stage, watched
from visavis.bench.subject import SYLLABLE, onset_s, said
from visavis.bench.subscriber import Subscriber, subscribed
from visavis.embedded import find_livekit_server
from visavis.errors import RoomError
from visavis.media import Resampler, to_int16
from visavis.placement import Speech

OnStep = Callable[[str], None]

JOINS: Final = 5
SYLLABLES: Final = 30
MICROPHONE_RATE_HZ: Final = 48_000
CPU_WINDOW_S: Final = 15.0
CAPACITY_WINDOW_S: Final = 8.0
CAPACITY_P99_MS: Final = 60.0
"""A frame interval of 25 fps, and a half: nobody sees a freeze."""
MOST_SESSIONS: Final = 12
_SYLLABLE_EVERY_S: Final = 1.1
_UNWATCHED_SETTLE_S: Final = 8.0
"""A server goes on asking for a picture for some seconds after its last viewer."""
_CPU_SETTLE_S: Final = 5.0


def measure(on_step: OnStep, livekit_server: Path | None) -> dict[str, float]:
    """Milliseconds, seconds, per cent of a core, sessions."""
    program = find_livekit_server(livekit_server)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_measure(on_step, program, Path(folder)))


async def _measure(on_step: OnStep, program: Path, folder: Path) -> dict[str, float]:
    figures: dict[str, float] = {}
    async with stage(program, folder, MOST_SESSIONS + 1) as here:
        on_step("joining")
        figures |= await _joining(here)
        on_step("pushed speech -> ears and eyes")
        figures |= await _pushed(here)
        on_step("microphone -> lips")
        figures |= await _microphone(here)
        figures |= await agent.measure(here, on_step)
        figures |= await _cpu(here, on_step)
        on_step(f"one agent in {rooms.ROOMS} rooms")
        figures |= await rooms.measure(here)
        figures |= await _capacity(here, on_step)
    return figures


async def _joining(here: Stage) -> dict[str, float]:
    took_s = []
    for number in range(JOINS + 1):
        room = f"join-{number}"
        async with subscribed(here.server.url, here.token(VIEWER_IDENTITY, room)) as viewer:
            asked_s = time.monotonic()
            session = await here.join(room)
            await viewer.until_frames()
            took_s.append(viewer.frames_s[0] - asked_s)
            await session.leave()
    warm_s = took_s[1:]
    return {
        "join_to_first_frame_s_median": round(median(warm_s), 3),
        "join_to_first_frame_s_max": round(max(warm_s), 3),
    }


async def _pushed(here: Stage) -> dict[str, float]:
    pcm, rate_hz = said(SYLLABLE)
    sound_s, lips_after_s = onset_s(pcm, rate_hz), lips_after_onset_s(here.avatar, pcm, rate_hz)
    heard_ms, seen_ms, offset_ms = [], [], []
    async with watched(here, "pushed") as (viewer, session):
        for _ in range(SYLLABLES):
            viewer.forget()
            pushed_s = time.monotonic()
            await session.speak(Speech(pieces(pcm, rate_hz)))
            await asyncio.sleep(_SYLLABLE_EVERY_S)
            at_s, open_s = heard_s(viewer.sound), opened_s(viewer, pushed_s)
            if at_s is None or open_s is None:
                continue
            heard_ms.append((at_s - pushed_s - sound_s) * 1000)
            seen_ms.append((open_s - pushed_s - sound_s - lips_after_s) * 1000)
            offset_ms.append(seen_ms[-1] - heard_ms[-1])
    return (
        percentiles("pushed_to_sound", heard_ms)
        | percentiles("pushed_to_lips", seen_ms)
        | {"av_offset_ms_median": round(median(offset_ms), 1), "syllables_measured": float(len(heard_ms))}
    )


async def _microphone(here: Stage) -> dict[str, float]:
    said_pcm, said_rate_hz = said(SYLLABLE)
    # the SDK plays whole samples every 10 ms: of a rate without those it plays too slowly
    rate_hz = MICROPHONE_RATE_HZ
    resampler = Resampler(said_rate_hz, rate_hz)
    pcm = to_int16(np.concatenate([resampler.push(said_pcm), resampler.flush()]))
    sound_s, lips_after_s = onset_s(pcm, rate_hz), lips_after_onset_s(here.avatar, pcm, rate_hz)
    step = rate_hz // 100
    seen_ms = []
    async with watched(here, "microphone") as (viewer, _):
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
            open_s = opened_s(viewer, sent_s)
            if open_s is not None and number >= 2:
                seen_ms.append((open_s - sent_s - sound_s - lips_after_s) * 1000)
        await source.aclose()
    return percentiles("microphone_to_lips", seen_ms)


async def _cpu(here: Stage, on_step: OnStep) -> dict[str, float]:
    figures = {}
    room = "cpu"
    on_step("CPU of one session")
    session = await here.join(room)
    process = psutil.Process(session.process.pid)
    await asyncio.sleep(_UNWATCHED_SETTLE_S)
    figures["session_unwatched_cpu_percent"] = await _cpu_percent(process)
    async with subscribed(here.server.url, here.token(VIEWER_IDENTITY, room)) as viewer:
        await viewer.until_frames(5)
        await asyncio.sleep(_CPU_SETTLE_S)
        viewer.forget()
        figures["session_idle_cpu_percent"] = await _cpu_percent(process)
        figures["session_idle_fps"] = round(len(viewer.frames_s) / CPU_WINDOW_S, 1)
        async with endless_talk([session]):
            await asyncio.sleep(SETTLE_S)
            figures["session_speaking_cpu_percent"] = await _cpu_percent(process)
        figures["session_private_mb"] = round(process.memory_full_info().uss / 1e6, 1)
    await session.leave()
    return figures


async def _capacity(here: Stage, on_step: OnStep) -> dict[str, float]:
    """Sessions are added until one of them stutters, or is refused; every one speaks and is watched."""
    figures: dict[str, float] = {}
    held = 0
    async with AsyncExitStack() as stack:
        viewers: list[Subscriber] = []
        for number in range(1, MOST_SESSIONS + 1):
            on_step(f"{number} speaking sessions")
            room = f"capacity-{number}"
            viewer = await stack.enter_async_context(subscribed(here.server.url, here.token(VIEWER_IDENTITY, room)))
            try:
                session = await here.join(room)
            except RoomError:
                break
            viewers.append(viewer)
            await stack.enter_async_context(endless_talk([session]))
            await asyncio.sleep(SETTLE_S)
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
        for session in here.host.sessions.values():
            await session.leave()
    return {"speaking_sessions_held": float(held)} | figures


async def _window(viewers: Sequence[Subscriber]) -> tuple[float, float]:
    """The worst 99th percentile between frames and the longest silence at any viewer, in ms."""
    for one in viewers:
        one.forget()
    await asyncio.sleep(CAPACITY_WINDOW_S)
    return (
        max(interval_p99_ms(one.frames_s) for one in viewers),
        max(longest_gap_s(one.sound) * 1000 for one in viewers),
    )


async def _cpu_percent(process: psutil.Process) -> float:
    """Of one core, over a window."""
    before, begun_s = sum(process.cpu_times()[:2]), time.monotonic()
    await asyncio.sleep(CPU_WINDOW_S)
    return round((sum(process.cpu_times()[:2]) - before) / (time.monotonic() - begun_s) * 100, 1)
