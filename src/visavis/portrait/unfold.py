"""Flattening what a turned face folds: every triangle faces the camera, so that no turn of the head uncovers a fold.

In a photo of a head that is turned only a little, the mesh of the far cheek already lies behind itself. At rest that
does not show, since all layers sample the same photo; turned back, they come apart into a dashed line.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

_MIN_AREA_PX2: Final = 4.0
"""Of a coarse triangle: about a hundredth of a typical one."""
_ROUNDS: Final = 300
_STEP: Final = 0.5
_MAX_STEP_PX: Final = 1.0


def unfold(points: F64, triangles: I32, still: list[int]) -> F64:
    """Points ``[n, 2]`` moved as little as it takes for each triangle to face the camera.

    Each folded triangle pushes its corners along the gradient of its area until it has some.

    Args:
        triangles: of one surface, wound in any way.
        still: points that stay, such as lips and lids.
    """
    moved = points.copy()
    wound = _wound_alike(triangles)
    if _areas(points, wound).sum() < 0:
        wound = np.ascontiguousarray(wound[:, ::-1])
    movable = np.ones(len(points))
    movable[still] = 0
    wound = wound[movable[wound].any(axis=1)]
    for _ in range(_ROUNDS):
        areas = _areas(moved, wound)
        folded = np.flatnonzero(areas < _MIN_AREA_PX2)
        if not len(folded):
            break
        corners = wound[folded]
        opposite = moved[np.roll(corners, -2, axis=1)] - moved[np.roll(corners, -1, axis=1)]
        gradient = np.stack([-opposite[..., 1], opposite[..., 0]], axis=-1) / 2 * movable[corners][..., None]
        steepness = np.maximum((gradient**2).sum(axis=(1, 2)), 1e-3)
        push = gradient * (_STEP * (1.05 * _MIN_AREA_PX2 - areas[folded]) / steepness)[:, None, None]
        longest = np.linalg.norm(push, axis=2).max(axis=1)
        push *= np.minimum(1, _MAX_STEP_PX / np.maximum(longest, 1e-9))[:, None, None]
        np.add.at(moved, corners, push)
    return moved


def _areas(points: F64, triangles: I32) -> F64:
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return np.asarray(((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2)


def _wound_alike(triangles: I32) -> I32:
    """The triangles with one winding, by their neighbours: the area cannot tell, since some are folded over."""
    sharing: dict[frozenset[int], list[int]] = {}
    wound = triangles.tolist()
    for i, (a, b, c) in enumerate(wound):
        for edge in ((a, b), (b, c), (c, a)):
            sharing.setdefault(frozenset(edge), []).append(i)
    reached = [False] * len(wound)
    for start in range(len(wound)):
        waiting = deque([] if reached[start] else [start])
        reached[start] = True
        while waiting:
            a, b, c = wound[waiting.popleft()]
            for edge in ((a, b), (b, c), (c, a)):
                for j in sharing[frozenset(edge)]:
                    if reached[j]:
                        continue
                    p, q, r = wound[j]
                    if edge in ((p, q), (q, r), (r, p)):  # neighbours run along their common edge in opposite ways
                        wound[j] = [r, q, p]
                    reached[j] = True
                    waiting.append(j)
    return np.array(wound, np.int32)
