"""A face that somebody outside moves: a tracker's, an animator's, a game's.

What is driven replaces what the performer would do with the same control; everything else goes on as ever. A control
fades in when it is first driven and fades out when nothing has come for it for a while. Eyes that are not driven keep
looking where they looked while a driven head turns.

States that carry a time are played :data:`JITTER_S` late and interpolated between, so that a network's jitter does not
shake the face; those without are followed at once.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.acting import Direction
from visavis.face import CONTROL_COUNT, CONTROLS, HEAD_CONTROLS, INDEX, FaceState, neutral
from visavis.motion import MotionLimits, soft_limit, turn_eyes_by

JITTER_S: Final = 0.08
"""Two to three states of a tracker at 30 a second."""
FOLLOW_PER_S: Final = 45.0
"""Driven values are followed critically damped: 44 ms behind a steady movement, no corner after a jump."""
FADE_PER_S: Final = 14.0
"""The same for how much is driven at all: 95 % after a third of a second."""
CLOCK_DRIFT: Final = 0.005
"""A sender's clock may go so much slower than ours."""
CLOCK_STEP_S: Final = 1.0
"""A clock that is off by more has been set, or is another one."""
_KEPT: Final = 64
_GONE: Final = 1e-3
"""A share that nobody sees."""


@dataclass(slots=True)
class _State:
    at_s: float
    """When it is due, by our clock."""
    hold_s: float
    values: FaceState = field(default_factory=neutral)
    given: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(CONTROL_COUNT, np.bool_))


class _Follower:
    """Values that follow targets without a corner: ``x'' = -2 r x' - r^2 (x - target)``, solved exactly over a tick."""

    def __init__(self, rate_per_s: float, dt_s: float) -> None:
        self.value = neutral()
        self._offset, self._speed, self._pull = neutral(), neutral(), neutral()
        self._rate, self._dt_s, self._decay = rate_per_s, dt_s, math.exp(-rate_per_s * dt_s)

    def step(self, target: FaceState) -> FaceState:
        offset, speed, pull = self._offset, self._speed, self._pull
        np.subtract(self.value, target, out=offset)
        np.multiply(offset, self._rate, out=pull)
        pull += speed
        pull *= self._dt_s
        offset += pull
        offset *= self._decay
        pull *= self._rate
        speed -= pull
        speed *= self._decay
        return np.add(target, offset, out=self.value)

    def jump(self, where: NDArray[np.bool_], target: FaceState) -> None:
        """Be there at once, at rest."""
        self.value[where] = target[where]
        self._speed[where] = 0.0


class DrivenFace:
    """Takes states as they come, and lays them over a face once a tick.

    Args:
        dt_s: a tick.
        limits: how far the head may be driven.
    """

    def __init__(self, dt_s: float, limits: MotionLimits) -> None:
        self._dt_s = dt_s
        shift_mm = (-limits.shift_mm, limits.shift_mm)
        self._limits = dict(
            zip(HEAD_CONTROLS, (limits.yaw_deg, limits.pitch_deg, limits.roll_deg, *[shift_mm] * 3), strict=True)
        )
        self._now_s = 0.0
        self._waiting: deque[_State] = deque(maxlen=_KEPT)
        self._last: _State | None = None
        self._clock_offset_s: float | None = None
        self._until_s = np.full(CONTROL_COUNT, -np.inf)
        """When each control is let go."""
        self._driven = np.zeros(CONTROL_COUNT, np.bool_)
        self._target, self._share_target, self._change = neutral(), neutral(), neutral()
        self._values = _Follower(FOLLOW_PER_S, dt_s)
        self._shares = _Follower(FADE_PER_S, dt_s)
        self._active = False

    def take(self, direction: Direction) -> None:
        """A state, or part of one, that has just come."""
        state = _State(self._now_s, direction.hold_s)
        for name, value in direction.controls.items():
            index = INDEX[name]
            state.given[index] = True
            limits = self._limits.get(name)
            state.values[index] = soft_limit(value, *limits) if limits else min(max(value, _LOWEST[index]), 1.0)
        if direction.time_s is None:
            self._waiting.clear()
            self._reach(state)
        else:
            state.at_s = self._when_s(direction.time_s)
            while self._waiting and self._waiting[-1].at_s >= state.at_s:
                self._waiting.pop()  # out of order, or a sender that began anew
            self._waiting.append(state)
        self._active = True

    def lay_over(self, face: FaceState) -> None:
        """One tick: what is driven takes the place of what ``face`` has."""
        self._now_s += self._dt_s
        if self._clock_offset_s is not None:
            self._clock_offset_s += CLOCK_DRIFT * self._dt_s
        if not self._active:
            return
        self._play()
        np.greater(self._until_s, self._now_s, out=self._driven)
        np.copyto(self._share_target, self._driven)
        values = self._values.step(self._target)
        shares = self._shares.step(self._share_target)
        before_yaw_deg, before_pitch_deg = float(face[_YAW]), float(face[_PITCH])
        np.subtract(values, face, out=self._change)
        self._change *= shares
        face += self._change
        free = 1.0 - float(shares[_EYES].max())
        turn_eyes_by(face, free * (before_yaw_deg - float(face[_YAW])), free * (before_pitch_deg - float(face[_PITCH])))
        self._active = bool(self._waiting) or bool(self._driven.any()) or float(np.abs(shares).max()) > _GONE

    def _when_s(self, time_s: float) -> float:
        """When a state of the sender's time is due: the quickest of late shows how far the clocks are apart."""
        offset_s = self._now_s - time_s
        known_s = self._clock_offset_s
        if known_s is None or abs(offset_s - known_s) > CLOCK_STEP_S:
            self._waiting.clear()
            known_s = offset_s
        self._clock_offset_s = min(known_s, offset_s)
        return time_s + self._clock_offset_s + JITTER_S

    def _play(self) -> None:
        while self._waiting and self._waiting[0].at_s <= self._now_s:
            self._reach(self._waiting.popleft())
        if not self._waiting or self._last is None:
            return
        before, after = self._last, self._waiting[0]
        if after.at_s - before.at_s > before.hold_s:
            return  # that was another movement
        part = (self._now_s - before.at_s) / (after.at_s - before.at_s)
        both = before.given & after.given
        self._target[both] = before.values[both] + part * (after.values[both] - before.values[both])

    def _reach(self, state: _State) -> None:
        self._last = state
        given = state.given
        self._target[given] = state.values[given]
        self._until_s[given] = self._now_s + state.hold_s
        self._values.jump(given & (np.abs(self._shares.value) < _GONE), self._target)


_EYES: Final = np.array([INDEX[name] for name in CONTROLS if name.startswith("eyeLook")])
_YAW, _PITCH = INDEX["headYaw"], INDEX["headPitch"]
_LOWEST: Final = tuple(-1.0 if name == "torsoSway" else 0.0 for name in CONTROLS)
