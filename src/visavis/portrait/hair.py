"""Long hair: where hair hangs below the chin, so that it moves with the head and not with the shoulders.

Hair is what has the colours of what surrounds the face above the chin, is connected with it, and is neither skin nor
background. Where clothes have the hair's colours the question cannot be decided, and all of them stay with the torso.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import TEXTURE_SCALE
from visavis.portrait.geometry import HeadGeometry
from visavis.portrait.topology import OVAL

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_SHRINK: Final = 4
"""Texture pixels per pixel that is looked at."""
_COLOURS: Final = 4
_ROUNDS: Final = 12
_FACE_MARGIN_MM: Final = 6.0
_SEED_REACH_MM: Final = 60.0
_LIKE_HAIR: Final = 14.0
"""L*a*b* distance, lightness counting half, up to which a colour passes for one of the hair's."""
_CLOTHES_FROM_MM, _CLOTHES_TO_MM, _CLOTHES_ASIDE_MM = 45.0, 110.0, 22.0
"""Below the chin, before the chest: hardly anybody's hair hangs there."""
_SOFT_MM: Final = 5.0


def hanging_hair(picture: U8, alpha: F32, head: HeadGeometry) -> F32:
    """How far each pixel belongs to the hair, 0 .. 1: ``float32 [h / 4, w / 4]``.

    Args:
        picture: the framed photo, ``uint8 [h, w, 3] BGR``.
        alpha: the person matte, ``float32 [h, w]``.
    """
    size = (picture.shape[1] // _SHRINK, picture.shape[0] // _SHRINK)
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    lab = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2LAB) * np.array([0.5, 1, 1], np.float32), np.float32)
    person = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA) > 0.8
    px_per_mm = head.px_per_mm * TEXTURE_SCALE / _SHRINK
    landmarks = head.landmarks[:, :2] / _SHRINK

    face = np.zeros(person.shape, np.uint8)
    cv2.fillPoly(face, [np.round(landmarks[list(OVAL)]).astype(np.int32)], 1)
    from_face_mm = cv2.distanceTransform(1 - face, cv2.DIST_L2, 5) / px_per_mm
    below_chin_mm = (np.arange(size[1])[:, None] - landmarks[152, 1]) / px_per_mm
    outside = person & (from_face_mm > _FACE_MARGIN_MM)
    seeds = outside & (from_face_mm < _SEED_REACH_MM) & (below_chin_mm < -40)
    if seeds.sum() < 50:
        return np.zeros(person.shape, np.float32)
    hair = _colours_of(lab[seeds])
    skin = _colours_of(lab[(face > 0) & (cv2.erode(face, np.ones((9, 9))) > 0)])
    to_hair, to_skin = _distance(lab, hair), _distance(lab, skin)
    alike = outside & (to_hair < _LIKE_HAIR) & (to_hair < to_skin)
    alike |= seeds & (to_hair < to_skin)
    _, label = cv2.connectedComponents(alike.astype(np.uint8))
    grown = alike & np.isin(label, np.unique(label[seeds & alike]))

    aside_mm = np.abs(np.arange(size[0])[None] - landmarks[152, 0]) / px_per_mm
    chest = person & (below_chin_mm > _CLOTHES_FROM_MM) & (below_chin_mm < _CLOTHES_TO_MM)
    chest &= aside_mm < _CLOTHES_ASIDE_MM
    if chest.any() and grown[chest].mean() > 0.5:
        grown &= below_chin_mm < 0
    closed = cv2.morphologyEx(grown.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.asarray(cv2.GaussianBlur(closed.astype(np.float32), (0, 0), _SOFT_MM * px_per_mm), np.float32)


def _colours_of(pixels: F32) -> F64:
    """A few typical colours ``[k, 3]`` by k-means, begun at quantiles of lightness."""
    ordered = pixels[np.argsort(pixels[:, 0])].astype(np.float64)
    centres = ordered[(np.linspace(0.1, 0.9, _COLOURS) * (len(ordered) - 1)).astype(int)]
    for _ in range(_ROUNDS):
        nearest = np.linalg.norm(ordered[:, None] - centres, axis=2).argmin(axis=1)
        centres = np.stack(
            [ordered[nearest == k].mean(axis=0) if (nearest == k).any() else centres[k] for k in range(_COLOURS)]
        )
    return np.asarray(centres)


def _distance(lab: F32, colours: F64) -> F64:
    """To the nearest of the colours, per pixel."""
    return np.asarray(np.linalg.norm(lab[:, :, None] - colours, axis=3).min(axis=2))
