"""The face state: the one vocabulary between speech, motion and render.

A face state is ``float32 [CONTROL_COUNT]``, one number per name in :data:`CONTROLS`:

* the 52 ARKit blendshapes (Apple, ``ARFaceAnchor.BlendShapeLocation``), each 0 (neutral) .. 1 (full);
* a few controls of ours that ARKit lacks (:data:`EXTRA_CONTROLS`), each 0 .. 1;
* the head pose relative to the photo: ``headYaw``, ``headPitch``, ``headRoll`` in degrees
  (+yaw turns the nose to image right, +pitch nods down, +roll tilts clockwise in the image) and
  ``headX``, ``headY``, ``headZ`` in millimetres (right, down, towards the viewer).

Left and right are the subject's, as in ARKit. Gaze uses the eight ``eyeLook*`` names.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

FaceState: TypeAlias = NDArray[np.float32]
"""``float32 [CONTROL_COUNT]``, in the order of :data:`CONTROLS`."""

ARKIT_CONTROLS: Final = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight",
    "eyeBlinkLeft", "eyeBlinkRight",
    "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight",
    "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight",
    "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight",
    "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper",
    "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
"""The 52 ARKit names."""

EXTRA_CONTROLS: Final = (
    "tongueTipUp",
    "tongueBodyUp",
    "lipTuck",
    "breath",
    "torsoSway",
)
"""Ours: tongue tip at the teeth ridge (t d n l), tongue body raised (k g i), the lower lip under the upper
teeth (f v), the chest in an in-breath, and the torso's lean (-1 image left .. 1 image right)."""

HEAD_CONTROLS: Final = ("headYaw", "headPitch", "headRoll", "headX", "headY", "headZ")
"""Head pose: degrees, then millimetres."""

CONTROLS: Final = ARKIT_CONTROLS + EXTRA_CONTROLS + HEAD_CONTROLS
CONTROL_COUNT: Final = len(CONTROLS)
INDEX: Final[Mapping[str, int]] = MappingProxyType({name: i for i, name in enumerate(CONTROLS)})
"""Position of each control in a face state."""

MOUTH_CONTROLS: Final = (
    "jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "lipTuck", "tongueTipUp", "tongueBodyUp", "tongueOut",
)  # fmt: skip
"""What a mouth track holds: the columns of ``float32 [frames, len(MOUTH_CONTROLS)]``."""

MOUTH_INDEX: Final = np.array([INDEX[name] for name in MOUTH_CONTROLS])
"""Where the columns of a mouth track go in a face state."""

VISEMES: Final = (
    "sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "ih", "oh", "ou",
)  # fmt: skip
"""The 15 Oculus visemes, in the usual order."""


def neutral() -> FaceState:
    """A new face state with every control at rest."""
    return np.zeros(CONTROL_COUNT, np.float32)


def face_state(controls: Mapping[str, float]) -> FaceState:
    """A new face state from named controls; the rest is neutral.

    Raises:
        KeyError: a name that is not in :data:`CONTROLS`.
    """
    state = neutral()
    for name, value in controls.items():
        state[INDEX[name]] = value
    return state


def viseme_controls(viseme: str) -> Mapping[str, float]:
    """The mouth shape of one viseme at full strength, as named controls."""
    return _VISEME_CONTROLS[viseme]


def _shape(
    *, jaw: float = 0.0, close: float = 0.0, press: float = 0.0, pucker: float = 0.0, funnel: float = 0.0,
    stretch: float = 0.0, upper_up: float = 0.0, lower_down: float = 0.0, tuck: float = 0.0,
    tongue_tip: float = 0.0, tongue_body: float = 0.0, tongue_out: float = 0.0,
) -> Mapping[str, float]:  # fmt: skip
    both = {
        "mouthPress": press, "mouthStretch": stretch, "mouthUpperUp": upper_up, "mouthLowerDown": lower_down,
    }  # fmt: skip
    controls = {
        "jawOpen": jaw, "mouthClose": close, "mouthPucker": pucker, "mouthFunnel": funnel, "lipTuck": tuck,
        "tongueTipUp": tongue_tip, "tongueBodyUp": tongue_body, "tongueOut": tongue_out,
    }  # fmt: skip
    for name, value in both.items():
        controls[name + "Left"] = controls[name + "Right"] = value
    return MappingProxyType({name: value for name, value in controls.items() if value})


_VISEME_CONTROLS: Final[Mapping[str, Mapping[str, float]]] = MappingProxyType(
    {
        "sil": _shape(),
        "PP": _shape(jaw=0.10, close=1.0, press=0.85),
        "FF": _shape(jaw=0.10, tuck=1.0, upper_up=0.12, stretch=0.08),
        "TH": _shape(jaw=0.19, lower_down=0.34, upper_up=0.22, tongue_out=1.0, tongue_tip=0.8),
        "DD": _shape(jaw=0.20, lower_down=0.22, upper_up=0.16, tongue_tip=1.0, stretch=0.12),
        "kk": _shape(jaw=0.30, lower_down=0.08, upper_up=0.06, tongue_body=1.0),
        "CH": _shape(jaw=0.10, funnel=0.80, pucker=0.20, lower_down=0.12),
        "SS": _shape(jaw=0.06, stretch=0.35, lower_down=0.42, upper_up=0.30),
        "nn": _shape(jaw=0.15, lower_down=0.10, upper_up=0.04, tongue_tip=1.0),
        "RR": _shape(jaw=0.14, pucker=0.30, funnel=0.45, tongue_body=0.5),
        "aa": _shape(jaw=0.72, lower_down=0.08, upper_up=0.20),
        "E": _shape(jaw=0.33, stretch=0.30, upper_up=0.42, lower_down=0.24),
        "ih": _shape(jaw=0.19, stretch=0.30, upper_up=0.16, lower_down=0.28, tongue_body=0.5),
        "oh": _shape(jaw=0.45, pucker=0.38, funnel=0.50),
        "ou": _shape(jaw=0.18, pucker=0.72, funnel=0.48),
    }
)
