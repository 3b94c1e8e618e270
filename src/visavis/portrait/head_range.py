"""How far a head may turn: depths that survive the turn, and the range within which no triangle folds over.

A photo's depth is a guess, steepest at the far cheek, the nose and the hair's edge. Where the mesh would fold within
the range that is wanted, its depth is flattened; where even that does not help, the range shrinks.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.avatar import HeadRange
from visavis.portrait.geometry import HeadGeometry

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

MAX_TOTAL_DEG: Final = 15.0
"""From frontal, the photo's own turn included: beyond it a single photo no longer knows what it shows."""
MAX_YAW_DEG: Final = 14.0
MAX_PITCH_DEG: Final = 11.0
MAX_ROLL_DEG: Final = 12.0
_LEAST_DEG: Final = 2.0
"""Life needs some movement, even to the side a head is turned to already."""
_FOLD_PX2: Final = 1.0
_CAMERA_MM: Final = 700.0
"""The renderer's camera."""
_ROUNDS: Final = 80
_SHRINK: Final = 0.9
_SMALLEST: Final = 0.25


@dataclass(frozen=True, slots=True)
class PosedMesh:
    """What turning a head needs; canvas pixels."""

    head: HeadGeometry
    pivot_px: F64
    weight: F64
    """Head weight ``[n]``."""

    def project(self, vertices: F64, yaw_deg: float, pitch_deg: float, roll_deg: float) -> F64:
        """``[n, 2]`` canvas pixels of a pose: rotation about the pivot by weight, then weak perspective."""
        axes = self.head.axes
        turn = axes.T @ _rotation(yaw_deg, pitch_deg, roll_deg) @ axes
        arm = vertices - self.pivot_px
        posed = vertices + self.weight[:, None] * (arm @ turn.T - arm)
        distance = _CAMERA_MM * self.head.px_per_mm
        scale = (distance - vertices[:, 2]) / (distance - posed[:, 2])
        centre = self.head.origin[:2]
        return np.asarray(centre + (posed[:, :2] - centre) * scale[:, None])


def wanted_range(head: HeadGeometry) -> HeadRange:
    """The range for a photo of this pose."""

    def about(own_deg: float, most_deg: float) -> NDArray[np.float32]:
        low = min(max(-most_deg, -MAX_TOTAL_DEG - own_deg), -_LEAST_DEG)
        high = max(min(most_deg, MAX_TOTAL_DEG - own_deg), _LEAST_DEG)
        return np.array([low, high], np.float32)

    return HeadRange(
        yaw_deg=about(head.yaw_deg, MAX_YAW_DEG),
        pitch_deg=about(head.pitch_deg, MAX_PITCH_DEG),
        roll_deg=np.array([-MAX_ROLL_DEG, MAX_ROLL_DEG], np.float32),
    )


def flatten_folds(mesh: PosedMesh, vertices: F64, triangles: I32, mobility: F64, wanted: HeadRange) -> F64:
    """New depths ``[n]``: triangles that would fold over within the range lie flatter.

    Args:
        triangles: wound alike.
        mobility: 0 .. 1 per vertex, how readily its depth gives way.
    """
    flat = vertices.copy()
    for _ in range(_ROUNDS):
        folded = np.zeros(len(triangles), bool)
        for pose in corners(wanted):
            folded |= _areas(mesh.project(flat, *pose), triangles) < 0
        if not folded.any():
            break
        at = triangles[folded]
        pull = (flat[at, 2].mean(axis=1, keepdims=True) - flat[at, 2]) * 0.5 * mobility[at]
        hits = np.bincount(at.ravel(), minlength=len(flat))
        flat[:, 2] += np.bincount(at.ravel(), pull.ravel(), minlength=len(flat)) / np.maximum(hits, 1)
    return np.asarray(flat[:, 2])


def safe_range(mesh: PosedMesh, vertices: F64, triangles: I32, wanted: HeadRange) -> HeadRange:
    """The largest part of the wanted range in which no triangle folds over by more than a pixel's area."""
    sides = {"yaw_deg": np.ones(2), "pitch_deg": np.ones(2), "roll_deg": np.ones(2)}

    def shrunk() -> HeadRange:
        return HeadRange(**{name: (getattr(wanted, name) * share).astype(np.float32) for name, share in sides.items()})

    while True:
        allowed = shrunk()
        folding = [
            signs
            for signs, pose in zip(_SIGNS, corners(allowed), strict=True)
            if _areas(mesh.project(vertices, *pose), triangles).min() < -_FOLD_PX2
        ]
        if not folding or all(share.min() < _SMALLEST for share in sides.values()):
            return allowed
        for share, ends in zip(sides.values(), zip(*folding, strict=True), strict=True):
            for end in {e for e in ends if e is not None}:
                share[end] = max(share[end] * _SHRINK, _SMALLEST * 0.99)


_SIGNS: Final = tuple(itertools.product((0, 1), (0, 1), (0, 1)))
"""Low or high end of yaw, pitch and roll."""


def corners(allowed: HeadRange) -> Iterable[tuple[float, float, float]]:
    """The eight extreme poses: yaw, pitch, roll."""
    for yaw, pitch, roll in _SIGNS:
        yield float(allowed.yaw_deg[yaw]), float(allowed.pitch_deg[pitch]), float(allowed.roll_deg[roll])


def _areas(points: F64, triangles: I32) -> F64:
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return np.asarray(((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2)


def _rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> F64:
    """Roll after yaw after pitch, in the head frame (x right, y down, z to the viewer)."""
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)
