"""Brightness: what folds of the bases darken, and the light the photo was taken in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import BASE_NAMES, TEXTURE_PX
from visavis.portrait.topology import (
    BROW_LEFT,
    BROW_RIGHT,
    EYE_LEFT,
    EYE_RIGHT,
    LOWER_INNER,
    LOWER_OUTER,
    LOWER_RINGS,
    MESH_POINTS,
    UPPER_INNER,
    UPPER_RINGS,
)

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
_Gains: TypeAlias = tuple[tuple[float, tuple[int, ...]], ...]

_CHEEK_FOLD: Final[_Gains] = (
    (-0.13, (216, 436)), (-0.10, (206, 426, 57, 287, 61, 291)), (-0.06, (203, 423)), (-0.05, (92, 322)),
    (0.04, (205, 425)), (0.05, (50, 280)),
)  # fmt: skip
_CHIN_FOLD: Final[_Gains] = (
    (-0.09, (18,)), (-0.08, (83, 313)), (-0.06, (182, 406)), (-0.04, (201, 421)), (0.05, (199, 200)),
)  # fmt: skip
_ROUNDED_CORNER: Final[_Gains] = ((0.16, (61, 291)), (0.10, (57, 287)), (0.06, (186, 410)))
_GLABELLA: Final[_Gains] = ((-0.05, (9, 107, 336, 55, 285)), (-0.03, (8, 66, 296)))
"""Of one brow; both draw the same fold."""
_NOSE_FOLDS: Final[_Gains] = ((-0.08, (193, 417, 122, 351)), (-0.06, (6, 196, 419)), (-0.08, (129, 358)))
_UPPER_EDGE: Final = (*UPPER_INNER, *UPPER_RINGS[1])
_LOWER_EDGE: Final = (*LOWER_INNER, *LOWER_RINGS[1])
_FOLDS: Final[Mapping[str, tuple[tuple[float, _Gains], ...]]] = {
    "jaw": (
        (1, ((-0.06, (216, 436)), (-0.05, (206, 426, 207, 427, 212, 432, 57, 287)))),
        (1, ((0.05, (18, 83, 313)), (0.03, (200, 201, 421)))),
    ),
    "press": (
        (0.6, _CHIN_FOLD),
        (1, ((-0.05, (199, 208, 428)), (-0.04, (171, 396)), (-0.10, _UPPER_EDGE), (-0.10, _LOWER_EDGE))),
    ),
    "pucker": ((1, _CHIN_FOLD), (1, _ROUNDED_CORNER)),
    "stretch": ((0.5, _CHEEK_FOLD),),
    "smile": ((1, _CHEEK_FOLD),),
    "funnel": ((0.7, _CHIN_FOLD), (0.5, _ROUNDED_CORNER)),
    "upperRaise": ((0.5, _CHEEK_FOLD),),
    "lowerDepress": ((1, ((-0.06, (18, 83, 313, 200, 201, 421)), (-0.05, LOWER_OUTER))),),
    "browDownLeft": ((1, _GLABELLA),),
    "browDownRight": ((1, _GLABELLA),),
    "browInner": ((1, ((-0.05, (108, 337, 151)), (0.03, (9, 69, 299)))),),
    "sneer": ((0.8, _CHEEK_FOLD), (1, _NOSE_FOLDS)),
    "tuck": ((0.8, _CHIN_FOLD), (1, ((-0.10, LOWER_OUTER), (-0.14, _LOWER_EDGE)))),
}
"""Base -> tables of gains, scaled; where two speak of one point the later counts."""

_NOT_SKIN: Final = frozenset(
    i
    for group in (
        EYE_LEFT.upper, EYE_RIGHT.upper, EYE_LEFT.lower, EYE_RIGHT.lower, BROW_LEFT, BROW_RIGHT,
        *UPPER_RINGS[:3], *LOWER_RINGS[:3],
    )
    for i in group
)  # fmt: skip


def base_gains(vertex_count: int) -> F64:
    """Change of brightness at full strength on the coarse mesh, ``float64 [bases, vertices]``."""
    gains = np.zeros((len(BASE_NAMES), vertex_count))
    for name, tables in _FOLDS.items():
        for scale, table in tables:
            for gain, points in table:
                gains[BASE_NAMES.index(name), list(points)] = gain * scale
    return gains


def fit_light(picture: U8, normals: F64, texture_coords: F64) -> F32:
    """First-order light on the skin: ``float32 [4]``, ambient and direction, robust against beard and make-up.

    Args:
        normals, texture_coords: of the fine mesh, whose first vertices are the face mesh's points.
    """
    skin = [i for i in range(MESH_POINTS) if i not in _NOT_SKIN]
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32), (0, 0), 6)
    level = grey[_rows_columns(texture_coords[skin])].astype(np.float64)
    design = np.column_stack([np.ones(len(skin)), normals[skin]])
    weight = np.ones(len(skin))
    ridge = np.diag([0.1, 2, 2, 2])
    for _ in range(6):
        weighted = design.T * weight
        light = np.linalg.solve(weighted @ design + ridge, weighted @ level)
        weight = 1 / (1 + ((level - design @ light) / 15) ** 2)
    return np.asarray(light / max(light[0] + np.linalg.norm(light[1:]) * 0.5, 1), np.float32)


def _rows_columns(points: F64) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    xy = np.clip(points, 0, TEXTURE_PX - 1).astype(np.int64)
    return xy[:, 1], xy[:, 0]
