"""The eyeball behind the lids: a picture larger than the opening, so that gaze and blink have something to show."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import Eye
from visavis.portrait.matte import push_pull

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

_MARGIN_PX: Final = 40
_LID_SHADE: Final = 0.86
"""Sclera under the lids lies in their shade."""
_MIRRORED_IRIS_SHADE: Final = 0.8


def build_eye(
    picture: U8,
    upper_lid: NDArray[np.int32],
    lower_lid: NDArray[np.int32],
    texture_coords: F64,
    iris: F64,
    *,
    visible: bool,
) -> Eye:
    """Extend the visible eye beyond its lids.

    Args:
        picture: the framed photo, ``uint8 [h, w, 3] BGR``.
        upper_lid, lower_lid: fine mesh vertices along the lids, image left to right, same ends.
        texture_coords: of the fine mesh, ``[n, 2]``.
        iris: ``[5, 2]`` texture pixels, centre first.
        visible: no dark glasses hide it.
    """
    opening = texture_coords[np.concatenate([upper_lid, lower_lid[::-1]])]
    low = np.maximum(np.floor(opening.min(axis=0) - _MARGIN_PX).astype(int), 0)
    high = np.ceil(opening.max(axis=0) + _MARGIN_PX).astype(int)
    around = picture[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    centre = iris[0]
    radius = float(np.mean(np.linalg.norm(iris[1:] - iris[0], axis=1)))
    seen = _visible(around.shape, opening - low)
    return Eye(
        texture=np.clip(_complete(around, seen, centre - low, radius), 0, 255).astype(np.uint8),
        upper_lid=upper_lid,
        lower_lid=lower_lid,
        corner_px=low.astype(np.float32),
        iris_centre_px=centre.astype(np.float32),
        iris_radius_px=radius,
        visible=float(visible),
    )


def _visible(shape: tuple[int, ...], opening: F64) -> F32:
    """1 inside the lids, a pixel short of their edge."""
    mask = np.zeros(shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(opening * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    inside = (mask > 127).astype(np.uint8)
    return cv2.erode(inside, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (3, 3))).astype(np.float32)


def _complete(around: F32, visible: F32, centre: F64, radius: float) -> F32:
    y, x = np.mgrid[: around.shape[0], : around.shape[1]].astype(np.float32)
    distance = np.hypot(x - centre[0], y - centre[1])

    # the part of the iris under the upper lid mirrors the part above the lower lid
    mirror_y = (2 * centre[1] - y).astype(np.float32)
    mirrored = cv2.remap(around, x, mirror_y, cv2.INTER_LINEAR)
    mirrored_visible = cv2.remap(visible, x, mirror_y, cv2.INTER_NEAREST)
    borrow = (visible < 0.5) & (mirrored_visible > 0.5) & (distance < radius * 1.02) & (y < centre[1])
    seen = around.copy()
    seen[borrow] = mirrored[borrow] * _MIRRORED_IRIS_SHADE
    known = np.maximum(visible, borrow)

    sclera = push_pull(around, (visible * (distance > radius * 1.12)).astype(np.float32), levels=6)
    disc = np.clip((radius * 1.03 - distance) / 2 + 0.5, 0, 1)[..., None]
    iris_pixels = around[(visible > 0.5) & (distance < radius * 0.95)]
    iris_colour = np.median(iris_pixels, axis=0) if len(iris_pixels) else np.full(3, 30.0)
    hidden = sclera * _LID_SHADE * (1 - disc) + iris_colour * disc
    # below, the nearest visible colours continue: the lower lid hides little and its edge is wet
    below_known = cv2.erode(visible, np.ones((3, 3))) * (y > centre[1] - radius * 0.2)
    below = push_pull(around, below_known.astype(np.float32), levels=6)
    lower = np.clip((y - centre[1]) / (0.5 * radius), 0, 1)[..., None]
    hidden = hidden * (1 - lower) + below * lower

    keep = cv2.GaussianBlur(known.astype(np.float32), (0, 0), 0.8)[..., None] * known[..., None]
    return np.asarray(seen * keep + hidden * (1 - keep), np.float32)
