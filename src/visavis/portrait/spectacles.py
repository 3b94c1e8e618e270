"""Spectacles: found by their rims, and which points of the face they hold still.

Bare skin under an eye is smooth; a rim is a thin dark or bright line that runs around the eye at one distance. It is
searched along rays from each eye, as the path of the strongest ridge that changes its distance only slowly (dynamic
programming).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.portrait.inspection import PX_PER_MM, UprightFace

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

_IRISES: Final = (468, 473)
_DARK_LENS_MM: Final = np.array([29.0, 25.0])
"""Half width and half height of a large lens."""
_RAYS: Final = 72
_NEAREST_MM, _FARTHEST_MM, _STEP_MM = 13.0, 36.0, 0.5
_RIM_WIDTHS_MM: Final = (0.8, 1.5, 2.5)
"""Half the width of the lines that are looked for."""
_SMOOTHNESS: Final = 2
"""Steps that the rim's distance may change by from one ray to the next."""
_BELOW: Final = slice(7, 30)
"""Rays from 35 to 145 degrees below the horizon: only skin lies there, neither brow nor nose."""
_MIN_RIM: Final = 5.0
"""Median ridge of a rim below both eyes, in L*."""
_REACH_MM: Final = 7.0
"""Skin within this distance of a rim or the bridge stays where it is."""


@dataclass(frozen=True, slots=True)
class Spectacles:
    """The rims of both lenses, ``[rays, 2]`` pixels of the upright face, by their side of the image."""

    left: F64
    right: F64


def find_spectacles(upright: UprightFace) -> Spectacles | None:
    """The spectacles of a face; None where it wears none, or none that can be seen."""
    rims, strengths = zip(*(_rim(upright, upright.points[iris]) for iris in _IRISES), strict=True)
    return Spectacles(*rims) if min(strengths) >= _MIN_RIM else None


def sunglasses_of(upright: UprightFace) -> Spectacles:
    """Where dark lenses are: they have no rim that differs from them, so they get the usual size."""
    angles = np.arange(_RAYS) * (2 * np.pi / _RAYS)
    ellipse = np.stack([np.cos(angles), np.sin(angles)], axis=1) * _DARK_LENS_MM * PX_PER_MM
    return Spectacles(*(upright.points[iris] + [0, 2 * PX_PER_MM] + ellipse for iris in _IRISES))


def held_points(spectacles: Spectacles, points: F64, *, lenses_too: bool) -> NDArray[np.bool_]:
    """Which of the points ``[n, 2]`` of the upright face lie under a rim, the bridge or, where asked for, a lens."""
    left, right = spectacles.left, spectacles.right
    bridge = np.linspace(left[left[:, 0].argmax()], right[right[:, 0].argmin()], 12)
    along = np.concatenate([left, right, bridge])
    held = np.linalg.norm(points[:, None, :2] - along, axis=2).min(axis=1) < _REACH_MM * PX_PER_MM
    if lenses_too:
        for rim in (left, right):
            outline = rim.astype(np.float32).reshape(-1, 1, 2)
            held |= [cv2.pointPolygonTest(outline, (float(x), float(y)), False) > 0 for x, y in points[:, :2]]
    return np.asarray(held)


def _rim(upright: UprightFace, iris: F64) -> tuple[F64, float]:
    """The strongest line around an eye, and its median ridge below the eye; rays turn from image right downwards."""
    centre = iris + [0, 2 * PX_PER_MM]
    angles = np.arange(_RAYS) * (2 * np.pi / _RAYS)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    radii = np.arange(_NEAREST_MM, _FARTHEST_MM, _STEP_MM) * PX_PER_MM
    ridge = np.abs(_ridges(upright.lab[..., 0], centre, directions, radii))
    # a moderate line all around beats a bright spot: strands and shadows are strong but short
    path = _strongest_path(np.minimum(ridge, 3 * _MIN_RIM))
    strength = float(np.median(ridge[np.arange(_RAYS), path][_BELOW]))
    return centre + directions * radii[path][:, None], strength


def _ridges(lightness: F32, centre: F64, directions: F64, radii: F64) -> F64:
    """``[rays, radii]``: how much darker (or brighter, negative) a line across the ray is than both its sides."""
    smooth = cv2.GaussianBlur(lightness, (0, 0), 0.4 * PX_PER_MM)

    def at(distance: F64) -> F64:
        xy = (centre + directions[:, None] * distance[None, :, None]).astype(np.float32)
        return np.asarray(cv2.remap(smooth, xy[..., 0], xy[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))

    here = at(radii)
    best = np.zeros_like(here)
    for width in _RIM_WIDTHS_MM:
        inside, outside = at(radii - 2 * width * PX_PER_MM), at(radii + 2 * width * PX_PER_MM)
        dark, bright = np.minimum(inside, outside) - here, here - np.maximum(inside, outside)
        ridge = np.maximum(dark, 0) - np.maximum(bright, 0)
        best = np.where(np.abs(ridge) > np.abs(best), ridge, best)
    return np.asarray(best, np.float64)


def _strongest_path(weight: F64) -> NDArray[np.int64]:
    """The index per ray of the closed path of greatest sum whose neighbours differ by a few steps."""
    twice = np.concatenate([weight, weight])
    score, came = np.zeros_like(twice), np.zeros(twice.shape, np.int64)
    score[0] = twice[0]
    columns = np.arange(weight.shape[1])
    for ray in range(1, len(twice)):
        options = np.stack([np.roll(score[ray - 1], shift) for shift in range(-_SMOOTHNESS, _SMOOTHNESS + 1)])
        for row, shift in enumerate(range(-_SMOOTHNESS, _SMOOTHNESS + 1)):
            wrapped = columns < shift if shift > 0 else columns >= len(columns) + shift
            options[row, wrapped] = -np.inf
        best = options.argmax(axis=0)
        came[ray] = np.clip(columns - (best - _SMOOTHNESS), 0, len(columns) - 1)
        score[ray] = options.max(axis=0) + twice[ray]
    path = np.zeros(len(twice), np.int64)
    path[-1] = int(score[-1].argmax())
    for ray in range(len(twice) - 1, 0, -1):
        path[ray - 1] = came[ray, path[ray]]
    # the second turn has forgotten where the first began; its beginning meets its end
    half = len(weight) // 2
    return np.concatenate([path[len(weight) : len(weight) + half], path[half : len(weight)]])
