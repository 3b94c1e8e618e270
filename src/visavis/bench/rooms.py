"""One agent in several rooms at once: is each as good as if it were alone?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Final

import numpy as np

from visavis.bench.marks import heard_s, longest_gap_s
from visavis.bench.stage import Stage, over_hum, pieces, watched
from visavis.bench.subject import TALK, onset_s, said
from visavis.bench.subscriber import Subscriber
from visavis.placement import RunningSession, Speech

ROOMS: Final = 4
ROUNDS: Final = 3
_STAGGER_S: Final = 0.37
"""Utterances overlap, but begin one by one."""
_INTERRUPTED: Final = 0
"""In the last round this room is silenced: the others must not notice."""
_INTERRUPT_AFTER_S: Final = 2.0
_PAUSE_S: Final = 1.0


async def measure(stage: Stage) -> dict[str, float]:
    """Per room: median delay of what is said, frames per second while it is said; silence where nobody asked for it."""
    delay_ms: list[list[float]] = [[] for _ in range(ROOMS)]
    fps: list[list[float]] = [[] for _ in range(ROOMS)]
    gap_ms = 0.0
    async with AsyncExitStack() as stack:
        rooms = [await stack.enter_async_context(watched(stage, f"rooms-{number}")) for number in range(ROOMS)]
        for round_number in range(ROUNDS):
            last = round_number == ROUNDS - 1
            for viewer, _ in rooms:
                viewer.forget()
            async with asyncio.TaskGroup() as tasks:
                said_at = [
                    tasks.create_task(_say(session, number * _STAGGER_S)) for number, (_, session) in enumerate(rooms)
                ]
                if last:
                    tasks.create_task(_interrupt(rooms[_INTERRUPTED][1]))
            for number, (viewer, _) in enumerate(rooms):
                measured = _of_utterance(viewer, said_at[number].result())
                if measured is None or (last and number == _INTERRUPTED):
                    continue
                delay_ms[number].append(measured[0])
                fps[number].append(measured[1])
                gap_ms = max(gap_ms, measured[2])
    figures = {"rooms_at_once": float(sum(bool(values) for values in delay_ms)), "rooms_longest_silence_ms": gap_ms}
    for number in range(ROOMS):
        figures[f"room_{number + 1}_of_{ROOMS}_to_sound_ms_p50"] = _median(delay_ms[number])
        figures[f"room_{number + 1}_of_{ROOMS}_fps"] = _median(fps[number])
    return figures


async def _say(session: RunningSession, after_s: float) -> float:
    """Say the talk; when it was handed over."""
    speech, rate_hz = said(TALK)
    pcm = over_hum(speech, rate_hz)
    await asyncio.sleep(after_s)
    given_s = time.monotonic()
    await session.speak(Speech(pieces(pcm, rate_hz)))
    await asyncio.sleep(given_s + len(pcm) / rate_hz + _PAUSE_S - time.monotonic())
    return given_s


async def _interrupt(session: RunningSession) -> None:
    await asyncio.sleep(_INTERRUPT_AFTER_S)
    await session.interrupt()


def _of_utterance(viewer: Subscriber, given_s: float) -> tuple[float, float, float] | None:
    """Delay in ms, frames per second, longest silence in ms, of one utterance; None where it was not heard."""
    speech, rate_hz = said(TALK)
    sound_s, duration_s = onset_s(over_hum(speech, rate_hz), rate_hz), len(speech) / rate_hz
    at_s = heard_s([piece for piece in viewer.sound if piece[0] > given_s])
    if at_s is None:
        return None
    begin_s, end_s = at_s - sound_s, at_s - sound_s + duration_s
    within = [piece for piece in viewer.sound if begin_s + 0.05 < piece[0] < end_s - 0.05]
    frames = sum(begin_s < arrived_s < end_s for arrived_s in viewer.frames_s)
    return (at_s - sound_s - given_s) * 1000, frames / duration_s, longest_gap_s(within) * 1000


def _median(values: Sequence[float]) -> float:
    return round(float(np.median(values)), 1) if values else float("nan")
