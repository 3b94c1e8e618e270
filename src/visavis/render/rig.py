"""From the face state to what the mesh, the lips, the eyes and the head do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.avatar import BASE_NAMES, HeadFrame
from visavis.face import CONTROL_COUNT, CONTROLS, HEAD_CONTROLS, INDEX, FaceState
from visavis.render.kernels.lips import LIP_CONTROLS

F32 = NDArray[np.float32]

_BASE_TERMS: Final = {
    "jaw": {"jawOpen": 1.0},
    "press": {"mouthPressLeft": 0.5, "mouthPressRight": 0.5},
    "pucker": {"mouthPucker": 1.0},
    "stretch": {
        "mouthStretchLeft": 0.5, "mouthStretchRight": 0.5, "mouthDimpleLeft": 0.2, "mouthDimpleRight": 0.2,
        "mouthFrownLeft": 0.35, "mouthFrownRight": 0.35,
    },
    "smile": {
        "mouthSmileLeft": 0.5, "mouthSmileRight": 0.5, "mouthFrownLeft": -0.5, "mouthFrownRight": -0.5,
    },
    "funnel": {"mouthFunnel": 1.0},
    "upperRaise": {
        "mouthUpperUpLeft": 0.5, "mouthUpperUpRight": 0.5, "noseSneerLeft": 0.2, "noseSneerRight": 0.2,
    },
    "lowerDepress": {"mouthLowerDownLeft": 0.5, "mouthLowerDownRight": 0.5},
    "tuck": {"lipTuck": 1.0, "mouthRollLower": 0.6},
    "blinkLeft": {"eyeBlinkLeft": 1.0, "eyeWideLeft": -0.2},
    "blinkRight": {"eyeBlinkRight": 1.0, "eyeWideRight": -0.2},
    "browInner": {"browInnerUp": 1.0},
    "browOuterLeft": {"browOuterUpLeft": 1.0},
    "browOuterRight": {"browOuterUpRight": 1.0},
    "browDownLeft": {"browDownLeft": 1.0},
    "browDownRight": {"browDownRight": 1.0},
    "squintLeft": {"eyeSquintLeft": 1.0, "cheekSquintLeft": 0.6, "mouthSmileLeft": 0.4},
    "squintRight": {"eyeSquintRight": 1.0, "cheekSquintRight": 0.6, "mouthSmileRight": 0.4},
    "sneer": {"noseSneerLeft": 0.5, "noseSneerRight": 0.5},
    "breath": {"breath": 1.0},
    "sway": {"torsoSway": 1.0},
}  # fmt: skip
"""Which controls move which deformation; ``close`` is a corrective and set in code."""

UNSUPPORTED: Final = tuple(
    name
    for name in (
        "cheekPuff", "jawForward", "jawLeft", "jawRight", "mouthLeft", "mouthRight", "mouthShrugUpper",
    )
)  # fmt: skip
"""ARKit names that are accepted and change nothing."""

_GAZE_TERMS: Final = (
    {"eyeLookOutLeft": 1.0, "eyeLookInLeft": -1.0},
    {"eyeLookDownLeft": 1.0, "eyeLookUpLeft": -1.0},
    {"eyeLookInRight": 1.0, "eyeLookOutRight": -1.0},
    {"eyeLookDownRight": 1.0, "eyeLookUpRight": -1.0},
)
_SHRUG_SHIFT_MM: Final = -2.0
_HEAD_RANGE: Final = {"headYaw": 25.0, "headPitch": 20.0, "headRoll": 25.0, "headX": 25.0, "headY": 25.0, "headZ": 60.0}


def _matrix(terms: list[dict[str, float]]) -> F32:
    matrix = np.zeros((len(terms), CONTROL_COUNT), np.float32)
    for row, term in enumerate(terms):
        for name, weight in term.items():
            matrix[row, INDEX[name]] = weight
    return matrix


_BASE_MATRIX: Final = _matrix([_BASE_TERMS.get(name, {}) for name in BASE_NAMES])
_GAZE_MATRIX: Final = _matrix(list(_GAZE_TERMS))
_LOW: Final = np.array([-_HEAD_RANGE.get(n, 1.0 if n == "torsoSway" else 0.0) for n in CONTROLS], np.float32)
_HIGH: Final = np.array([_HEAD_RANGE.get(name, 1.0) for name in CONTROLS], np.float32)
_HEAD_INDEX: Final = np.array([INDEX[name] for name in HEAD_CONTROLS])
_BASE_INDEX: Final = {name: i for i, name in enumerate(BASE_NAMES)}
_LIP_FROM_BASE: Final = np.array([_BASE_INDEX.get(name, 0) for name in LIP_CONTROLS])
_JAW, _CLOSE, _SMILE = _BASE_INDEX["jaw"], _BASE_INDEX["close"], _BASE_INDEX["smile"]
_BLINKS: Final = (_BASE_INDEX["blinkLeft"], _BASE_INDEX["blinkRight"])


def camera_lean(head: HeadFrame) -> float:
    """How far down the photo a mm towards the viewer appears, in mm down the face; negative seen from below."""
    return float(head.axes[2, 1] / head.axes[1, 1])


@dataclass(slots=True)
class Rig:
    """The controls of one frame, in buffers that are reused."""

    bases: F32 = field(default_factory=lambda: np.zeros(len(BASE_NAMES), np.float32))
    """Strength of each linear deformation."""
    lips: F32 = field(default_factory=lambda: np.zeros(len(LIP_CONTROLS), np.float32))
    gaze: F32 = field(default_factory=lambda: np.zeros(4, np.float32))
    """Left eye x, y, right eye x, y: +x to image right, +y down, -1..1."""
    blink: F32 = field(default_factory=lambda: np.zeros(2, np.float32))
    """Left, right."""
    head: F32 = field(default_factory=lambda: np.zeros(6, np.float32))
    tongue_tip: float = 0.0
    tongue_body: float = 0.0
    tongue_out: float = 0.0
    _face: F32 = field(default_factory=lambda: np.zeros(CONTROL_COUNT, np.float32))

    def set(self, face: FaceState) -> None:
        """Take over a face state; values out of range are clamped, what is not a number counts as rest."""
        clean = self._face
        np.copyto(clean, face)
        np.nan_to_num(clean, copy=False, nan=0.0, posinf=1.0, neginf=0.0)
        np.clip(clean, _LOW, _HIGH, out=clean)
        bases, lips = self.bases, self.lips
        np.dot(_BASE_MATRIX, clean, out=bases)
        np.clip(bases, -1.0, 1.0, out=bases)
        close = float(clean[INDEX["mouthClose"]])
        bases[_CLOSE] = close * bases[_JAW]
        np.dot(_GAZE_MATRIX, clean, out=self.gaze)
        self.blink[0] = clean[INDEX["eyeBlinkLeft"]]
        self.blink[1] = clean[INDEX["eyeBlinkRight"]]
        for eye, base in enumerate(_BLINKS):  # the lids follow the gaze
            down = float(self.gaze[2 * eye + 1])
            closed = float(bases[base])
            bases[base] = min(1.05, closed + (1 - closed) * down * (0.22 if down > 0 else 0.10))
        np.take(bases, _LIP_FROM_BASE, out=lips)
        lips[1] = close
        lips[10] = _SHRUG_SHIFT_MM * clean[INDEX["mouthShrugLower"]]
        lips[11] = clean[INDEX["mouthRollUpper"]]
        np.take(clean, _HEAD_INDEX, out=self.head)
        self.tongue_tip = float(clean[INDEX["tongueTipUp"]])
        self.tongue_body = float(clean[INDEX["tongueBodyUp"]])
        self.tongue_out = float(clean[INDEX["tongueOut"]])
