"""What each emotion looks like, and how they come, mix and go.

The shapes are the prototypes of the Facial Action Coding System (Ekman, Friesen & Hager 2002, Investigator's Guide,
table of emotion prediction): happiness 6+12, sadness 1+4+15(+17), anger 4+5+7+24, surprise 1+2+5+26, fear 1+2+4+5+20,
disgust 9+10+17. ``thoughtful`` is none of Ekman's: a brow drawn down over tightened lids (Rozin & Cohen 2003: AU 4+7
of somebody who works something out), lips pressed, and eyes turned from the viewer (Glenberg, Schroeder & Robertson
1998).

Action units have the names of ARKit's blendshapes that do the same (M. Ozel's table). The strengths are ours: at
intensity 1 plainly the emotion, and short of a mask.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

import numpy as np

from visavis.acting import EMOTIONS, Emotion, EmotionName
from visavis.face import INDEX, FaceState, neutral
from visavis.motion.curves import Drift, Glide

ACTION_UNITS: Final[Mapping[int, tuple[str, ...]]] = {
    1: ("browInnerUp",),
    2: ("browOuterUpLeft", "browOuterUpRight"),
    4: ("browDownLeft", "browDownRight"),
    5: ("eyeWideLeft", "eyeWideRight"),
    6: ("cheekSquintLeft", "cheekSquintRight"),
    7: ("eyeSquintLeft", "eyeSquintRight"),
    9: ("noseSneerLeft", "noseSneerRight"),
    10: ("mouthUpperUpLeft", "mouthUpperUpRight"),
    12: ("mouthSmileLeft", "mouthSmileRight"),
    14: ("mouthDimpleLeft", "mouthDimpleRight"),
    15: ("mouthFrownLeft", "mouthFrownRight"),
    16: ("mouthLowerDownLeft", "mouthLowerDownRight"),
    17: ("mouthShrugLower",),
    20: ("mouthStretchLeft", "mouthStretchRight"),
    24: ("mouthPressLeft", "mouthPressRight"),
    26: ("jawOpen",),
    43: ("eyeBlinkLeft", "eyeBlinkRight"),
}
"""Controls that do what an action unit does: 43 is the closing eye, here a drooping lid."""

# Spontaneous smiles take about half a second to their peak (Schmidt, Ambadar, Cohn & Reed 2006); surprise is the
# quickest of all to come and to go, sadness the slowest (Ekman & Friesen 1975).
ONSET_S: Final[Mapping[EmotionName, float]] = {
    "happy": 0.55, "sad": 0.9, "angry": 0.5, "surprised": 0.3, "afraid": 0.35, "disgusted": 0.45, "thoughtful": 0.65,
}  # fmt: skip
OFFSET_S: Final = 0.9
# Nobody holds an expression like a mask: it swells and sinks by so much, slowly.
VARIATION: Final = 0.07
VARIATION_TIME_S: Final = 0.9
# Who begins to think looks away first (Glenberg et al. 1998); sadness lets the eyes sink in its own time.
AVERTS_AT_ONCE: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Look:
    """An emotion at intensity 1."""

    units: Mapping[int, float]
    """Strength of action units."""
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    z_mm: float = 0.0
    averts: float = 0.0
    """How much more often and longer than usual the eyes leave the viewer: 0 as usual, 1 most of the time."""
    glance_pitch_deg: float = 0.0
    """Where they go then is so much lower (+) or higher."""


_LOOKS: Final[Mapping[EmotionName, _Look]] = {
    "happy": _Look(
        {6: 0.90, 12: 1.0, 10: 0.45, 16: 0.22, 20: 0.30, 26: 0.05, 1: 0.06, 2: 0.06},
        pitch_deg=-0.8, roll_deg=1.0, z_mm=1.5, averts=-0.2,
    ),
    "sad": _Look(
        {1: 1.0, 4: 0.22, 15: 0.90, 17: 0.45, 43: 0.18, 7: 0.12},
        pitch_deg=2.6, roll_deg=1.6, z_mm=-1.5, averts=0.45, glance_pitch_deg=4.5,
    ),
    "angry": _Look({4: 1.0, 5: 0.35, 7: 0.60, 9: 0.30, 24: 0.75, 15: 0.25}, pitch_deg=2.2, z_mm=3.0, averts=-0.5),
    "surprised": _Look({1: 0.95, 2: 0.95, 5: 1.0, 26: 0.30}, pitch_deg=-1.6, z_mm=-1.5, averts=-0.5),
    "afraid": _Look(
        {1: 1.0, 2: 0.55, 4: 0.40, 5: 1.0, 20: 0.60, 16: 0.25, 26: 0.08},
        pitch_deg=-0.8, z_mm=-3.5, averts=0.25,
    ),
    "disgusted": _Look(
        {9: 1.0, 10: 0.22, 4: 0.70, 7: 0.60, 15: 0.45, 17: 0.40, 6: 0.20},
        yaw_deg=1.8, pitch_deg=-1.0, roll_deg=-0.8, z_mm=-3.0, averts=0.3,
    ),
    "thoughtful": _Look(
        {4: 0.50, 7: 0.35, 24: 0.55, 14: 0.35},
        pitch_deg=-0.8, roll_deg=2.4, averts=0.8, glance_pitch_deg=-4.0,
    ),
}  # fmt: skip


def shape(name: EmotionName) -> Mapping[str, float]:
    """The controls of an emotion at intensity 1, head pose excepted."""
    if name == "neutral":
        return {}
    return {control: value for unit, value in _LOOKS[name].units.items() for control in ACTION_UNITS[unit]}


def averted_glance_deg(emotion: Emotion) -> float | None:
    """How much lower than usual the eyes go at once when this is felt; None where they stay with the viewer."""
    if emotion.name == "neutral" or emotion.intensity * _LOOKS[emotion.name].averts < AVERTS_AT_ONCE:
        return None
    return _LOOKS[emotion.name].glance_pitch_deg


class Emotions:
    """Which emotions show, and how much.

    One is held until another comes; one that belongs to an utterance stands before it for as long as that lasts.
    """

    def __init__(self, random: Random, dt_s: float) -> None:
        self._weights = {name: Glide() for name in _LOOKS}
        self._targets = dict.fromkeys(_LOOKS, 0.0)
        self._added = neutral()
        self._drift = Drift(random, VARIATION, VARIATION_TIME_S, dt_s)
        self._held = Emotion("neutral")
        self._held_left_s: float | None = None
        self._uttered: Emotion | None = None
        self._uttered_left_s: float | None = None
        self.yaw_deg = self.pitch_deg = self.roll_deg = self.z_mm = 0.0
        self.averts = self.glance_pitch_deg = 0.0
        self.smile_left = 1.0
        """What the other emotions leave of a resting face's smile."""

    @property
    def wanted(self) -> Emotion:
        """The one that shows, or is on its way."""
        return self._uttered or self._held

    def hold(self, emotion: Emotion) -> None:
        """Feel so from now on."""
        self._held, self._held_left_s = emotion, emotion.duration_s
        self._aim()

    def utter(self, emotion: Emotion) -> None:
        """Feel so until :meth:`utterance_over`."""
        self._uttered, self._uttered_left_s = emotion, emotion.duration_s
        self._aim()

    def utterance_over(self) -> None:
        """What was felt before comes back."""
        if self._uttered is not None:
            self._uttered = self._uttered_left_s = None
            self._aim()

    def step(self, dt_s: float, face: FaceState) -> None:
        """Advance one tick and add what shows to ``face``, head pose excepted."""
        self._tire(dt_s)
        swell = 1 + self._drift.step()
        self.yaw_deg = self.pitch_deg = self.roll_deg = self.z_mm = 0.0
        self.averts = self.glance_pitch_deg = 0.0
        self.smile_left = 1.0
        for name, glide in self._weights.items():
            weight = glide.step(dt_s)
            if weight == 0.0:
                continue
            look = _LOOKS[name]
            np.multiply(_SHAPES[name], np.float32(weight * swell), out=self._added)
            np.add(face, self._added, out=face)
            self.yaw_deg += weight * look.yaw_deg
            self.pitch_deg += weight * look.pitch_deg
            self.roll_deg += weight * look.roll_deg
            self.z_mm += weight * look.z_mm
            self.averts += weight * look.averts
            self.glance_pitch_deg += weight * look.glance_pitch_deg
            self.smile_left -= weight
        self.smile_left = max(self.smile_left, 0.0)

    def _tire(self, dt_s: float) -> None:
        if self._held_left_s is not None:
            self._held_left_s -= dt_s
            if self._held_left_s <= 0:
                self.hold(Emotion("neutral"))
        if self._uttered_left_s is not None:
            self._uttered_left_s -= dt_s
            if self._uttered_left_s <= 0:
                self.utterance_over()

    def _aim(self) -> None:
        wanted = self.wanted
        for name, glide in self._weights.items():
            target = wanted.intensity if name == wanted.name else 0.0
            if target != self._targets[name]:
                self._targets[name] = target
                glide.to(target, ONSET_S[name] if target > glide.value else OFFSET_S)


def _dense(name: EmotionName) -> FaceState:
    state = neutral()
    for control, value in shape(name).items():
        state[INDEX[control]] = value
    return state


_SHAPES: Final[Mapping[EmotionName, FaceState]] = {name: _dense(name) for name in EMOTIONS}
