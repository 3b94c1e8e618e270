"""What a photo shows of its face: open eyes, bare lips, dark lenses, light and sharpness.

All of it is measured in one small picture of the upright face, so that limits hold for every size of photo. What is
compared is always the face with itself (lips with the skin around them, eyes with cheeks): skin of any colour passes
in light of any colour.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.portrait.face_mesh import Face
from visavis.portrait.geometry import PUPIL_DISTANCE_MM
from visavis.portrait.topology import (
    EYE_LEFT,
    EYE_RIGHT,
    LOWER_INNER,
    LOWER_OUTER,
    OUTER_MOUTH,
    OVAL,
    UPPER_INNER,
    UPPER_OUTER,
    EyePoints,
)

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

PX_PER_MM: Final = 2.0
WIDTH_PX: Final = 360
HEIGHT_PX: Final = 460
EYES_Y_PX: Final = 190.0
"""Where the upright face's eyes are."""
_IRISES: Final = (468, 473)
_BURNT_OUT_L: Final = 99.0
"""White in all three channels."""
_EYES_AND_CHEEKS: Final = ((468, 205), (473, 425))


@dataclass(frozen=True, slots=True)
class UprightFace:
    """The face turned upright, at :data:`PX_PER_MM`."""

    lab: F32
    """``[h, w, 3]`` CIE L*a*b*, L 0..100."""
    points: F64
    """``[478, 2]``, pixels of this picture."""
    matrix: F64
    """``[2, 3]`` from the photo's pixels to this picture's."""
    inside: NDArray[np.bool_]
    """Where the photo reaches."""
    photo_px_per_mm: float
    """The photo's own resolution."""

    def place(self, points: F64) -> F64:
        """Points of the photo in this picture, ``[n, 2]``."""
        return np.asarray(points[:, :2] @ self.matrix[:, :2].T + self.matrix[:, 2])


@dataclass(frozen=True, slots=True)
class Inspection:
    """What was measured."""

    eye_opening: tuple[float, float]
    """Height over width of what the lids leave open, right and left: 0.25 to 0.4 open, under 0.1 shut."""
    dark_lenses: float
    """How far both eyes and the skin around them lie in the dark against the cheeks, 0 .. 1."""
    lip_contrast: float
    """How clearly and evenly lips differ from the skin around them, in L*a*b* units."""
    lightness: float
    """Median L* of the face."""
    clipped_share: float
    """Share of the face without detail, burnt out."""
    side_contrast: float
    """Difference of lightness between the face's halves, L*."""
    blur: float
    """0 sharp .. 1: how little of its detail the picture loses by blurring it (Crete et al. 2007)."""


def upright_face(picture: U8, face: Face) -> UprightFace:
    """Cut the face from a photo (``uint8 [h, w, 3] BGR``)."""
    right, left = (face.points[i, :2] for i in _IRISES)
    across = left - right
    scale = PUPIL_DISTANCE_MM * PX_PER_MM / max(float(np.linalg.norm(across)), 1e-6)
    angle = float(np.arctan2(across[1], across[0]))
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]])
    matrix = np.column_stack([turn, np.array([WIDTH_PX / 2, EYES_Y_PX]) - turn @ ((right + left) / 2)])
    source = picture
    if scale < 0.5:  # without it a large photo aliases
        radius = round(0.5 / scale) | 1
        source = np.asarray(cv2.blur(picture, (radius, radius)), np.uint8)
    size = (WIDTH_PX, HEIGHT_PX)
    cut = cv2.warpAffine(source, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones(picture.shape[:2], np.uint8), matrix, size, flags=cv2.INTER_NEAREST) > 0
    lab = cv2.cvtColor(np.asarray(cut, np.float32) / 255, cv2.COLOR_BGR2LAB)
    upright = UprightFace(np.asarray(lab, np.float32), face.points[:, :2], matrix, inside, PX_PER_MM / scale)
    return replace(upright, points=upright.place(face.points))


def inspect(picture: U8, face: Face) -> Inspection:
    """Measure a face in its photo (``uint8 [h, w, 3] BGR``)."""
    upright = upright_face(picture, face)
    skin = _skin(upright)
    lightness = upright.lab[..., 0]
    of_skin = lightness[skin]
    left, right = (_median(lightness[skin & half]) for half in _halves(upright))
    return Inspection(
        eye_opening=(_eye_opening(face, EYE_RIGHT), _eye_opening(face, EYE_LEFT)),
        dark_lenses=min(_dark_lens(upright, eye, cheek) for eye, cheek in _EYES_AND_CHEEKS),
        lip_contrast=_lip_contrast(upright),
        lightness=_median(of_skin),
        clipped_share=float((of_skin > _BURNT_OUT_L).mean()) if len(of_skin) else 0.0,
        side_contrast=abs(left - right),
        blur=_blur(lightness, skin, upright.photo_px_per_mm),
    )


