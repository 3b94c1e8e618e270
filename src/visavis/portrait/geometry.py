"""Measuring a head: its axes, scale and pose, and the spaces its points live in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visavis.avatar import CANVAS_PX, TEXTURE_SCALE
from visavis.portrait.topology import MESH_POINTS

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

PUPIL_DISTANCE_MM: Final = 63.0
"""Mean adult interpupillary distance (Dodgson 2004): the yardstick of every length in mm."""
FACE_PLANE_LEAN_DEG: Final = 9.5
"""The face mesh leans by this, chin towards the viewer: the mean over portraits that look level."""
_TOP, _CHIN = 10, 152


@dataclass(frozen=True, slots=True)
class HeadGeometry:
    """The measured head, in canvas pixels and in its own frame."""

    landmarks: F64
    """``[478, 3]`` in texture pixels, z towards the viewer."""
    points: F64
    """``[468, 3]`` in canvas pixels."""
    iris: F64
    """``[10, 3]``, right then left, centre first."""
    axes: F64
    origin: F64
    px_per_mm: float
    yaw_deg: float
    """Nose to image right."""
    pitch_deg: float
    """Nodded down."""

    def to_mm(self, points: F64) -> F64:
        """Canvas pixels to the head frame."""
        return np.asarray((points - self.origin) @ self.axes.T / self.px_per_mm)

    def to_px(self, points_mm: F64) -> F64:
        """The head frame to canvas pixels."""
        return np.asarray(points_mm @ self.axes * self.px_per_mm + self.origin)

    def direction_px(self, vectors_mm: F64) -> F64:
        """Displacements in the head frame to canvas pixels."""
        return np.asarray(vectors_mm @ self.axes * self.px_per_mm)


def measure_head(points: F64) -> HeadGeometry:
    """Measure a face: points ``[478, 3]`` as the face mesh gives them in the framed picture."""
    landmarks = points * [1, 1, -1]
    canvas = landmarks / TEXTURE_SCALE
    canvas[:, :2] -= 0.5
    iris, points = canvas[MESH_POINTS:], canvas[:MESH_POINTS]
    px_per_mm = float(np.linalg.norm(iris[0] - iris[5])) / PUPIL_DISTANCE_MM
    x_axis = points[[263, 362]].mean(0) - points[[33, 133]].mean(0)
    x_axis /= np.linalg.norm(x_axis)
    down = points[_CHIN] - points[_TOP]
    y_axis = down - x_axis * (down @ x_axis)
    y_axis /= np.linalg.norm(y_axis)
    z_axis = np.cross(x_axis, y_axis)
    if z_axis[2] < 0:
        z_axis = -z_axis
    return HeadGeometry(
        landmarks=landmarks,
        points=points,
        iris=iris,
        axes=np.stack([x_axis, y_axis, z_axis]),
        origin=(points[33] + points[263] + points[133] + points[362]) / 4,
        px_per_mm=px_per_mm,
        yaw_deg=float(np.degrees(np.arctan2(-x_axis[2], x_axis[0]))),
        pitch_deg=-float(np.degrees(np.arctan2(y_axis[2], y_axis[1]))) - FACE_PLANE_LEAN_DEG,
    )


def texture_px(points: F64) -> F64:
    """Canvas pixels (x, y) to texture pixels."""
    return np.asarray((points[..., :2] + 0.5) * TEXTURE_SCALE - 0.5)


def smoothstep(low: float, high: float, x: ArrayLike) -> F64:
    """0 below ``low``, 1 above ``high``, C1 between (Perlin's 3t^2 - 2t^3)."""
    t = np.clip((np.asarray(x, np.float64) - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def canvas_index(points: F64) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Row and column of canvas points, clipped to the canvas."""
    xy = np.clip(points[:, :2], 0, CANVAS_PX - 1).astype(np.int64)
    return xy[:, 1], xy[:, 0]
