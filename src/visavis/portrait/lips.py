"""The lips as two structured patches, and how the skin around follows them.

The face mesh is too coarse for lips that touch, round and unroll. Two patches of 41 columns replace its lip
triangles; their first row is the mesh's vermilion border, so there is no seam.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visavis.avatar import BASE_NAMES, LIP_COLUMNS, LIP_ROWS, LIP_TEXTURE_STEPS, Lips
from visavis.portrait.geometry import HeadGeometry, smoothstep
from visavis.portrait.mesh import Biharmonic
from visavis.portrait.topology import (
    LOWER_INNER,
    LOWER_OUTER,
    LOWER_RING_2,
    LOWER_RING_3,
    UPPER_INNER,
    UPPER_OUTER,
    UPPER_RING_2,
    UPPER_RING_3,
    Subdivision,
)

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]

UPPER_PATCH: Final = (
    (61, *UPPER_OUTER, 291), (76, *UPPER_RING_3, 306), (62, *UPPER_RING_2, 292), (78, *UPPER_INNER, 308),
)  # fmt: skip
"""Mesh points of the upper lip's rows, border to lip line, corner to corner."""
LOWER_PATCH: Final = (
    (61, *LOWER_OUTER, 291), (76, *LOWER_RING_3, 306), (62, *LOWER_RING_2, 292), (78, *LOWER_INNER, 308),
)  # fmt: skip
LIP_POINTS: Final = frozenset(point for row in UPPER_PATCH + LOWER_PATCH for point in row)
"""Mesh triangles with all corners among these are replaced by the patches."""
BORDER_POINTS: Final = (*UPPER_PATCH[0], *LOWER_OUTER)
"""The 20 mesh points of the vermilion border that lead the skin."""
_STILL_CHIN: Final = (
    152, 148, 377, 176, 400, 175, 171, 396, 199, 149, 378, 150, 379, 136, 365, 172, 397, 208, 428, 140, 369,
)  # fmt: skip
_ROWS_PER_COLUMN: Final = len(LIP_ROWS) + 1
_NEGLIGIBLE_WEIGHT: Final = 2e-3
_DARK_BELOW: Final = 0.87
"""Relative brightness under which a lip pixel belongs to the dark line between the lips."""


def build_lips(
    geometry: HeadGeometry,
    subdivision: Subdivision,
    fill: Biharmonic,
    *,
    still: Sequence[int],
    bases_mm: Mapping[str, F64],
    rest_px: F64,
    texture_coords: F64,
    hinge_mm: F64,
    jaw_angle_rad: float,
    incisal_mm: float,
    lip_gap_mm: float,
    grey: F32,
) -> Lips:
    """Cut the patches out of the subdivided mesh.

    Args:
        still: coarse vertices the mouth never moves.
        bases_mm: coarse displacements of the deformation bases, head frame.
        rest_px: fine vertices at rest, canvas pixels ``[n, 3]``.
        texture_coords: fine texture coordinates ``[n, 2]``.
        grey: the texture's brightness ``[h, w]``, to find the dark line between the lips.
    """
    upper = np.array([subdivision.chain(row) for row in UPPER_PATCH])
    lower = np.array([subdivision.chain(row) for row in LOWER_PATCH])
    rows_mm = [_resample(_double_columns(geometry.to_mm(rest_px[chains])), LIP_ROWS) for chains in (upper, lower)]
    steps = np.linspace(0, 1, LIP_TEXTURE_STEPS)
    unroll = [_resample(_double_columns(texture_coords[chains]), steps) for chains in (upper, lower)]
    contact = (rows_mm[0][:, -1] + rows_mm[1][:, -1]) / 2
    for rows in rows_mm:
        rows[:, -1] = contact
    middle = (contact[0, 0] + contact[-1, 0]) / 2
    half_width = float(contact[-1, 0] - contact[0, 0]) / 2
    column = np.clip((contact[:, 0] - middle) / half_width, -1, 1)

    zero = [point for point in _STILL_CHIN if point not in still]
    lead = np.concatenate([np.zeros((len(still) + len(zero), len(BORDER_POINTS))), np.eye(len(BORDER_POINTS))])
    weights = subdivision.matrix @ fill([*still, *zero, *BORDER_POINTS], lead)
    followers = np.flatnonzero(np.abs(weights).max(axis=1) > _NEGLIGIBLE_WEIGHT)

    central = np.abs(column) < 0.6
    return Lips(
        upper_rows_mm=_f32(rows_mm[0]),
        lower_rows_mm=_f32(rows_mm[1]),
        upper_texture=_f32(unroll[0]),
        lower_texture=_f32(unroll[1]),
        upper_border=upper[0].astype(np.int32),
        lower_border=lower[0].astype(np.int32),
        upper_line=upper[-1].astype(np.int32),
        lower_line=lower[-1].astype(np.int32),
        contact_mm=_f32(contact),
        column=_f32(column),
        upper_height_mm=_f32(np.maximum(contact[:, 1] - rows_mm[0][:, 0, 1], 0.3)),
        lower_height_mm=_f32(np.maximum(rows_mm[1][:, 0, 1] - contact[:, 1], 0.3)),
        jaw_drop_mm=_f32(swing(contact, hinge_mm, jaw_angle_rad)),
        skin_rows=followers.astype(np.int32),
        skin_weights=_f32(weights[followers]),
        border_bases_mm=_f32(np.stack([bases_mm[name][list(BORDER_POINTS)] for name in BASE_NAMES])),
        triangles=_patch_triangles(),
        half_width_mm=half_width,
        incisal_mm=incisal_mm,
        upper_dark_line=_dark_line(unroll[0][central], grey),
        lower_dark_line=_dark_line(unroll[1][central], grey),
        painted_line=float(0.45 * smoothstep(0.6, 1.4, lip_gap_mm) + 0.55 * smoothstep(3, 7, lip_gap_mm)),
    )


