"""Measures a face in a picture, by the same face mesh that reads photos."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.likeness.subject import Picture
from visavis.portrait.face_mesh import FaceMesh
from visavis.portrait.geometry import PUPIL_DISTANCE_MM, measure_head

_ENLARGED: Final = 2
"""The mesh sees a face better at twice the size."""
_LIPS: Final = (13, 14)
_CORNERS: Final = (61, 291)
_BRIDGE_AND_CHIN: Final = (168, 152)
_RIGHT_EYE: Final = (159, 145, 33, 133)
_LEFT_EYE: Final = (386, 374, 263, 362)
"""Upper lid, lower lid, both corners."""
_IRISES: Final = (468, 473)


@dataclass(frozen=True, slots=True)
class Measured:
    """What is seen of a face."""

    opening_mm: float
    chin_mm: float
    width_mm: float
    right_eye: float
    """Height of the opening by its width."""
    left_eye: float
    yaw_deg: float
    pitch_deg: float
    roll_deg: float


class FaceMeter:
    """Looks at pictures; one model for all."""

    def __init__(self) -> None:
        self._mesh = FaceMesh(min_detection=0.3, min_presence=0.3)

    def measure(self, picture: Picture) -> Measured | None:
        """The largest face of a picture, None where none is seen."""
        large = cv2.resize(picture, None, fx=_ENLARGED, fy=_ENLARGED, interpolation=cv2.INTER_CUBIC)
        faces = self._mesh.faces(np.ascontiguousarray(large[..., ::-1]))
        if not faces:
            return None
        points = faces[0].points
        head = measure_head(points)
        px_per_mm = float(np.linalg.norm(points[_IRISES[0]] - points[_IRISES[1]])) / PUPIL_DISTANCE_MM
        x_axis = head.axes[0]

        def distance(a: int, b: int) -> float:
            return float(np.linalg.norm(points[a, :2] - points[b, :2]))

        def openness(upper: int, lower: int, outer: int, inner: int) -> float:
            return distance(upper, lower) / distance(outer, inner)

        return Measured(
            opening_mm=distance(*_LIPS) / px_per_mm,
            chin_mm=distance(*_BRIDGE_AND_CHIN) / px_per_mm,
            width_mm=distance(*_CORNERS) / px_per_mm,
            right_eye=openness(*_RIGHT_EYE),
            left_eye=openness(*_LEFT_EYE),
            yaw_deg=head.yaw_deg,
            pitch_deg=head.pitch_deg,
            roll_deg=float(np.degrees(np.arctan2(x_axis[1], x_axis[0]))),
        )


def correlation_and_slope(x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[float, float]:
    """Pearson's r and the least-squares slope of what was measured (NaN: not) over what was asked for."""
    seen = ~np.isnan(y)
    return float(np.corrcoef(x[seen], y[seen])[0, 1]), float(np.polyfit(x[seen], y[seen], 1)[0])
