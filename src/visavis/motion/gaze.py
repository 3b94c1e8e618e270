"""Where the eyes look: contact, glances away, and the small jumps in between.

Directions are degrees in the room, relative to the viewer: +x to image right, +y down. What the eyeballs turn
is the direction minus the head's pose (:func:`eye_angles_deg`): a head that moves does not drag the gaze along
(vestibulo-ocular reflex).
"""

from __future__ import annotations

from random import Random
from typing import Final

from visavis.motion.curves import Glide

# Seconds away and between glances away, mean and deviation, for a speaker and for a listener
# (Andrist, Mutlu & Gleicher 2013): eye contact 71 % of the time when speaking, 86 % when listening. Idle is ours,
# in between: a face on a screen that looks away for long seems absent.
AWAY_S: Final = {"speaking": (1.96, 0.32), "listening": (1.14, 0.27), "idle": (1.4, 0.35)}
CONTACT_S: Final = {"speaking": (4.75, 1.39), "listening": (7.21, 1.88), "idle": (6.0, 2.2)}
# Same source: intimacy-regulating glances go to the side most often, then down, then up.
SIDE_SHARE: Final = 0.58
DOWN_SHARE: Final = 0.29
# Between the eyes and the mouth of somebody a metre away; one jump each 0.2-2 s, gamma-distributed.
FIXATION_SPREAD_DEG: Final = (1.1, 0.8)
# Main sequence of saccades: 2.2 ms per degree plus 21 ms (Carpenter 1988).
SACCADE_BASE_S: Final = 0.021
SACCADE_S_PER_DEG: Final = 0.0022
# A saccade shown within a single frame looks like a cut.
SACCADE_MIN_S: Final = 0.06
# Above some 10 degrees the head carries a part of a gaze shift (Freedman & Sparks 1997); ours is smaller, and
# beginning it earlier keeps the eyes near the middle.
HEAD_SHARE: Final = 0.3


class Gaze:
    """The gaze direction, :attr:`yaw_deg` and :attr:`pitch_deg`, by :meth:`step`."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._yaw = Glide()
        self._pitch = Glide()
        self._away = False
        self._centre_deg = (0.0, 0.0)
        self._mode_left_s = random.uniform(2.0, 4.0)
        self._fixation_left_s = random.uniform(0.4, 1.2)
        self.shift_deg = 0.0
        """Size of the saccade that began in the last step, else 0."""
        self.yaw_deg = 0.0
        self.pitch_deg = 0.0

    @property
    def away(self) -> bool:
        """Looking away from the viewer."""
        return self._away

    @property
    def head_yaw_deg(self) -> float:
        """What the head contributes to the direction looked at."""
        return HEAD_SHARE * self._centre_deg[0]

    @property
    def head_pitch_deg(self) -> float:
        return HEAD_SHARE * self._centre_deg[1]

    def step(self, dt_s: float, *, speaking: bool, listening: bool) -> None:
        """Advance by one tick."""
        self.shift_deg = 0.0
        self._mode_left_s -= dt_s
        self._fixation_left_s -= dt_s
        if self._mode_left_s <= 0:
            self._change_mode("speaking" if speaking else "listening" if listening else "idle")
        elif self._fixation_left_s <= 0:
            self._refixate()
        self.yaw_deg = self._yaw.step(dt_s)
        self.pitch_deg = self._pitch.step(dt_s)

    def look_at_viewer(self) -> None:
        """Back to eye contact soon: at the end of a turn, speakers look at whom they give it to (Kendon 1967)."""
        if self._away:
            self._mode_left_s = min(self._mode_left_s, 0.15)

    def _change_mode(self, mode: str) -> None:
        self._away = not self._away
        mean_s, deviation_s = (AWAY_S if self._away else CONTACT_S)[mode]
        self._mode_left_s = max(self._random.gauss(mean_s, deviation_s), 0.6)
        self._centre_deg = self._glance() if self._away else (0.0, 0.0)
        self._refixate()

    def _glance(self) -> tuple[float, float]:
        random = self._random
        sign = random.choice((-1.0, 1.0))
        direction = random.random()
        if direction < SIDE_SHARE:
            return sign * random.uniform(6.0, 11.0), random.uniform(-1.5, 2.5)
        if direction < SIDE_SHARE + DOWN_SHARE:
            return sign * random.uniform(1.0, 6.0), random.uniform(3.5, 7.0)
        return sign * random.uniform(2.0, 7.0), -random.uniform(2.5, 4.5)

    def _refixate(self) -> None:
        random = self._random
        self._fixation_left_s = 0.2 + random.gammavariate(3.0, 0.35)
        yaw_deg = self._centre_deg[0] + random.gauss(0.0, FIXATION_SPREAD_DEG[0])
        pitch_deg = self._centre_deg[1] + random.gauss(0.0, FIXATION_SPREAD_DEG[1])
        dx, dy = yaw_deg - self._yaw.value, pitch_deg - self._pitch.value
        self.shift_deg = (dx * dx + dy * dy) ** 0.5
        duration_s = max(SACCADE_BASE_S + SACCADE_S_PER_DEG * self.shift_deg, SACCADE_MIN_S)
        self._yaw.to(yaw_deg, duration_s)
        self._pitch.to(pitch_deg, duration_s)
