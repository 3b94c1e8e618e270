"""Where the avatar's face lies in each frame of a clip: its pose, what else moves, and what its mouth does.

Everything is relative to the frame the avatar was built from, so what the face mesh gets wrong about this face in every
frame alike cancels out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from visavis.avatar import BASE_NAMES, CANVAS_PX, Avatar
from visavis.portrait.geometry import smoothstep
from visavis.portrait.topology import (
    EYE_LEFT,
    EYE_RIGHT,
    FOREHEAD,
    LOWER_INNER,
    LOWER_OUTER,
    LOWER_RINGS,
    MESH_POINTS,
    NOSE,
    TEMPLES_AND_CHEEKS,
    UPPER_INNER,
    UPPER_OUTER,
    UPPER_RINGS,
)

F64 = NDArray[np.float64]

STEP_PX: Final = 12.0
"""Between the nodes of the warp."""
_STIFFNESS: Final = 1.5
"""Of the warp against its points: wrinkles cost as much as so many points that are missed by as much."""
_MARGIN_PX: Final = 24.0
_CONTACT: Final = 0.3
"""Parted lips would meet at this share of their distance, seen from the upper lip: it is the jaw that drops."""
_CONTACT_WEIGHT: Final = 2.0
SHUT_MM, PARTED_MM = 0.5, 1.6
"""Lips this far apart count as shut: landmarks are no better; from the second on as what they are."""
_JAW_POINT: Final = 0.1
"""Points that the jaw moves by this share of what it moves the chin by follow it."""
_POSE_SMOOTHING_FRAMES, _MOUTH_SMOOTHING_FRAMES = 1.5, 0.6
"""Standard deviation of the filter over the points' paths. It looks as far ahead as back, so nothing lags; lips are
quicker than heads."""
_RETREAT: Final = 0.3
"""The texture of an open lip ends this share of its height before its edge: a landmark that misses by a pixel would
leave teeth on it."""
_POSE_POINTS: Final = (*FOREHEAD, *NOSE, *TEMPLES_AND_CHEEKS, *EYE_RIGHT.corners, *EYE_LEFT.corners)
_CORNERS: Final = (61, 291)
_BORDER: Final = (61, *UPPER_OUTER, 291, *LOWER_OUTER)
_LINE: Final = (78, *UPPER_INNER, 308, *LOWER_INNER)
_CHIN: Final = 152


@dataclass(frozen=True, slots=True)
class Fit:
    """What :class:`~visavis.clip.Clip` says of the face, one row per frame."""

    affine: F64
    warp: F64
    warp_corner_px: F64
    jaw: F64
    border_px: F64
    line_px: F64
    opened: F64
    """0 the lips are shut .. 1 they are apart."""


def lip_gap_mm(points: F64, px_per_mm: F64) -> F64:
    """How far the lips are apart in the middle, of points ``[frames, 478, 2]``."""
    upper, lower = (points[:, list(rings)[3:6]].mean(axis=1) for rings in (UPPER_INNER, LOWER_INNER))
    return np.asarray(np.linalg.norm(lower - upper, axis=1) / px_per_mm)


def fit_frames(avatar: Avatar, own: F64, seen: F64) -> Fit:
    """Fit all frames.

    Args:
        own: ``[478, 2]`` canvas pixels, the face in the frame the avatar was built from, tracked like the others.
        seen: ``[frames, 478, 2]`` in the loop's frames, as measured.
    """
    points, lips = (_smoothed(seen, frames) for frames in (_POSE_SMOOTHING_FRAMES, _MOUTH_SMOOTHING_FRAMES))
    rest = np.column_stack([own[:MESH_POINTS], avatar.vertices[:MESH_POINTS, 2]]).astype(np.float64)
    affine = np.stack([_pose(rest, frame[:MESH_POINTS]) for frame in points])
    to_own = np.linalg.inv(affine[:, :, :2])
    posed = np.einsum("fij,nj->fni", affine[:, :, :3], rest) + affine[:, None, :, 3]
    off = points[:, :MESH_POINTS] - posed
    off_own = np.einsum("fij,fnj->fni", to_own, lips[:, :MESH_POINTS] - posed)
    gap_mm = _opening(rest[:, :2] + off_own, float(avatar.head.px_per_mm))
    opened = smoothstep(SHUT_MM, PARTED_MM, gap_mm)
    jaw = _jaw(avatar, off_own, gap_mm) * opened
    jaw -= _jaw_of_own(avatar, own)

    base = avatar.bases[BASE_NAMES.index("jaw"), :MESH_POINTS, :2].astype(np.float64)
    moved_by_jaw = np.einsum("fij,f,nj->fni", affine[:, :, :2], jaw, base)
    nodes, corner = _nodes(rest[:, :2])
    field = _free_points()
    places = np.vstack([rest[field, :2], _contact(own)])
    targets = np.concatenate([(off - moved_by_jaw)[:, field], _contact_off(points, posed)], axis=1)
    weights = np.concatenate([np.ones(len(field)), np.full(len(UPPER_INNER), _CONTACT_WEIGHT)])
    solver = _solver(places, weights, nodes, corner)
    warp = np.einsum("gk,fkc->fgc", solver, targets)
    sampler = _bilinear(rest[:, :2], nodes, corner)
    left = off_own - np.einsum("fij,fnj->fni", to_own, _at_points(sampler, warp))
    left *= opened[:, None, None]
    border, line = left[:, list(_BORDER)], left[:, list(_LINE)]
    height = (rest[list(_BORDER), :2] + border) - (rest[list(_LINE), :2] + line)
    line += _RETREAT * opened[:, None, None] * height
    return Fit(
        affine=affine,
        warp=warp.reshape(len(points), nodes[1], nodes[0], 2),
        warp_corner_px=corner,
        jaw=jaw,
        border_px=border,
        line_px=line,
        opened=opened,
    )


def _smoothed(points: F64, frames: float) -> F64:
    return np.asarray(gaussian_filter1d(points, frames, axis=0, mode="wrap"))


def _at_points(sampler: F64, warp: F64) -> F64:
    return np.asarray(np.einsum("ng,fgc->fnc", sampler, warp))


def _pose(rest: F64, seen: F64) -> F64:
    """The scaled rotation and shift ``[2, 4]`` that best takes the skull's points to where they are seen."""
    points = list(dict.fromkeys(_POSE_POINTS))
    a, b = rest[points], seen[points]
    centre_a, centre_b = a.mean(axis=0), b.mean(axis=0)
    linear = np.linalg.lstsq(a - centre_a, b - centre_b, rcond=None)[0].T
    u, s, vt = np.linalg.svd(linear, full_matrices=False)
    turn = s.mean() * u @ vt
    return np.column_stack([turn, centre_b - turn @ centre_a])


