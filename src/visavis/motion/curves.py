"""Smooth scalars: what every movement of the face is made of."""

from __future__ import annotations

import math
from random import Random


class Glide:
    """A number that moves to its target along a minimum-jerk curve (Flash & Hogan 1985).

    A new target may come at any time: position, velocity and acceleration go on without a step.
    """

    def __init__(self, value: float = 0.0) -> None:
        self.value = value
        self._coefficients = (value, 0.0, 0.0, 0.0, 0.0, 0.0)
        self._time_s = 0.0
        self._duration_s = 0.0

    @property
    def moving(self) -> bool:
        return self._time_s < self._duration_s

    def to(self, target: float, duration_s: float) -> None:
        """Arrive at ``target`` after ``duration_s`` (> 0), at rest there."""
        velocity, acceleration = self._derivatives()
        distance, duration = target - self.value, duration_s
        self._coefficients = (
            self.value,
            velocity,
            acceleration / 2,
            (20 * distance - 12 * velocity * duration - 3 * acceleration * duration**2) / (2 * duration**3),
            (-30 * distance + 16 * velocity * duration + 3 * acceleration * duration**2) / (2 * duration**4),
            (12 * distance - 6 * velocity * duration - acceleration * duration**2) / (2 * duration**5),
        )
        self._time_s = 0.0
        self._duration_s = duration

    def step(self, dt_s: float) -> float:
        """Advance and return the value."""
        if self._time_s < self._duration_s:
            t = self._time_s = min(self._time_s + dt_s, self._duration_s)
            c0, c1, c2, c3, c4, c5 = self._coefficients
            self.value = c0 + t * (c1 + t * (c2 + t * (c3 + t * (c4 + t * c5))))
        return self.value

    def _derivatives(self) -> tuple[float, float]:
        if not self.moving:
            return 0.0, 0.0
        t = self._time_s
        _, c1, c2, c3, c4, c5 = self._coefficients
        velocity = c1 + t * (2 * c2 + t * (3 * c3 + t * (4 * c4 + t * 5 * c5)))
        acceleration = 2 * c2 + t * (6 * c3 + t * (12 * c4 + t * 20 * c5))
        return velocity, acceleration


class Drift:
    """Band-limited noise around 0: never repeats, has no corner.

    White noise through three equal one-pole low passes; ``std`` is the standard deviation it settles at and
    ``time_s`` the poles' time constant (corner near 0.08 / ``time_s`` Hz). It starts at rest.
    """

    def __init__(self, random: Random, std: float, time_s: float, dt_s: float) -> None:
        self._random = random
        self._share = 1 - math.exp(-dt_s / time_s)
        keep = 1 - self._share
        # Energy of the impulse response share^3 * (n+1)(n+2)/2 * keep^n.
        energy = sum(
            (self._share**3 * (n + 1) * (n + 2) / 2 * keep**n) ** 2 for n in range(int(15 * time_s / dt_s) + 1)
        )
        self._noise_std = std / math.sqrt(energy)
        self._first = self._second = self.value = 0.0

    def step(self) -> float:
        """Advance one tick and return the value."""
        self._first += self._share * (self._random.gauss(0.0, self._noise_std) - self._first)
        self._second += self._share * (self._first - self._second)
        self.value += self._share * (self._second - self.value)
        return self.value


def smoothstep(x: float) -> float:
    """0 below 0, 1 above 1, minimum jerk between."""
    x = min(max(x, 0.0), 1.0)
    return x * x * x * (10 + x * (6 * x - 15))


def soft_limit(value: float, low: float, high: float) -> float:
    """``value`` held smoothly between ``low`` (<= 0) and ``high`` (>= 0); the identity up to 0.6 of the way."""
    bound = high if value > 0 else -low
    if bound <= 0:
        return 0.0
    knee = 0.6 * bound
    if abs(value) <= knee:
        return value
    beyond = knee + (bound - knee) * math.tanh((abs(value) - knee) / (bound - knee))
    return math.copysign(beyond, value)
