"""How like its photo, and how steady, the picture is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.likeness.subject import Picture, Subject, both
from visavis.avatar import CANVAS_PX
from visavis.face import face_state

_EDGE_ALPHA: Final = (3, 252)
"""Of 255: where person and background mix."""
_SLIDE_STEPS: Final = 9


@dataclass(frozen=True, slots=True)
class Fidelity:
    """Decibels are peak signal to noise of the frame at rest against the photo."""

    interior_db: float
    edge_db: float
    steadiness: float
    """Sharpness while the head slides by one pixel: least by most."""
    constant_change: int
    """The largest difference between two frames of one state, other states in between."""
    background_change: int
    """The largest change of the background, far from the person, when the head turns."""


def measure_fidelity(subject: Subject) -> Fidelity:
    """Compare, slide, repeat and turn."""
    alpha = cv2.resize(subject.avatar.texture[..., 3], (CANVAS_PX, CANVAS_PX), interpolation=cv2.INTER_AREA)
    rest = subject.draw({})
    inside = alpha > _EDGE_ALPHA[1]
    edge = (alpha > _EDGE_ALPHA[0]) & ~inside
    return Fidelity(
        interior_db=_psnr_db(rest, subject.photo, inside),
        edge_db=_psnr_db(rest, subject.photo, edge),
        steadiness=_steadiness(subject),
        constant_change=_constant_change(subject),
        background_change=_background_change(subject, alpha),
    )


def _psnr_db(a: Picture, b: Picture, where: NDArray[np.bool_]) -> float:
    """``10 lg(255^2 / mean squared difference)``."""
    error = float(np.square(a.astype(np.float64) - b)[where].mean())
    return 10 * float(np.log10(255**2 / max(error, 1e-6)))


def _steadiness(subject: Subject) -> float:
    rows, columns = subject.box(0, 25, 45, 50)
    px_mm = 1 / subject.avatar.head.px_per_mm
    sharpness = []
    for share in np.linspace(0, 1, _SLIDE_STEPS):
        frame = subject.draw({"headX": float(share) * px_mm, "headY": float(share) * px_mm})
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY).astype(np.float32)
        sharpness.append(float(cv2.Laplacian(grey, cv2.CV_32F)[rows, columns].var()))
    return min(sharpness) / max(sharpness)


def _constant_change(subject: Subject) -> int:
    spoken = {"jawOpen": 0.35, **both("mouthStretch", 0.3), "headYaw": 4.0}
    first = subject.draw(spoken)
    subject.renderer.render(face_state({"jawOpen": 0.8, "headYaw": -9.0, **both("eyeBlink", 1.0)}))
    return int(cv2.absdiff(first, subject.draw(spoken)).max())


def _background_change(subject: Subject, alpha: Picture) -> int:
    far = cv2.dilate(alpha, np.ones((61, 61), np.uint8)) == 0
    if not far.any():
        return 0
    turned = [subject.draw({"headYaw": yaw}) for yaw in (-10.0, 10.0)]
    return int(cv2.absdiff(*turned)[far].max())
