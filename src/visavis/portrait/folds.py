"""Folds of the skin that come and go with speech, as maps over the texture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import Folds
from visavis.portrait.topology import OUTER_MOUTH

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

_GAIN_STEPS: Final = 254
_NASOLABIAL: Final = (((129, 203, 206, 216, 57), -1.0), ((358, 423, 426, 436, 287), 1.0))
"""Mesh points from nostril to mouth corner, and the side the cheek lies on."""
_NASOLABIAL_DEPTH: Final = (0.045, 0.12)
"""Darkest the fold gets, on the smoothest and on the most lined skin."""
_MENTOLABIAL: Final = (43, 106, 182, 83, 18, 313, 406, 335, 273)


@dataclass(frozen=True, slots=True)
class _Region:
    """The part of the texture around the mouth; lengths in mm times ``mm`` are pixels."""

    left: int
    top: int
    shape: tuple[int, int]
    landmarks: F64
    mm: float

    def point(self, index: int) -> F64:
        return np.asarray(self.landmarks[index, :2] - [self.left, self.top])

    def blur(self, image: NDArray[Any], sigma_mm: float) -> F32:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_mm * self.mm), np.float32)

    def shift(self, image: F32, x_mm: float, y_mm: float) -> F32:
        matrix = np.array([[1, 0, x_mm * self.mm], [0, 1, y_mm * self.mm]], np.float32)
        return np.asarray(cv2.warpAffine(image, matrix, self.shape[::-1]), np.float32)


def build_folds(texture: U8, landmarks: F64, texture_px_per_mm: float) -> Folds:
    """Draw the folds of one face.

    Args:
        texture: ``uint8 [h, w, 3] BGR``, the person as the avatar will show it.
        landmarks: ``[478, 3]`` texture pixels.
        texture_px_per_mm: scale of the texture.
    """
    region = _mouth_region(texture.shape, landmarks, texture_px_per_mm)
    lips = np.zeros(region.shape, np.uint8)
    border = np.stack([region.point(i) for i in OUTER_MOUTH])
    cv2.fillPoly(lips, [_sixteenths(border)], 1, cv2.LINE_8, 4)
    skin = 1 - region.blur(cv2.dilate(lips, np.ones((3, 3))).astype(np.float32), 0.5)

    shallowest, deepest = _NASOLABIAL_DEPTH
    depth = float(np.clip(_relief(texture, region, lips), shallowest, deepest))
    lined = depth / deepest
    lift = _crease_lift(texture, region, lips)
    maps = np.stack(
        [_nasolabial(region, depth) * skin, _mentolabial(region) * skin, *_textured_folds(region, skin, lined)]
    )
    gains = np.clip(maps * _GAIN_STEPS, -127, 127).astype(np.int8)
    rows, columns = np.nonzero((np.abs(gains) > 1).any(axis=0) | (lift.max(axis=2) > 1))
    return Folds(
        gains=np.ascontiguousarray(gains[:, rows, columns].T),
        lift=np.clip(lift[rows, columns], 0, 127).astype(np.int8),
        x_px=(columns + region.left).astype(np.int16),
        y_px=(rows + region.top).astype(np.int16),
    )


def _mouth_region(shape: tuple[int, ...], landmarks: F64, mm: float) -> _Region:
    height, width = shape[:2]
    centre = (landmarks[61, :2] + landmarks[291, :2]) / 2
    left, right = int(max(0, centre[0] - 46 * mm)), int(min(width, centre[0] + 46 * mm))
    top = int(max(0, landmarks[2, 1] - 12 * mm))
    bottom = int(min(height, max(landmarks[152, 1], centre[1] + 30 * mm)))
    return _Region(left, top, (bottom - top, right - left), landmarks, mm)


def _sixteenths(points: F64) -> NDArray[np.int32]:
    return np.round(points * 16).astype(np.int32)


def _crease_lift(texture: U8, region: _Region, lips: U8) -> F32:
    """Grey levels that fill the dark creases at the mouth corners: a black-hat of the photo, near the corners only.

    Added per channel; multiplying turns the corners orange.
    """
    height, width = region.shape
    patch = texture[region.top : region.top + height, region.left : region.left + width].astype(np.float32)
    patch = region.blur(patch, 0.35)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (int(8 * region.mm) | 1,) * 2)
    closed = np.dstack([cv2.morphologyEx(patch[..., i], cv2.MORPH_CLOSE, kernel) for i in range(3)])
    dark = np.clip(region.blur(closed, 1.4) - patch, 0, 110)
    near = np.zeros(region.shape, np.float32)
    for corner, other in ((61, 291), (291, 61)):
        across = region.point(corner) - region.point(other)
        outside = region.point(corner) + across / max(float(np.linalg.norm(across)), 1) * 4.5 * region.mm
        x, y = _sixteenths(outside).tolist()
        cv2.circle(near, (x, y), int(7 * region.mm * 16), 1.0, -1, cv2.LINE_AA, 4)
    # the thin tips of the lips belong to the crease, their body does not
    core = cv2.erode(lips, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (int(2.4 * region.mm) | 1,) * 2))
    near = region.blur(near, 1.4) * (1 - region.blur(core.astype(np.float32), 0.6))
    return np.asarray(dark * near[..., None] * 0.92, np.float32)


def _stroke(region: _Region, path: tuple[int, ...], width_mm: float, strength: float, ends: tuple[float, ...]) -> F32:
    """A soft line through mesh points; ``ends`` is its relative strength at start, middle and end."""
    points = np.stack([region.point(i) for i in path])
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    count = 24
    place = np.linspace(0, along[-1], count + 1)
    curve = np.stack([np.interp(place, along, points[:, 0]), np.interp(place, along, points[:, 1])], axis=1)
    for _ in range(3):
        curve[1:-1] = 0.25 * curve[:-2] + 0.5 * curve[1:-1] + 0.25 * curve[2:]
    amount = np.interp(np.linspace(0, 1, count), [0, 0.5, 1], ends)
    drawn = np.zeros(region.shape, np.float32)
    thickness = max(1, int(width_mm * region.mm * 0.5))
    ticks = _sixteenths(curve).tolist()
    for i in range(count):
        cv2.line(drawn, ticks[i], ticks[i + 1], float(amount[i]), thickness, cv2.LINE_AA, 4)
    soft = region.blur(drawn, width_mm * 0.45)
    return np.asarray(strength * soft / max(float(soft.max()), 1e-4), np.float32)


def _relief(texture: U8, region: _Region, lips: U8) -> float:
    """How much the skin around the mouth varies in brightness at the size of folds, relative to its mean."""
    height, width = region.shape
    patch = texture[region.top : region.top + height, region.left : region.left + width]
    grey = np.asarray(cv2.cvtColor(patch, cv2.COLOR_BGR2GRAY), np.float32)
    band = region.blur(grey, 0.8) - region.blur(grey, 4.0)
    cheeks = np.zeros(region.shape, np.uint8)
    for path, _ in _NASOLABIAL:
        cv2.polylines(
            cheeks, [_sixteenths(np.stack([region.point(i) for i in path]))], False, 1, int(9 * region.mm), 8, 4
        )
    skin = (cheeks > 0) & (cv2.dilate(lips, np.ones((3, 3)), iterations=int(2 * region.mm)) == 0)
    if not skin.any():
        return 0.0
    low, high = np.percentile(band[skin], [10, 90])
    return float((high - low) / max(float(grey[skin].mean()), 1.0))


def _nasolabial(region: _Region, depth: float) -> F32:
    """Shade in the fold, ``depth`` of the skin's brightness, and light on the cheek beside it."""
    total = np.zeros(region.shape, np.float32)
    for path, side in _NASOLABIAL:
        shade = _stroke(region, path, 5.5, -depth, (0.35, 1, 0.15))
        total += shade - region.shift(region.blur(shade, 1.2), side * 3.0, -1.0) * 0.55
    return total


