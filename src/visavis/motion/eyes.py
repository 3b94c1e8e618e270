"""The eyeballs in the face state: eight ``eyeLook*`` controls for one direction."""

from __future__ import annotations

from typing import Final

from visavis.face import INDEX, FaceState
from visavis.motion.curves import soft_limit

# What a full eyeLook control turns the eye by: the renderer moves the iris 0.62 of its radius sideways and 0.42
# up or down, on an eyeball of 12 mm with an iris of 5.9 mm.
EYE_YAW_DEG: Final = 17.7
EYE_PITCH_DEG: Final = 11.9


def turn_eyes(face: FaceState, yaw_deg: float, pitch_deg: float) -> None:
    """Turn both eyes against the head: +yaw to image right, +pitch down; in place of what they did."""
    right = soft_limit(yaw_deg / EYE_YAW_DEG, -1.0, 1.0)
    down = soft_limit(pitch_deg / EYE_PITCH_DEG, -1.0, 1.0)
    # Image right is the subject's left: the left eye looks out, the right eye in.
    face[_OUT_LEFT] = face[_IN_RIGHT] = max(right, 0.0)
    face[_IN_LEFT] = face[_OUT_RIGHT] = max(-right, 0.0)
    face[_DOWN_LEFT] = face[_DOWN_RIGHT] = max(down, 0.0)
    face[_UP_LEFT] = face[_UP_RIGHT] = max(-down, 0.0)


def turn_eyes_by(face: FaceState, yaw_deg: float, pitch_deg: float) -> None:
    """Turn each eye so much further than it is turned, as far as it goes."""
    for plus, minus, change in (
        (_OUT_LEFT, _IN_LEFT, yaw_deg / EYE_YAW_DEG),
        (_IN_RIGHT, _OUT_RIGHT, yaw_deg / EYE_YAW_DEG),
        (_DOWN_LEFT, _UP_LEFT, pitch_deg / EYE_PITCH_DEG),
        (_DOWN_RIGHT, _UP_RIGHT, pitch_deg / EYE_PITCH_DEG),
    ):
        turned = min(max(float(face[plus] - face[minus]) + change, -1.0), 1.0)
        face[plus], face[minus] = max(turned, 0.0), max(-turned, 0.0)


_OUT_LEFT, _OUT_RIGHT = INDEX["eyeLookOutLeft"], INDEX["eyeLookOutRight"]
_IN_LEFT, _IN_RIGHT = INDEX["eyeLookInLeft"], INDEX["eyeLookInRight"]
_DOWN_LEFT, _DOWN_RIGHT = INDEX["eyeLookDownLeft"], INDEX["eyeLookDownRight"]
_UP_LEFT, _UP_RIGHT = INDEX["eyeLookUpLeft"], INDEX["eyeLookUpRight"]
