"""Where the eyes look: contact, glances away, and the small jumps in between.

Directions are degrees in the room, relative to the viewer: +x to image right, +y down. What the eyeballs turn
is the direction minus the head's pose (:func:`eye_angles_deg`): a head that moves does not drag the gaze along
(vestibulo-ocular reflex).
"""

from __future__ import annotations

from random import Random
from typing import Final

from visavis.motion.curves import Glide
from visavis.motion.styles import Style

# Seconds away and between glances away, mean and deviation, for a speaker and for a listener
# (Andrist, Mutlu & Gleicher 2013): eye contact 71 % of the time when speaking, 86 % when listening. Idle is ours,
# in between: a face on a screen that looks away for long seems absent.
AWAY_S: Final = {"speaking": (1.96, 0.32), "listening": (1.14, 0.27), "idle": (1.4, 0.35)}
CONTACT_S: Final = {"speaking": (4.75, 1.39), "listening": (7.21, 1.88), "idle": (6.0, 2.2)}
# Same source: intimacy-regulating glances go to the side most often, then down, then up.
SIDE_SHARE: Final = 0.58
DOWN_SHARE: Final = 0.29
# Further up or down the iris hides behind a lid.
GLANCE_PITCH_DEG: Final = (-6.0, 9.0)
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
# Who averts the eyes fully (an emotion may) is in contact a third as long as usual, and away twice as long.
AVERTED_CONTACT: Final = 0.35
AVERTED_AWAY: Final = 2.0
AVERTED_S: Final = (1.6, 2.6)


class Gaze:
    """The gaze direction, :attr:`yaw_deg` and :attr:`pitch_deg`, by :meth:`step`."""

    def __init__(self, random: Random, style: Style) -> None:
        self._random = random
        self._style = style
        self._yaw = Glide()
        self._pitch = Glide()
        self._away = False
        self._centre_deg = (0.0, 0.0)
        self._mode_left_s = random.uniform(2.0, 4.0)
        self._fixation_left_s = random.uniform(0.4, 1.2)
        self._averts = 0.0
        self._glance_pitch_deg = 0.0
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

    def step(
        self, dt_s: float, *, speaking: bool, listening: bool, averts: float = 0.0, glance_pitch_deg: float = 0.0
    ) -> None:
        """Advance by one tick.

        Args:
            averts: how much more than usual the eyes leave the viewer, -1 to 1.
            glance_pitch_deg: so much lower than usual they go then.
        """
        self.shift_deg = 0.0
        self._averts, self._glance_pitch_deg = averts, glance_pitch_deg
        self._mode_left_s -= dt_s
        self._fixation_left_s -= dt_s
        if self._mode_left_s <= 0:
            self._change_mode("speaking" if speaking else "listening" if listening else "idle")
        elif self._fixation_left_s <= 0:
            self._refixate()
        self.yaw_deg = self._yaw.step(dt_s)
        self.pitch_deg = self._pitch.step(dt_s)

    def look_at_viewer(self, hold_s: float = 0.0) -> None:
        """Back to eye contact soon: at the end of a turn, speakers look at whom they give it to (Kendon 1967).

        Args:
            hold_s: stay there for so long at least.
        """
        if self._away and hold_s == 0.0:
            self._mode_left_s = min(self._mode_left_s, 0.15)
        elif hold_s:
            self._turn(False, (0.0, 0.0), max(hold_s, 0.0 if self._away else self._mode_left_s))

    def look_away(self, yaw_deg: float, pitch_deg: float, hold_s: float) -> None:
        """Turn the eyes there now, and come back after ``hold_s``."""
        self._turn(True, (yaw_deg, pitch_deg), hold_s)

    def avert(self, glance_pitch_deg: float) -> None:
        """Look away now as one does, so much lower than usual, for a while."""
        self._glance_pitch_deg = glance_pitch_deg
        self._turn(True, self._glance(), self._random.uniform(*AVERTED_S))

    def _change_mode(self, mode: str) -> None:
        away = not self._away
        mean_s, deviation_s = (AWAY_S if away else CONTACT_S)[mode]
        hold_s = max(self._random.gauss(mean_s, deviation_s), 0.6)
        averts = min(max(self._averts, -1.0), 1.0)
        if away:
            hold_s *= AVERTED_AWAY**averts
        else:
            hold_s *= self._style.contact * AVERTED_CONTACT**averts
        self._turn(away, self._glance() if away else (0.0, 0.0), hold_s)

    def _turn(self, away: bool, centre_deg: tuple[float, float], hold_s: float) -> None:
        self._away = away
        self._mode_left_s = hold_s
        self._centre_deg = centre_deg
        self._refixate()

    def _glance(self) -> tuple[float, float]:
        random = self._random
        sign = random.choice((-1.0, 1.0))
        direction = random.random()
        if direction < SIDE_SHARE:
            yaw_deg, pitch_deg = random.uniform(6.0, 11.0), random.uniform(-1.5, 2.5)
        elif direction < SIDE_SHARE + DOWN_SHARE:
            yaw_deg, pitch_deg = random.uniform(1.0, 6.0), random.uniform(3.5, 7.0)
        else:
            yaw_deg, pitch_deg = random.uniform(2.0, 7.0), -random.uniform(2.5, 4.5)
        return sign * yaw_deg, min(max(pitch_deg + self._glance_pitch_deg, GLANCE_PITCH_DEG[0]), GLANCE_PITCH_DEG[1])

    def _refixate(self) -> None:
        random = self._random
        self._fixation_left_s = 0.2 + random.gammavariate(3.0, 0.35)
        yaw_deg = self._centre_deg[0] + self._style.fixation * random.gauss(0.0, FIXATION_SPREAD_DEG[0])
        pitch_deg = self._centre_deg[1] + self._style.fixation * random.gauss(0.0, FIXATION_SPREAD_DEG[1])
        dx, dy = yaw_deg - self._yaw.value, pitch_deg - self._pitch.value
        self.shift_deg = (dx * dx + dy * dy) ** 0.5
        duration_s = max(SACCADE_BASE_S + SACCADE_S_PER_DEG * self.shift_deg, SACCADE_MIN_S)
        self._yaw.to(yaw_deg, duration_s)
        self._pitch.to(pitch_deg, duration_s)
