"""Motion: everything a face does that is not speech, on one face state per tick."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np

from visavis.acting import DEFAULT_IDLE_STYLE, Act, Emotion, Gesture, IdleStyle
from visavis.face import INDEX, FaceState, neutral
from visavis.motion.blink import Blinks
from visavis.motion.breath import Breath
from visavis.motion.curves import Drift, Glide, soft_limit
from visavis.motion.emotions import Emotions, averted_glance_deg
from visavis.motion.eyes import turn_eyes
from visavis.motion.gaze import Gaze
from visavis.motion.gestures import GesturePlayer
from visavis.motion.head import Head, HeadPose
from visavis.motion.mouth import MouthGuard
from visavis.motion.prosody import SILENCE_DB, Prosody
from visavis.motion.styles import STYLES

# The chest lifts the head a little (degrees and millimetres at a full breath).
BREATH_PITCH_DEG: Final = -0.35
BREATH_Y_MM: Final = -0.4
# A resting face that reads as friendly, never as a grin, and its slow changes.
SMILE_RANGE: Final = (0.04, 0.13)
SMILE_HOLD_S: Final = (4.0, 10.0)
SMILE_MOVE_S: Final = (1.2, 2.5)
LISTENING_BROW: Final = 0.10
SWAY_PER_YAW_DEG: Final = 0.05
# Who is spoken to looks at the speaker for so long at least.
ATTENTION_S: Final = 2.0


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
    :meth:`act` and :meth:`utter` change what it does from the next tick on.
    """

    def __init__(
        self,
        seed: int = 0,
        fps: float = 25.0,
        limits: MotionLimits | None = None,
        style: IdleStyle = DEFAULT_IDLE_STYLE,
    ) -> None:
        self._dt_s = 1.0 / fps
        self._limits = limits or MotionLimits()
        self._style = factors = STYLES[style]
        # One stream of chance per part: what one of them draws never changes another.
        self._blinks = Blinks(Random(f"{seed}:blinks"))
        self._gaze = Gaze(Random(f"{seed}:gaze"), factors)
        self._head = Head(Random(f"{seed}:head"), self._dt_s, factors)
        self._prosody = Prosody(Random(f"{seed}:gestures"), self._dt_s, factors)
        self._breath = Breath(Random(f"{seed}:breath"))
        self._emotions = Emotions(Random(f"{seed}:emotions"), self._dt_s)
        self._gestures = GesturePlayer(Random(f"{seed}:acts"))
        self._mouth = MouthGuard()
        self._expression = neutral()
        self._random = Random(f"{seed}:expression")
        self._sway = Drift(self._random, 0.12, 1.2, self._dt_s)
        self._smile = Glide(0.08 * factors.smile)
        self._smile_left_s = self._random.uniform(*SMILE_HOLD_S)
        self._listening_brow = Glide()
        self._lid_lag = self._random.uniform(0.0, 0.04)
        self._smile_tilt = self._random.uniform(-0.15, 0.15)
        self._was_speaking = self._was_listening = False

    @property
    def emotion(self) -> Emotion:
        """The emotion that shows, or is on its way."""
        return self._emotions.wanted

    def act(self, act: Act) -> None:
        """Show an emotion from now on, or begin a gesture."""
        if isinstance(act, Emotion):
            self._emotions.hold(act)
            self._avert(act)
        else:
            self._gesture(act)

    def utter(self, act: Act) -> None:
        """As :meth:`act`; an emotion belongs to what is being said and goes with it (:meth:`utterance_over`)."""
        if isinstance(act, Emotion):
            self._emotions.utter(act)
            self._avert(act)
        else:
            self._gesture(act)

    def utterance_over(self) -> None:
        """What was being said is over, or was broken off."""
        self._emotions.utterance_over()

    def step(
        self,
        face: FaceState,
        *,
        speaking: bool = False,
        about_to_speak: bool = False,
        loudness_db: float = SILENCE_DB,
        listening: bool = False,
    ) -> None:
        """Add one tick of life to ``face``, in place.

        Args:
            face: the face state; what speech does with the mouth comes first, expression takes what room it leaves.
            speaking: this face speaks now.
            about_to_speak: there is something to say, whether or not it is heard yet.
            loudness_db: how loud that speech is, dB re full scale. Take it a little ahead of the frame: a nod
                needs some 150 ms to reach its lowest point.
            listening: somebody else speaks to this face.
        """
        dt = self._dt_s
        self._notice_turns(speaking, listening)
        expression, emotions, gestures = self._expression, self._emotions, self._gestures
        expression[:] = 0
        emotions.step(dt, expression)
        gestures.step(dt, expression)
        self._gaze.step(
            dt, speaking=speaking, listening=listening,
            averts=emotions.averts, glance_pitch_deg=emotions.glance_pitch_deg,
        )  # fmt: skip
        if self._gaze.shift_deg:
            self._blinks.on_gaze_shift(self._gaze.shift_deg)
        pose = self._head.step(
            speaking=speaking,
            listening=listening,
            gaze_target=(self._gaze.head_yaw_deg, self._gaze.head_pitch_deg),
        )
        self._prosody.step(speaking=speaking, loudness_db=loudness_db, listening=listening)
        chest = self._breath.step(dt, speaking=speaking, about_to_speak=about_to_speak, voiced=loudness_db > SILENCE_DB)
        self._add_head(face, pose, chest)
        self._add_resting_face(expression)
        self._mouth.step(dt, face, expression, speaking=speaking)
        np.add(face, expression, out=face)
        self._add_eyes(face)
        face[_BREATH] += chest + gestures.chest
        face[_SWAY] += soft_limit(self._sway.step() + SWAY_PER_YAW_DEG * pose.yaw_deg, -1.0, 1.0)

    def _avert(self, emotion: Emotion) -> None:
        glance_pitch_deg = averted_glance_deg(emotion)
        if glance_pitch_deg is not None:
            self._gaze.avert(glance_pitch_deg)

    def _gesture(self, gesture: Gesture) -> None:
        glance = self._gestures.start(gesture)
        if glance is None:
            return
        if glance.yaw_deg:
            self._gaze.look_away(glance.yaw_deg, glance.pitch_deg, glance.hold_s)
        else:
            self._gaze.look_at_viewer(glance.hold_s)

    def _notice_turns(self, speaking: bool, listening: bool) -> None:
        if self._was_speaking and not speaking:
            self._blinks.on_utterance_pause()
            self._gaze.look_at_viewer()
        if self._was_listening != listening:
            self._listening_brow.to(LISTENING_BROW if listening else 0.0, 0.6)
            if not listening:
                self._blinks.on_utterance_pause()
            else:
                self._gaze.look_at_viewer(ATTENTION_S)
        self._was_speaking, self._was_listening = speaking, listening

    def _add_head(self, face: FaceState, pose: HeadPose, chest: float) -> None:
        limits, emotions, gestures = self._limits, self._emotions, self._gestures
        yaw_deg = pose.yaw_deg + emotions.yaw_deg + gestures.yaw_deg
        nod_deg = self._prosody.nod_deg + gestures.pitch_deg
        pitch_deg = pose.pitch_deg + emotions.pitch_deg + nod_deg + BREATH_PITCH_DEG * chest
        roll_deg = pose.roll_deg + emotions.roll_deg + gestures.roll_deg
        y_mm = pose.y_mm + BREATH_Y_MM * chest + 0.15 * nod_deg
        shift = (-limits.shift_mm, limits.shift_mm)
        face[_YAW] = soft_limit(face[_YAW] + yaw_deg, *limits.yaw_deg)
        face[_PITCH] = soft_limit(face[_PITCH] + pitch_deg, *limits.pitch_deg)
        face[_ROLL] = soft_limit(face[_ROLL] + roll_deg, *limits.roll_deg)
        face[_X] = soft_limit(face[_X] + pose.x_mm, *shift)
        face[_Y] = soft_limit(face[_Y] + y_mm, *shift)
        face[_Z] = soft_limit(face[_Z] + pose.z_mm + emotions.z_mm, *shift)

    def _add_eyes(self, face: FaceState) -> None:
        turn_eyes(face, self._gaze.yaw_deg - float(face[_YAW]), self._gaze.pitch_deg - float(face[_PITCH]))
        closure = self._blinks.step(self._dt_s)
        # what is open of a drooping lid closes
        face[_BLINK_LEFT] += (1.0 - min(float(face[_BLINK_LEFT]), 1.0)) * closure
        face[_BLINK_RIGHT] += (1.0 - min(float(face[_BLINK_RIGHT]), 1.0)) * closure * (1.0 - self._lid_lag)

    def _add_resting_face(self, expression: FaceState) -> None:
        dt = self._dt_s
        self._smile_left_s -= dt
        if self._smile_left_s <= 0:
            duration_s = self._random.uniform(*SMILE_MOVE_S)
            self._smile.to(self._style.smile * self._random.uniform(*SMILE_RANGE), duration_s)
            self._smile_left_s = duration_s + self._random.uniform(*SMILE_HOLD_S)
        smile = self._smile.step(dt) * self._emotions.smile_left
        expression[_SMILE_LEFT] += smile * (1 + self._smile_tilt)
        expression[_SMILE_RIGHT] += smile * (1 - self._smile_tilt)
        brow = max(self._prosody.brow, 0.0)
        attentive = self._listening_brow.step(dt)
        expression[_BROW_INNER] += 0.8 * brow + attentive
        expression[_BROW_OUTER_LEFT] += brow * (1 + self._prosody.brow_tilt) + attentive
        expression[_BROW_OUTER_RIGHT] += brow * (1 - self._prosody.brow_tilt) + attentive


_BREATH, _SWAY = INDEX["breath"], INDEX["torsoSway"]
_YAW, _PITCH, _ROLL = INDEX["headYaw"], INDEX["headPitch"], INDEX["headRoll"]
_X, _Y, _Z = INDEX["headX"], INDEX["headY"], INDEX["headZ"]
_BLINK_LEFT, _BLINK_RIGHT = INDEX["eyeBlinkLeft"], INDEX["eyeBlinkRight"]
_SMILE_LEFT, _SMILE_RIGHT = INDEX["mouthSmileLeft"], INDEX["mouthSmileRight"]
_BROW_INNER = INDEX["browInnerUp"]
_BROW_OUTER_LEFT, _BROW_OUTER_RIGHT = INDEX["browOuterUpLeft"], INDEX["browOuterUpRight"]
