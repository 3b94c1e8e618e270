"""Ticks in real time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Final, Protocol

from visavis.performer.core import Performer, Tick

RESYNC_S: Final = 1.0
"""After a pause this long (a suspended machine) the schedule starts anew instead of catching up."""


class Clock(Protocol):
    """Time as pacing needs it."""

    def now_s(self) -> float:
        """Monotonic seconds."""
        ...

    async def sleep(self, duration_s: float) -> None:
        """Come back after ``duration_s``."""
        ...


class RealClock:
    """The machine's monotonic clock."""

    def now_s(self) -> float:
        return time.monotonic()

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(duration_s)


async def paced_ticks(performer: Performer, clock: Clock | None = None) -> AsyncIterator[Tick]:
    """The performer's ticks, each when it is due; endless: close the iterator or break to stop.

    Deadlines are absolute, so nothing drifts. A tick that is late by more than its own length is not rendered:
    its audio goes out at once with the frame before, until the schedule is met again.
    """
    clock = clock or RealClock()
    tick_s = 1 / performer.fps
    start_s, due = clock.now_s(), 0
    while True:
        late_s = clock.now_s() - (start_s + due * tick_s)
        if late_s > RESYNC_S:
            start_s, due, late_s = clock.now_s(), 0, 0.0
        await clock.sleep(max(-late_s, 0.0))
        yield performer.next_tick(render=late_s <= tick_s)
        due += 1