def _mentolabial(region: _Region) -> F32:
    shade = _stroke(region, _MENTOLABIAL, 3.2, -0.085, (0.1, 1, 0.1))
    return np.asarray(shade - region.shift(region.blur(shade, 1.2), 0, 3.4) * 0.25, np.float32)


def _textured_folds(region: _Region, skin: F32, lined: float) -> tuple[F32, F32]:
    """The chin's dimpling and the fine vertical lines of pursed lips; ``lined``, 0 .. 1, is how lined the skin is."""
    rng = np.random.default_rng(5)
    y, x = np.mgrid[: region.shape[0], : region.shape[1]].astype(np.float32)
    chin = region.point(199)
    dimples = region.blur(rng.normal(0, 1, region.shape).astype(np.float32), 0.75)
    window = np.exp(-(((x - chin[0]) / (8.5 * region.mm)) ** 4) - ((y - chin[1]) / (6.5 * region.mm)) ** 4)
    chin_fold = (dimples / dimples.std() * 0.026 * lined - 0.025) * window
    lines = cv2.GaussianBlur(
        rng.normal(0, 1, region.shape).astype(np.float32), (0, 0), sigmaX=0.45 * region.mm, sigmaY=3.0 * region.mm
    )
    mouth = (region.point(0) + region.point(17)) / 2
    window = np.exp(-(((x - mouth[0]) / (13 * region.mm)) ** 4) - ((y - mouth[1]) / (11 * region.mm)) ** 4)
    purse = lines / lines.std() * 0.022 * lined * window * (0.45 + 0.55 * (1 - skin))
    return np.asarray(chin_fold, np.float32), np.asarray(purse, np.float32)