def _opening(points: F64, px_per_mm: float) -> F64:
    """Of each frame, beyond what shut lips measure."""
    gap = lip_gap_mm(points, np.full(len(points), px_per_mm))
    return np.asarray(np.maximum(0, gap - min(float(np.percentile(gap, 5)), SHUT_MM)))


def _jaw(avatar: Avatar, off_own: F64, gap_mm: F64) -> F64:
    """Strength of the jaw's base that the chin has dropped by; no more than parted lips let it."""
    base = avatar.bases[BASE_NAMES.index("jaw"), :MESH_POINTS, :2].astype(np.float64)
    chin = np.flatnonzero(np.linalg.norm(base, axis=1) > 0.7 * np.linalg.norm(base[_CHIN]))
    chin = chin[~np.isin(chin, [i for ring in (*UPPER_RINGS, *LOWER_RINGS) for i in ring])]
    dropped = np.einsum("fnc,nc->f", off_own[:, chin], base[chin]) / (base[chin] ** 2).sum()
    lips = avatar.bases[BASE_NAMES.index("jaw")][[13, 14], 1]
    opened_mm = max(float(lips[1] - lips[0]) / avatar.head.px_per_mm, 1.0)
    return np.asarray(np.clip(dropped, 0, 1.2 * gap_mm / opened_mm))


def _jaw_of_own(avatar: Avatar, own: F64) -> float:
    """What the avatar's own frame has of it: its rest pose is closed, its texture as it was seen."""
    seen_gap = float(lip_gap_mm(own[None, :, :2], np.array([avatar.head.px_per_mm]))[0])
    if seen_gap < PARTED_MM:
        return 0.0
    texture = (avatar.texture_coords[_CHIN, 1] + 0.5) / 2 - 0.5
    base = float(avatar.bases[BASE_NAMES.index("jaw"), _CHIN, 1])
    return float(np.clip((texture - avatar.vertices[_CHIN, 1]) / base, 0, 1))


def _free_points() -> list[int]:
    """The points the warp follows: not the lips, which have their own rules, nor the lids, which blink."""
    lids = {i for eye in (EYE_RIGHT, EYE_LEFT) for row in (eye.upper, eye.lower, eye.upper_2, eye.lower_2) for i in row}
    lips = {i for ring in (*UPPER_RINGS, *LOWER_RINGS) for i in ring} | {78, 62, 76, 308, 292, 306}
    return [i for i in range(MESH_POINTS) if i not in lids and i not in lips]


def _contact(points: F64) -> F64:
    upper, lower = points[..., list(UPPER_INNER), :2], points[..., list(LOWER_INNER), :2]
    return np.asarray(upper + _CONTACT * (lower - upper))


def _contact_off(points: F64, posed: F64) -> F64:
    return _contact(points) - _contact(posed)


def _nodes(rest: F64) -> tuple[tuple[int, int], F64]:
    """Columns and rows of the grid, and its first node."""
    low = np.maximum(rest.min(axis=0) - _MARGIN_PX, 0)
    high = np.minimum(rest.max(axis=0) + _MARGIN_PX, CANVAS_PX)
    columns, rows = (int(np.ceil(side / STEP_PX)) + 1 for side in high - low)
    return (columns, rows), low


def _bilinear(places: F64, nodes: tuple[int, int], corner: F64) -> F64:
    """``[n, nodes]``: the grid's values at places."""
    at = np.clip((places - corner) / STEP_PX, 0, np.array(nodes) - 1.001)
    cell = at.astype(int)
    part = at - cell
    matrix = np.zeros((len(places), nodes[0] * nodes[1]))
    rows = np.arange(len(places))
    for dx in (0, 1):
        for dy in (0, 1):
            weight = np.abs(1 - dx - part[:, 0]) * np.abs(1 - dy - part[:, 1])
            matrix[rows, (cell[:, 1] + dy) * nodes[0] + cell[:, 0] + dx] += weight
    return matrix


def _solver(places: F64, weights: F64, nodes: tuple[int, int], corner: F64) -> F64:
    """``[nodes, n]``: the smooth field (least second differences) that passes near given values."""
    at = _bilinear(places, nodes, corner)
    across, down = (_second_differences(count) for count in nodes)
    bend = np.vstack([np.kron(np.eye(nodes[1]), across), np.kron(down, np.eye(nodes[0]))])
    normal = at.T @ (weights[:, None] * at) + _STIFFNESS * bend.T @ bend + 1e-4 * np.eye(at.shape[1])
    return np.asarray(np.linalg.solve(normal, at.T * weights))


def _second_differences(count: int) -> F64:
    return np.asarray(np.diff(np.eye(count), n=2, axis=0))