def _eye_opening(face: Face, eye: EyePoints) -> float:
    """Mean lid gap of the middle of the eye over its width; in space, so that turned heads measure alike."""
    middle = slice(2, 5)
    upper, lower = face.points[list(eye.upper[middle])], face.points[list(eye.lower[middle])]
    outer, inner = face.points[list(eye.corners)]
    return float(np.linalg.norm(upper - lower, axis=1).mean() / max(np.linalg.norm(outer - inner), 1e-6))


def _dark_lens(upright: UprightFace, eye: int, cheek: int) -> float:
    """How much darker an eye and the skin around it are than the cheek, as a share of the cheek's lightness."""
    lightness = upright.lab[..., 0]
    centre = upright.points[eye] + [0, 2 * PX_PER_MM]
    socket = _ellipse(lightness.shape, centre, 14 * PX_PER_MM, 9 * PX_PER_MM)
    skin = _ellipse(lightness.shape, upright.points[cheek], 7 * PX_PER_MM, 7 * PX_PER_MM)
    # the brightest of an open eye is its white, which no shadow makes as dark as a lens does
    bright = float(np.percentile(lightness[socket], 80)) if socket.any() else 0.0
    return 1 - bright / max(_median(lightness[skin]), 1.0)


def _lip_contrast(upright: UprightFace) -> float:
    """Mean difference of lip and skin over both lips' columns, less what it varies by."""
    lab = np.asarray(cv2.GaussianBlur(upright.lab, (0, 0), 0.7 * PX_PER_MM), np.float32)
    points = upright.points
    differences = []
    for inner, outer in ((UPPER_INNER, UPPER_OUTER), (LOWER_INNER, LOWER_OUTER)):
        line, border = points[list(inner)], points[list(outer)]
        outwards = border - line
        height = np.maximum(np.linalg.norm(outwards, axis=1, keepdims=True), 1e-6)
        lip = line + 0.6 * outwards
        skin = border + outwards / height * np.clip(0.7 * height, 2 * PX_PER_MM, 4 * PX_PER_MM)
        differences.append(_colours(lab, lip[1:-1]) - _colours(lab, skin[1:-1]))
    of_columns = np.stack(differences)
    mean = of_columns.mean(axis=1)
    spread = np.sqrt(of_columns.var(axis=1).sum(axis=1))
    return float((np.linalg.norm(mean, axis=1) - 0.5 * spread).max())


def _blur(lightness: F32, skin: NDArray[np.bool_], photo_px_per_mm: float) -> float:
    """Crete et al. 2007, "The blur effect": the share of neighbour differences that survives a 9-pixel mean."""
    scale = min(1.0, photo_px_per_mm) / PX_PER_MM
    size = (round(WIDTH_PX * scale), round(HEIGHT_PX * scale))
    small = cv2.resize(lightness, size, interpolation=cv2.INTER_AREA)
    where = cv2.resize(skin.astype(np.uint8), size, interpolation=cv2.INTER_AREA) > 0
    worst = 0.0
    for axis, kernel in ((1, (9, 1)), (0, (1, 9))):
        sharp = np.abs(np.diff(small, axis=axis))
        soft = np.abs(np.diff(cv2.blur(small, kernel), axis=axis))
        inside = where[:, 1:] if axis == 1 else where[1:]
        total = float(sharp[inside].sum())
        lost = float(np.maximum(sharp - soft, 0)[inside].sum())
        worst = max(worst, 1 - lost / total if total > 0 else 1.0)
    return worst


def _skin(upright: UprightFace) -> NDArray[np.bool_]:
    """The face without eyes and lips, where the photo shows it."""
    mask = np.zeros(upright.lab.shape[:2], np.uint8)
    _fill(mask, upright.points[list(OVAL)], 1)
    for hole in (OUTER_MOUTH, *((*eye.upper_2, *eye.lower_2[::-1]) for eye in (EYE_RIGHT, EYE_LEFT))):
        _fill(mask, upright.points[list(hole)], 0)
    return (mask > 0) & upright.inside


def _halves(upright: UprightFace) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """The picture on either side of the nose."""
    top, chin = upright.points[10], upright.points[152]
    y, x = np.mgrid[:HEIGHT_PX, :WIDTH_PX]
    left = (x - top[0]) * (chin[1] - top[1]) < (y - top[1]) * (chin[0] - top[0])
    return left, ~left


def _fill(mask: U8, polygon: F64, value: int) -> None:
    cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], value)


def _ellipse(shape: tuple[int, ...], centre: F64, half_width: float, half_height: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.asarray(((x - centre[0]) / half_width) ** 2 + ((y - centre[1]) / half_height) ** 2 < 1)


def _colours(lab: F32, points: F64) -> F64:
    rows = np.clip(np.round(points[:, 1]), 0, lab.shape[0] - 1).astype(int)
    columns = np.clip(np.round(points[:, 0]), 0, lab.shape[1] - 1).astype(int)
    return np.asarray(lab[rows, columns], np.float64)


def _median(values: F32) -> float:
    return float(np.median(values)) if len(values) else 0.0
