"""Where the face is: framing the photo into the square canvas and measuring the head in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from visavis.avatar import CANVAS_PX, TEXTURE_PX, TEXTURE_SCALE
from visavis.portrait.face_mesh import Face
from visavis.portrait.topology import MESH_POINTS

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

FACE_SHARE: Final = 0.40
"""Face height (hairline to chin) as a share of the frame, where the photo allows it."""
FACE_CENTRE_Y: Final = 0.47
MAX_FACE_SHARE: Final = 0.74
"""A frame this tight still holds the chin and some forehead; beyond it the photo is extended."""
PUPIL_DISTANCE_MM: Final = 63.0
"""Mean adult interpupillary distance (Dodgson 2004): the yardstick of every length in mm."""
_TOP, _CHIN = 10, 152


@dataclass(frozen=True, slots=True)
class Framing:
    """The square that is cut from the photo."""

    picture: U8
    """``uint8 [1024, 1024, 3] BGR``."""
    side_px: float
    """Its side in photo pixels."""
    origin_px: tuple[float, float]
    """Its upper left corner in the photo, x and y; outside where the photo had to be extended."""
    extended_share: float
    """Share of the frame's side that had to be invented."""

    def place(self, points: F64) -> F64:
        """Points ``[n, 3]`` of the photo in the framed picture."""
        return np.asarray((points - [*self.origin_px, 0]) * (TEXTURE_PX / self.side_px))


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
    pitch_deg: float

    def to_mm(self, points: F64) -> F64:
        """Canvas pixels to the head frame."""
        return np.asarray((points - self.origin) @ self.axes.T / self.px_per_mm)

    def to_px(self, points_mm: F64) -> F64:
        """The head frame to canvas pixels."""
        return np.asarray(points_mm @ self.axes * self.px_per_mm + self.origin)

    def direction_px(self, vectors_mm: F64) -> F64:
        """Displacements in the head frame to canvas pixels."""
        return np.asarray(vectors_mm @ self.axes * self.px_per_mm)


def face_height_px(face: Face) -> float:
    """Hairline to chin in photo pixels."""
    return float(np.linalg.norm(face.points[_TOP, :2] - face.points[_CHIN, :2]))


def frame_photo(photo: U8, face: Face) -> Framing:
    """Cut the square around the face, inside the photo wherever the photo holds it.

    A tightly cropped photo gives a closer frame; only where even its largest square is too tight for the face is the
    photo extended, by a mirrored and softened continuation.
    """
    height, width = photo.shape[:2]
    top, chin = face.points[_TOP, :2], face.points[_CHIN, :2]
    face_height = float(np.linalg.norm(top - chin))
    centre = (top + chin) / 2
    side = max(min(face_height / FACE_SHARE, height, width), face_height / MAX_FACE_SHARE)
    x0 = _inside(centre[0] - side / 2, side, width)
    y0 = _inside(centre[1] - side * FACE_CENTRE_Y, side, height)
    origin = (x0, y0)
    margin = int(np.ceil(max(0.0, -x0, -y0, x0 + side - width, y0 + side - height)))
    if margin:
        photo = _extend(photo, margin)
        x0, y0 = x0 + margin, y0 + margin
    scale = TEXTURE_PX / side
    matrix = np.array([[scale, 0, -x0 * scale], [0, scale, -y0 * scale]])
    if scale < 1:  # an area filter needs whole source pixels: reduce first, then place
        reduced = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matrix[:, :2] = np.diag([scale * photo.shape[1] / reduced.shape[1], scale * photo.shape[0] / reduced.shape[0]])
        photo = np.asarray(reduced, np.uint8)
        flags = cv2.INTER_LINEAR
    else:
        flags = cv2.INTER_LANCZOS4
    picture = cv2.warpAffine(photo, matrix, (TEXTURE_PX, TEXTURE_PX), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return Framing(np.asarray(picture, np.uint8), side, origin, margin / side)


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
        pitch_deg=float(np.degrees(np.arctan2(y_axis[2], y_axis[1]))),
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


def _inside(start: float, side: float, length: float) -> float:
    """The start moved so that the frame lies inside; centred on the photo where it cannot."""
    if side <= length:
        return float(min(max(0.0, start), length - side))
    return float(min(max(start, length - side), 0.0))


def _extend(photo: U8, margin: int) -> U8:
    """Continue a photo beyond its border: mirrored, ever softer with distance, so that nothing repeats sharply."""
    wide = cv2.copyMakeBorder(photo, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
    inside = np.full(photo.shape[:2], 255, np.uint8)
    distance = cv2.distanceTransform(
        cv2.copyMakeBorder(255 - inside, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=255),
        cv2.DIST_L2,
        5,
    )
    soft = cv2.GaussianBlur(wide, (0, 0), max(2.0, margin * 0.25))
    weight = smoothstep(0.0, max(4.0, margin * 0.5), distance)[..., None]
    return np.asarray(wide * (1 - weight) + soft * weight + 0.5, np.uint8)