def swing(points_mm: F64, hinge_mm: F64, angle_rad: float) -> F64:
    """Displacement ``[..., 3]`` of points that swing with the jaw about its hinge."""
    y, z = points_mm[..., 1] - hinge_mm[1], points_mm[..., 2] - hinge_mm[2]
    cos, sin = np.cos(angle_rad), np.sin(angle_rad)
    return np.stack([np.zeros_like(y), y * cos + z * sin - y, z * cos - y * sin - z], axis=-1)


def _double_columns(rings: F64) -> F64:
    """21 to 41 columns of ``[4, 21, d]``: cubic, but the border row linear as the skin's edges beside it are."""
    doubled = np.empty((rings.shape[0], LIP_COLUMNS, rings.shape[2]))
    doubled[:, ::2] = rings
    before, after = 2 * rings[:, :1] - rings[:, 1:2], 2 * rings[:, -1:] - rings[:, -2:-1]
    padded = np.concatenate([before, rings, after], axis=1)
    doubled[:, 1::2] = (-padded[:, :-3] + 9 * padded[:, 1:-2] + 9 * padded[:, 2:-1] - padded[:, 3:]) / 16
    doubled[0, 1::2] = (rings[0, :-1] + rings[0, 1:]) / 2
    return doubled


def _resample(rings: F64, positions: ArrayLike) -> F64:
    """Rows ``[4, columns, d]`` at even spacing to ``[columns, len(positions), d]`` at positions 0..1."""
    place = np.asarray(positions, np.float64) * (len(rings) - 1)
    index = np.clip(place.astype(int), 0, len(rings) - 2)
    share = (place - index)[:, None, None]
    return np.ascontiguousarray(np.transpose(rings[index] * (1 - share) + rings[index + 1] * share, (1, 0, 2)))


def _patch_triangles() -> NDArray[np.int32]:
    """A backing between both edges, so that no pixel of the mouth is ever empty; then skirts, edges .. borders."""
    rows, lower = _ROWS_PER_COLUMN, LIP_COLUMNS * _ROWS_PER_COLUMN
    triangles = []
    for column in range(LIP_COLUMNS - 1):
        a, b = column * rows + rows - 2, (column + 1) * rows + rows - 2
        triangles += [(a, b, lower + a), (b, lower + b, lower + a)]
    for patch in (0, lower):
        for row in range(rows - 2, -1, -1):
            for column in range(LIP_COLUMNS - 1):
                a, b = patch + column * rows + row, patch + (column + 1) * rows + row
                triangles += [(a, b, a + 1), (b, b + 1, a + 1)]
    return np.array(triangles, np.int32)


def _dark_line(unroll: F64, grey: F32) -> float:
    """How far the dark line between the lips reaches into a lip, as a share of its height."""
    x = np.clip(unroll[..., 0].round().astype(int), 0, grey.shape[1] - 1)
    y = np.clip(unroll[..., 1].round().astype(int), 0, grey.shape[0] - 1)
    brightness = np.median(grey[y, x], axis=0)
    bright = np.flatnonzero(brightness >= _DARK_BELOW * np.median(brightness[6:17]))
    last = bright.max() if len(bright) else 18
    return float(np.clip(1 - last / (LIP_TEXTURE_STEPS - 1) + 0.05, 0.10, 0.45))


def _f32(values: F64) -> F32:
    return np.ascontiguousarray(values, np.float32)
