"""The square that is cut from a photo around the face."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import TEXTURE_PX
from visavis.portrait.face_mesh import Face
from visavis.portrait.geometry import smoothstep

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

FACE_SHARE: Final = 0.40
"""Face height (hairline to chin) as a share of the frame, where the photo allows it."""
FACE_CENTRE_Y: Final = 0.47
MAX_FACE_SHARE: Final = 0.74
"""A frame this tight still holds the chin and some forehead; beyond it the photo is extended."""
_CLEARANCE: Final = 0.03
"""The face keeps this share of the frame from its border."""
_SOFTENING_PX: Final = ((5.0, 12.0), (16.0, 48.0), (48.0, 120.0))
"""Blur of the continuation beyond the photo, and the distance at which it is reached."""
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


def cut_wide(photo: U8, framing: Framing, *, left_px: int, right_px: int, below_px: int) -> U8:
    """The framed square and what the photo shows around it; mirrored where the photo ends. Texture pixels."""
    size = (left_px + TEXTURE_PX + right_px, TEXTURE_PX + below_px)
    scale = TEXTURE_PX / framing.side_px
    x0, y0 = framing.origin_px
    return _sampled(photo, scale, (x0 - left_px / scale, y0), size)


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
    low, high = face.box.reshape(2, 2) + np.array([[-_CLEARANCE], [_CLEARANCE]]) * side
    x0 = max(min(x0, low[0]), high[0] - side)
    y0 = max(min(y0, low[1]), high[1] - side)
    outside = max(0.0, -x0, -y0, x0 + side - width, y0 + side - height)
    scale = TEXTURE_PX / side
    canvas = (TEXTURE_PX, TEXTURE_PX)
    picture = _sampled(photo, scale, (x0, y0), canvas)
    if outside > 0.5:
        inside = np.zeros(canvas, np.uint8)
        left, top_row = max(0, round(-x0 * scale)), max(0, round(-y0 * scale))
        inside[top_row : round((height - y0) * scale), left : round((width - x0) * scale)] = 1
        picture = _continue(picture, inside)
    return Framing(picture, side, (x0, y0), outside / side)


def _sampled(photo: U8, scale: float, origin_px: tuple[float, float], size: tuple[int, int]) -> U8:
    height, width = photo.shape[:2]
    if scale < 1:  # an area filter needs whole source pixels: reduce first, then place
        reduced = (max(1, round(width * scale)), max(1, round(height * scale)))
        source = np.asarray(cv2.resize(photo, reduced, interpolation=cv2.INTER_AREA), np.uint8)
    else:
        source = photo
    zoom_x, zoom_y = scale * width / source.shape[1], scale * height / source.shape[0]
    matrix = np.array([[zoom_x, 0, -origin_px[0] * scale], [0, zoom_y, -origin_px[1] * scale]])
    flags = cv2.INTER_LANCZOS4 if scale >= 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.warpAffine(source, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def _inside(start: float, side: float, length: float) -> float:
    """The start moved so that the frame lies inside; centred on the photo where it cannot."""
    if side <= length:
        return float(min(max(0.0, start), length - side))
    return float(min(max(start, length - side), 0.0))


def _continue(mirrored: U8, inside: U8) -> U8:
    """Soften what lies beyond the photo the more, the further it is from it.

    A plain mirror would show a second ear or eye, repeated border pixels streaks.
    """
    distance = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    result = mirrored.astype(np.float32)
    sharper_until = 0.0
    for sigma_px, reached_px in _SOFTENING_PX:
        softer = cv2.GaussianBlur(mirrored.astype(np.float32), (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101)
        weight = smoothstep(sharper_until, reached_px, distance)[..., None]
        result = np.asarray(result * (1 - weight) + softer * weight, np.float32)
        sharper_until = reached_px / 2
    return np.asarray(np.clip(result + 0.5, 0, 255), np.uint8)
