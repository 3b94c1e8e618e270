"""Motion: everything a face does that is not speech, on one face state per tick."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from visavis.face import INDEX, FaceState
from visavis.motion.blink import Blinks
from visavis.motion.breath import Breath
from visavis.motion.curves import Drift, Glide, soft_limit
from visavis.motion.gaze import Gaze
from visavis.motion.head import Head, HeadPose
from visavis.motion.prosody import SILENCE_DB, Gestures

# What a full eyeLook control turns the eye by: the renderer moves the iris 0.62 of its radius sideways and 0.42
# up or down, on an eyeball of 12 mm with an iris of 5.9 mm.
EYE_YAW_DEG: Final = 17.7
EYE_PITCH_DEG: Final = 11.9
# The chest lifts the head a little (degrees and millimetres at a full breath).
BREATH_PITCH_DEG: Final = -0.35
BREATH_Y_MM: Final = -0.4
# A resting face that reads as friendly, never as a grin, and its slow changes.
SMILE_RANGE: Final = (0.04, 0.13)
SMILE_HOLD_S: Final = (4.0, 10.0)
SMILE_MOVE_S: Final = (1.2, 2.5)
LISTENING_BROW: Final = 0.10
SWAY_PER_YAW_DEG: Final = 0.05


@dataclass(frozen=True, slots=True)
class MotionLimits:
    """How far the avatar may move from its photo; degrees and millimetres."""

    yaw_deg: tuple[float, float] = (-8.0, 8.0)
    pitch_deg: tuple[float, float] = (-6.0, 7.0)
    roll_deg: tuple[float, float] = (-5.0, 5.0)
    shift_mm: float = 4.0


class Motion:
    """Life between words for one face: deterministic for a seed, never repeating.

    Call :meth:`step` once per video tick whether or not anything is said; idle life goes on during speech.
    """

    def __init__(self, seed: int = 0, fps: float = 25.0, limits: MotionLimits | None = None) -> None:
        self._dt_s = 1.0 / fps
        self._limits = limits or MotionLimits()
        # One stream of chance per part: what one of them draws never changes another.
        self._blinks = Blinks(Random(f"{seed}:blinks"))
        self._gaze = Gaze(Random(f"{seed}:gaze"))
        self._head = Head(Random(f"{seed}:head"), self._dt_s)
        self._gestures = Gestures(Random(f"{seed}:gestures"), self._dt_s)
        self._breath = Breath(Random(f"{seed}:breath"))
        self._random = Random(f"{seed}:expression")
        self._sway = Drift(self._random, 0.12, 1.2, self._dt_s)
        self._smile = Glide(0.08)
        self._smile_left_s = self._random.uniform(*SMILE_HOLD_S)
        self._listening_brow = Glide()
        self._lid_lag = self._random.uniform(0.0, 0.04)
        self._smile_tilt = self._random.uniform(-0.15, 0.15)
        self._was_speaking = self._was_listening = False

    def step(
        self,
        face: FaceState,
        *,
        speaking: bool = False,
        loudness_db: float = SILENCE_DB,
        listening: bool = False,
    ) -> None:
        """Add one tick of life to ``face``, in place.

        Args:
            face: the face state; the mouth controls stay as they are.
            speaking: this face speaks now.
            loudness_db: how loud that speech is, dB re full scale. Take it a little ahead of the frame: a nod
                needs some 150 ms to reach its lowest point.
            listening: somebody else speaks to this face.
        """
        dt = self._dt_s
        self._notice_turns(speaking, listening)
        self._gaze.step(dt, speaking=speaking, listening=listening)
        if self._gaze.shift_deg:
            self._blinks.on_gaze_shift(self._gaze.shift_deg)
        pose = self._head.step(
            speaking=speaking,
            listening=listening,
            gaze_target=(self._gaze.head_yaw_deg, self._gaze.head_pitch_deg),
        )
        self._gestures.step(speaking=speaking, loudness_db=loudness_db, listening=listening)
        chest = self._breath.step(dt, speaking=speaking)
        self._add_head(face, pose, chest)
        self._add_eyes(face)
        self._add_expression(face)
        face[_BREATH] += chest
        face[_SWAY] += soft_limit(self._sway.step() + SWAY_PER_YAW_DEG * pose.yaw_deg, -1.0, 1.0)

    def _notice_turns(self, speaking: bool, listening: bool) -> None:
        if self._was_speaking and not speaking:
            self._blinks.on_utterance_pause()
            self._gaze.look_at_viewer()
        if self._was_listening != listening:
            self._listening_brow.to(LISTENING_BROW if listening else 0.0, 0.6)
            if not listening:
                self._blinks.on_utterance_pause()
            else:
                self._gaze.look_at_viewer()
        self._was_speaking, self._was_listening = speaking, listening

    def _add_head(self, face: FaceState, pose: HeadPose, chest: float) -> None:
        limits = self._limits
        face[_YAW] = soft_limit(face[_YAW] + pose.yaw_deg, *limits.yaw_deg)
        pitch_deg = pose.pitch_deg + self._gestures.nod_deg + BREATH_PITCH_DEG * chest
        face[_PITCH] = soft_limit(face[_PITCH] + pitch_deg, *limits.pitch_deg)
        face[_ROLL] = soft_limit(face[_ROLL] + pose.roll_deg, *limits.roll_deg)
        face[_X] = soft_limit(face[_X] + pose.x_mm, -limits.shift_mm, limits.shift_mm)
        face[_Y] = soft_limit(
            face[_Y] + pose.y_mm + BREATH_Y_MM * chest + 0.15 * self._gestures.nod_deg,
            -limits.shift_mm,
            limits.shift_mm,
        )
        face[_Z] = soft_limit(face[_Z] + pose.z_mm, -limits.shift_mm, limits.shift_mm)

    def _add_eyes(self, face: FaceState) -> None:
        right = _clip((self._gaze.yaw_deg - float(face[_YAW])) / EYE_YAW_DEG)
        down = _clip((self._gaze.pitch_deg - float(face[_PITCH])) / EYE_PITCH_DEG)
        # Image right is the subject's left: the left eye looks out, the right eye in.
        face[_LOOK_OUT_LEFT] = face[_LOOK_IN_RIGHT] = max(right, 0.0)
        face[_LOOK_IN_LEFT] = face[_LOOK_OUT_RIGHT] = max(-right, 0.0)
        face[_LOOK_DOWN_LEFT] = face[_LOOK_DOWN_RIGHT] = max(down, 0.0)
        face[_LOOK_UP_LEFT] = face[_LOOK_UP_RIGHT] = max(-down, 0.0)
        closure = self._blinks.step(self._dt_s)
        face[_BLINK_LEFT] = max(float(face[_BLINK_LEFT]), closure)
        face[_BLINK_RIGHT] = max(float(face[_BLINK_RIGHT]), closure * (1.0 - self._lid_lag))

    def _add_expression(self, face: FaceState) -> None:
        dt = self._dt_s
        self._smile_left_s -= dt
        if self._smile_left_s <= 0:
            duration_s = self._random.uniform(*SMILE_MOVE_S)
            self._smile.to(self._random.uniform(*SMILE_RANGE), duration_s)
            self._smile_left_s = duration_s + self._random.uniform(*SMILE_HOLD_S)
        smile = self._smile.step(dt)
        face[_SMILE_LEFT] += smile * (1 + self._smile_tilt)
        face[_SMILE_RIGHT] += smile * (1 - self._smile_tilt)
        brow = max(self._gestures.brow, 0.0)
        attentive = self._listening_brow.step(dt)
        face[_BROW_INNER] += 0.8 * brow + attentive
        face[_BROW_OUTER_LEFT] += brow * (1 + self._gestures.brow_tilt) + attentive
        face[_BROW_OUTER_RIGHT] += brow * (1 - self._gestures.brow_tilt) + attentive


def _clip(control: float) -> float:
    return min(max(control, -1.0), 1.0)


_BREATH, _SWAY = INDEX["breath"], INDEX["torsoSway"]
_YAW, _PITCH, _ROLL = INDEX["headYaw"], INDEX["headPitch"], INDEX["headRoll"]
_X, _Y, _Z = INDEX["headX"], INDEX["headY"], INDEX["headZ"]
_LOOK_OUT_LEFT, _LOOK_OUT_RIGHT = INDEX["eyeLookOutLeft"], INDEX["eyeLookOutRight"]
_LOOK_IN_LEFT, _LOOK_IN_RIGHT = INDEX["eyeLookInLeft"], INDEX["eyeLookInRight"]
_LOOK_DOWN_LEFT, _LOOK_DOWN_RIGHT = INDEX["eyeLookDownLeft"], INDEX["eyeLookDownRight"]
_LOOK_UP_LEFT, _LOOK_UP_RIGHT = INDEX["eyeLookUpLeft"], INDEX["eyeLookUpRight"]
_BLINK_LEFT, _BLINK_RIGHT = INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]
_SMILE_LEFT, _SMILE_RIGHT = INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]
_BROW_INNER = INDEX["browInnerUp"]
_BROW_OUTER_LEFT, _BROW_OUTER_RIGHT = INDEX["browOuterUpLeft"], INDEX["browOuterUpRight"]
