"""When and how the lids close."""

from __future__ import annotations

from random import Random
from typing import Final

from visavis.motion.curves import smoothstep

# 17 blinks a minute at rest (Bentivoglio et al. 1997); 15-20 is the range people call normal. With double blinks
# and the extra blinks below, a mean pause of 4.1 s gives 16-18. The spread is log-normal, as measured pauses are.
PAUSE_MEDIAN_S: Final = 3.75
PAUSE_SPREAD: Final = 0.42
PAUSE_RANGE_S: Final = (1.2, 9.0)
# TalkingHead: 15 % double blinks. Its gap of 400 ms is between lids fully open.
DOUBLE_SHARE: Final = 0.12
DOUBLE_GAP_S: Final = (0.12, 0.35)
# Closing takes about 80 ms and opening twice to three times as long (VanderWerf et al. 2003, Trutoiu et al. 2011).
CLOSE_S: Final = (0.075, 0.095)
# At least one frame at 25 fps shows the eye shut.
HOLD_S: Final = (0.04, 0.07)
OPEN_S: Final = (0.16, 0.24)
# Speakers and listeners blink where an utterance pauses (Nakano & Kitazawa 2010).
BREAKPOINT_SHARE: Final = 0.35
# Large gaze shifts come with a blink, small ones do not (Evinger et al. 1994).
GAZE_SHARE: Final = 0.45
GAZE_MIN_DEG: Final = 7.0
MIN_PAUSE_S: Final = 0.8


class Blinks:
    """Closure of the lids, 0 open .. 1 shut, by :meth:`step`."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._until_blink_s = random.uniform(0.6, 2.5)
        self._time_s = 0.0
        self._since_s = 0.0
        self._close_s = self._hold_s = self._open_s = 0.0
        self._closing = False
        self._amplitude = 1.0
        self._doubles = 0

    def step(self, dt_s: float) -> float:
        """Advance and return the closure."""
        if not self._closing:
            self._until_blink_s -= dt_s
            self._since_s += dt_s
            if self._until_blink_s > 0:
                return 0.0
            self._begin()
        self._time_s += dt_s
        reopening_s = self._time_s - self._close_s - self._hold_s
        if reopening_s >= self._open_s:
            self._end()
            return 0.0
        if reopening_s > 0:
            return self._amplitude * (1 - smoothstep(reopening_s / self._open_s))
        return self._amplitude * smoothstep(self._time_s / self._close_s)

    def on_utterance_pause(self) -> None:
        """Speech (ours or the listener's own) has just paused."""
        if self._random.random() < BREAKPOINT_SHARE:
            self._soon(self._random.uniform(0.05, 0.35))

    def on_gaze_shift(self, size_deg: float) -> None:
        """The eyes begin to move by ``size_deg``."""
        if size_deg >= GAZE_MIN_DEG and self._random.random() < GAZE_SHARE:
            self._soon(0.0)

    def _soon(self, delay_s: float) -> None:
        if not self._closing and self._since_s + delay_s >= MIN_PAUSE_S:
            self._until_blink_s = min(self._until_blink_s, delay_s)

    def _begin(self) -> None:
        self._closing = True
        self._time_s = 0.0
        self._close_s = self._random.uniform(*CLOSE_S)
        self._hold_s = self._random.uniform(*HOLD_S)
        self._open_s = self._random.uniform(*OPEN_S)
        self._amplitude = self._random.uniform(0.95, 1.0)

    def _end(self) -> None:
        self._closing = False
        self._since_s = 0.0
        if self._doubles == 0 and self._random.random() < DOUBLE_SHARE:
            self._doubles = 1
            self._until_blink_s = self._random.uniform(*DOUBLE_GAP_S)
            return
        self._doubles = 0
        pause_s = PAUSE_MEDIAN_S * self._random.lognormvariate(0.0, PAUSE_SPREAD)
        self._until_blink_s = min(max(pause_s, PAUSE_RANGE_S[0]), PAUSE_RANGE_S[1])
