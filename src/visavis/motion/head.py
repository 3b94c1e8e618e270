"""How the head is held: postures that change now and then, and a little drift on top.

People hold the head still and then hold it otherwise; a head that sways all the time looks drugged. So the drift
is small and the postures carry the range. Units are those of the face state: degrees and millimetres.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from visavis.motion.curves import Drift, Glide
from visavis.motion.styles import Style

# TalkingHead moves an idle head by at most 17 deg of yaw, -2..6 of pitch and 5 of roll, a speaking one by
# 6, -3..9 and 6. A photo bears less before the far cheek shows what it does not know: these are standard
# deviations, ours (yaw 2.2, pitch 1.4, roll 1.1 deg; 0.9 and 0.5 mm), split between both kinds.
POSTURE_YAW_DEG: Final = 2.1
POSTURE_PITCH_DEG: Final = 1.1
POSTURE_ROLL_DEG: Final = 0.9
POSTURE_X_MM: Final = 1.0
POSTURE_Z_MM: Final = 2.0
DRIFT_YAW_DEG: Final = 0.55
DRIFT_PITCH_DEG: Final = 0.40
DRIFT_ROLL_DEG: Final = 0.30
DRIFT_TIME_S: Final = 0.45
# A turned head tilts with the turn.
ROLL_PER_YAW: Final = 0.2
# Seconds that a posture is held, and that a change takes. TalkingHead: 0-1 s pause, moves of 0.2-5 s.
HOLD_S: Final = {False: (2.0, 6.0), True: (0.7, 2.6)}
MOVE_S: Final = {False: (0.8, 1.8), True: (0.45, 1.0)}
# Calm: conversational head turns within a posture stay below some 20 deg/s.
MAX_SPEED_DEG_PER_S: Final = 13.0
# Speakers' heads move more often but around the middle.
SPEAKING_RANGE: Final = 0.85
LISTENING_ROLL_DEG: Final = 1.2


@dataclass(slots=True)
class HeadPose:
    """A head pose in the face state's units, reused from step to step."""

    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    x_mm: float = 0.0
    y_mm: float = 0.0
    z_mm: float = 0.0


class Head:
    """Posture and drift, by :meth:`step`; nods and breath are added elsewhere."""

    def __init__(self, random: Random, dt_s: float, style: Style) -> None:
        self._random = random
        self._style = style
        self._dt_s = dt_s
        self._yaw, self._pitch, self._roll = Glide(), Glide(), Glide()
        self._x, self._z = Glide(), Glide()
        self._gaze_yaw, self._gaze_pitch = Glide(), Glide()
        self._gaze_target = (0.0, 0.0)
        self._drift_yaw = Drift(random, style.drift * DRIFT_YAW_DEG, DRIFT_TIME_S, dt_s)
        self._drift_pitch = Drift(random, style.drift * DRIFT_PITCH_DEG, DRIFT_TIME_S, dt_s)
        self._drift_roll = Drift(random, style.drift * DRIFT_ROLL_DEG, DRIFT_TIME_S, dt_s)
        self._hold_left_s = random.uniform(0.3, 1.5)
        self.pose = HeadPose()

    def step(self, *, speaking: bool, listening: bool, gaze_target: tuple[float, float]) -> HeadPose:
        """Advance one tick; ``gaze_target`` is the head's share (yaw, pitch in degrees) of where the eyes go."""
        dt = self._dt_s
        self._hold_left_s -= dt
        if self._hold_left_s <= 0:
            self._change_posture(speaking, listening)
        if gaze_target != self._gaze_target:
            self._gaze_target = gaze_target
            duration_s = self._random.uniform(0.45, 0.75)
            self._gaze_yaw.to(gaze_target[0], duration_s)
            self._gaze_pitch.to(gaze_target[1], duration_s)
        pose = self.pose
        pose.yaw_deg = self._yaw.step(dt) + self._gaze_yaw.step(dt) + self._drift_yaw.step()
        pose.pitch_deg = self._pitch.step(dt) + self._gaze_pitch.step(dt) + self._drift_pitch.step()
        pose.roll_deg = self._roll.step(dt) + self._drift_roll.step() + ROLL_PER_YAW * pose.yaw_deg
        pose.x_mm = self._x.step(dt) + 0.25 * pose.yaw_deg
        pose.y_mm = 0.0
        pose.z_mm = self._z.step(dt)
        return pose

    def _change_posture(self, speaking: bool, listening: bool) -> None:
        random = self._random
        spread = self._style.posture * (SPEAKING_RANGE if speaking else 1.0)
        yaw_deg = spread * random.gauss(0.0, POSTURE_YAW_DEG)
        # A minimum-jerk move peaks at 15/8 of its mean speed.
        slowest_s = 1.875 * abs(yaw_deg - self._yaw.value) / MAX_SPEED_DEG_PER_S
        move_s = max(random.uniform(*MOVE_S[speaking]), slowest_s)
        self._hold_left_s = move_s + self._style.hold * random.uniform(*HOLD_S[speaking])
        tilt_deg = LISTENING_ROLL_DEG * random.choice((-1.0, 1.0)) if listening else 0.0
        self._yaw.to(yaw_deg, move_s)
        self._pitch.to(spread * random.gauss(-0.3, POSTURE_PITCH_DEG), move_s)
        self._roll.to(tilt_deg + spread * random.gauss(0.0, POSTURE_ROLL_DEG), move_s)
        self._x.to(spread * random.gauss(0.0, POSTURE_X_MM), move_s)
        self._z.to(spread * random.gauss(0.0, POSTURE_Z_MM), move_s)
