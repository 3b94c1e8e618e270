"""What an expression may do to a mouth that speaks: a smile must not open an m, nor press its lips on an a.

The mouth that speech asks for comes first. What an expression adds is scaled by kind, with

* ``closure``, how far speech shuts the lips: p b m, f v,
* ``rounding``, how far it rounds them: o u w sh,
* ``opening``, how far it opens the jaw, 1 from :data:`OPEN_JAW` on,
* ``presence``, 0 in silence to 1 while something is said, eased.

=========  ============================================  =================================================
kind       controls                                      share that is left
=========  ============================================  =================================================
corners    smile, frown, dimple, stretch                 (1 - .35 closure)(1 - .65 rounding)(1 - .25 presence)
opening    jaw, lips raised or lowered, funnel           (1 - closure)(1 - .55 rounding)(1 - .6 presence)
closing    press, roll, shrug, close                     (1 - presence)(1 - opening)
=========  ============================================  =================================================
"""

from __future__ import annotations

from typing import Final

import numpy as np

from visavis.face import CONTROLS, INDEX, FaceState
from visavis.motion.curves import Glide

OPEN_JAW: Final = 0.15
# Quick enough not to hold up the first word, and slow enough to be seen as one movement.
PRESENCE_IN_S: Final = 0.15
PRESENCE_OUT_S: Final = 0.5

_KINDS: Final = (
    ("mouthSmile", "mouthFrown", "mouthDimple", "mouthStretch"),
    ("jawOpen", "mouthUpperUp", "mouthLowerDown", "mouthFunnel", "mouthPucker"),
    ("mouthPress", "mouthRoll", "mouthShrug", "mouthClose"),
)


class MouthGuard:
    """Scales an expression to what speech leaves it."""

    def __init__(self) -> None:
        self._presence = Glide()
        self._was_speaking = False

    def step(self, dt_s: float, face: FaceState, expression: FaceState, *, speaking: bool) -> None:
        """Advance one tick and scale ``expression`` in place; ``face`` holds what speech wants."""
        if speaking != self._was_speaking:
            self._was_speaking = speaking
            self._presence.to(float(speaking), PRESENCE_IN_S if speaking else PRESENCE_OUT_S)
        presence = min(max(self._presence.step(dt_s), 0.0), 1.0)
        closure = min(max(float(face[_CLOSE]), float(face[_TUCK])), 1.0)
        rounding = min(float(face[_PUCKER]) + 0.6 * float(face[_FUNNEL]), 1.0)
        opening = min(float(face[_JAW]) / OPEN_JAW, 1.0) * (1 - closure)
        expression[_CORNERS] *= (1 - 0.35 * closure) * (1 - 0.65 * rounding) * (1 - 0.25 * presence)
        expression[_OPENING] *= (1 - closure) * (1 - 0.55 * rounding) * (1 - 0.6 * presence)
        expression[_CLOSING] *= (1 - presence) * (1 - opening)


def _indices(beginnings: tuple[str, ...]) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    return np.array([INDEX[name] for name in CONTROLS if name.startswith(beginnings)], np.intp)


_CORNERS, _OPENING, _CLOSING = (_indices(beginnings) for beginnings in _KINDS)
_CLOSE, _TUCK = INDEX["mouthClose"], INDEX["lipTuck"]
_PUCKER, _FUNNEL, _JAW = INDEX["mouthPucker"], INDEX["mouthFunnel"], INDEX["jawOpen"]
