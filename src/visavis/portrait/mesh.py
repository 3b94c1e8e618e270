"""The control mesh: the face's 468 points and an irregular grid around them, with depth and head weight.

Everything outside the face oval (hair, ears, neck, torso, the air around) is one mesh with the face, so that nothing
tears when the head turns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spl
from numpy.typing import NDArray
from scipy.spatial import Delaunay

from visavis.avatar import CANVAS_PX
from visavis.portrait.geometry import HeadGeometry, canvas_index, smoothstep
from visavis.portrait.topology import (
    CORNER_LEFT,
    CORNER_RIGHT,
    EYE_LEFT,
    EYE_RIGHT,
    LOWER_RINGS,
    MESH_POINTS,
    OVAL,
    UPPER_RINGS,
    face_triangles,
    orient,
)
from visavis.portrait.unfold import unfold

F64 = NDArray[np.float64]
I32 = NDArray[np.int32]

_GRID_PX: Final = 18
_GRID_MARGIN_PX: Final = 42
_CLEARANCE_PX: Final = 9
"""Grid points keep this distance from the face oval."""
_UNDER_JAW: Final = 0.5
"""Share of the head's movement that is lost right under the jaw, where shade hides how the skin stretches."""
_UNDER_JAW_MM: Final = (-6.0, 28.0)
_NECK_MM: Final = (8.0, 78.0)
_HANGING_HAIR_MM: Final = (-8.0, 150.0)
"""Below the chin, from full head movement to none."""
_STAYS: Final = [
    *(i for ring in (*UPPER_RINGS, *LOWER_RINGS, CORNER_LEFT, CORNER_RIGHT) for i in ring),
    *(i for eye in (EYE_LEFT, EYE_RIGHT) for i in (*eye.upper, *eye.lower, *eye.corners)),
]
"""Lips and lids: where they are is measured better than anything else."""


@dataclass(frozen=True, slots=True)
class ControlMesh:
    """Coarse mesh, canvas pixels; the first 468 vertices are the face."""

    vertices: F64
    triangles: I32
    face_triangle_count: int
    below_chin_mm: F64
    """How far each vertex lies below the chin."""
    head_weight: F64
    torso_weight: F64
    solver: Biharmonic


class Biharmonic:
    """Fills displacements smoothly between anchors: ``min |L d|^2 + 0.02 d'L d`` on the mesh graph.

    L is the graph Laplacian with inverse edge lengths; anchors are hard (Botsch and Kobbelt 2004).
    """

    def __init__(self, points: F64, triangles: I32) -> None:
        count = len(points)
        edges = unique_edges(triangles)
        weight = 1 / np.maximum(np.linalg.norm(points[edges[:, 0]] - points[edges[:, 1]], axis=1), 1.0)
        rows, columns = np.r_[edges[:, 0], edges[:, 1]], np.r_[edges[:, 1], edges[:, 0]]
        adjacency = sp.csr_matrix((np.r_[weight, weight], (rows, columns)), shape=(count, count))
        degree = np.asarray(adjacency.sum(1)).ravel()
        laplacian = sp.diags(degree) - adjacency
        self._energy = (laplacian.T @ sp.diags(1 / degree) @ laplacian + 0.02 * laplacian).tocsc()
        self._count = count

    def __call__(self, anchors: list[int] | I32, values: F64) -> F64:
        """``float64 [vertices, d]`` from values ``[anchors, d]``; of a repeated anchor the last value counts."""
        value_of = dict(zip((int(i) for i in anchors), np.reshape(values, (len(anchors), -1)), strict=True))
        fixed = np.array(sorted(value_of))
        known = np.stack([value_of[i] for i in fixed.tolist()])
        is_free = np.ones(self._count, bool)
        is_free[fixed] = False
        free = np.flatnonzero(is_free)
        solution = np.zeros((self._count, known.shape[1]))
        solution[fixed] = known
        rows = self._energy[free]
        factor = spl.splu(rows[:, free].tocsc())
        solution[free] = factor.solve(-(rows[:, fixed] @ known)).reshape(len(free), -1)
        return solution


def build_control_mesh(head: HeadGeometry, alpha: NDArray[np.float32], hair: NDArray[np.float32]) -> ControlMesh:
    """Mesh the canvas around a measured head.

    Args:
        alpha: the person matte of the canvas, any resolution.
        hair: how far each place belongs to the hair, 0 .. 1, any resolution.
    """
    grid, grid_triangles = _grid_outside(head.points[list(OVAL), :2])
    inner = face_triangles()
    vertices = np.vstack([head.points, np.column_stack([grid, np.zeros(len(grid))])])
    triangles = np.vstack([inner, grid_triangles]).astype(np.int32)
    vertices[:, :2] = unfold(vertices[:, :2], triangles, _STAYS)
    triangles = orient(triangles, vertices)
    flat = vertices * [1, 1, 0]
    solver = Biharmonic(flat, triangles)
    vertices[MESH_POINTS:, 2] = _outer_depth(head, vertices, alpha, solver)

    chin = head.points[152]
    below_chin_mm = (vertices[:, 1] - chin[1]) / head.px_per_mm
    weight = _head_weight(vertices, below_chin_mm, hair, solver)
    torso = smoothstep(30, 95, below_chin_mm)
    return ControlMesh(vertices, triangles, len(inner), below_chin_mm, weight, torso, solver)


def _head_weight(vertices: F64, below_chin_mm: F64, hair: NDArray[np.float32], solver: Biharmonic) -> F64:
    """1 on the head .. 0 on the torso: the neck gives way most right under the jaw, long hair follows far down."""
    rows, columns = canvas_index(vertices)
    small = np.asarray(cv2.resize(hair, (CANVAS_PX, CANVAS_PX), interpolation=cv2.INTER_LINEAR))
    share = small[rows, columns]
    neck = (
        1
        - _UNDER_JAW * smoothstep(*_UNDER_JAW_MM, below_chin_mm)
        - (1 - _UNDER_JAW) * smoothstep(*_NECK_MM, below_chin_mm)
    )
    hanging = 1 - smoothstep(*_HANGING_HAIR_MM, below_chin_mm)
    weight = neck * (1 - share) + hanging * share
    is_face = np.arange(len(vertices)) < MESH_POINTS
    weight[is_face] = 1
    decided = is_face | (below_chin_mm < -10) | (below_chin_mm > _NECK_MM[1]) | (share > 0.8)
    anchors = [int(i) for i in np.flatnonzero(decided)]
    solved = np.clip(solver(anchors, weight[anchors])[:, 0], 0, 1)
    solved[is_face] = 1
    return np.asarray(solved)


def limit_depth_slope(
    vertices: F64, triangles: I32, mobility: F64, *, limit: float, smallest_px2: float, rounds: int
) -> F64:
    """New depths ``[n]`` whose slope stays below the limit in every triangle, so that no turn folds one over.

    Args:
        mobility: 0 .. 1 per vertex, how readily its depth gives way.
        smallest_px2: slivers below twice this area are left alone.
    """
    a, b, c = triangles[:, 0], triangles[:, 1], triangles[:, 2]
    ab, ac = vertices[b, :2] - vertices[a, :2], vertices[c, :2] - vertices[a, :2]
    area = ab[:, 0] * ac[:, 1] - ab[:, 1] * ac[:, 0]
    usable = np.abs(area) > 2 * smallest_px2
    a, b, c, ab, ac, area = a[usable], b[usable], c[usable], ab[usable], ac[usable], area[usable]
    depth = vertices[:, 2].copy()
    for _ in range(rounds):
        db, dc = depth[b] - depth[a], depth[c] - depth[a]
        slope = np.hypot((db * ac[:, 1] - dc * ab[:, 1]) / area, (-db * ac[:, 0] + dc * ab[:, 0]) / area)
        steep = slope > limit + 0.1
        if not steep.any():
            break
        step = 0.6 * (1 - limit / slope[steep])
        corners = np.stack([a[steep], b[steep], c[steep]])
        pull = -(depth[corners] - depth[corners].mean(axis=0)) * step * mobility[corners]
        hits = np.bincount(corners.ravel(), minlength=len(depth))
        depth += np.bincount(corners.ravel(), pull.ravel(), minlength=len(depth)) / np.maximum(hits, 1)
    return depth


def depth_mobility(vertex_count: int) -> F64:
    """How readily the depth of a control vertex gives way: the face keeps its measured shape."""
    mobility = np.where(np.arange(vertex_count) >= MESH_POINTS, 1.0, 0.35)
    mobility[list(OVAL)] = 0.7
    return mobility


def unique_edges(triangles: I32) -> I32:
    """Undirected edges ``[e, 2]``."""
    pairs = np.sort(np.vstack([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    return np.unique(pairs, axis=0)


def vertex_normals(points: F64, triangles: I32) -> F64:
    """Unit normals towards the viewer."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    normal = np.cross(b - a, c - a)
    normal *= np.sign(normal[:, 2:3] + 1e-9)
    total = np.zeros_like(points)
    for i in range(3):
        np.add.at(total, triangles[:, i], normal)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-6))


def _grid_outside(oval: F64) -> tuple[F64, I32]:
    outline = oval.astype(np.float32).reshape(-1, 1, 2)
    points = []
    for y in range(-_GRID_MARGIN_PX, CANVAS_PX + 60, _GRID_PX):
        for x in range(-_GRID_MARGIN_PX, CANVAS_PX + 60, _GRID_PX):
            point = (x + (y // _GRID_PX % 2) * _GRID_PX / 2, float(y))
            if cv2.pointPolygonTest(outline, point, True) < -_CLEARANCE_PX:
                points.append(point)
    grid = np.array(points)
    everything = np.vstack([oval, grid])
    triangles = Delaunay(everything).simplices
    centres = everything[triangles].mean(1)
    outside = [cv2.pointPolygonTest(outline, (float(x), float(y)), False) < 0 for x, y in centres]
    index = np.r_[np.array(OVAL), MESH_POINTS + np.arange(len(grid))]
    return grid, index[triangles[np.array(outside)]].astype(np.int32)


def _outer_depth(head: HeadGeometry, vertices: F64, alpha: NDArray[np.float32], solver: Biharmonic) -> F64:
    """Depth outside the oval: hair falls back behind the ears, the neck stands back from the chin, then the torso."""
    scale = head.px_per_mm
    chin = head.points[152]
    behind_ears = head.points[[234, 454, 127, 356], 2].mean() - 16 * scale
    person = (cv2.resize(alpha, (CANVAS_PX, CANVAS_PX)) > 0.5).astype(np.uint8)
    person[int(np.clip(chin[1], 0, CANVAS_PX - 1)) :] = 0
    from_hair = cv2.distanceTransform(1 - person, cv2.DIST_L2, 5)
    outer = np.arange(MESH_POINTS, len(vertices))
    anchors, depths = list(OVAL), [float(z) for z in head.points[list(OVAL), 2]]
    rows, columns = canvas_index(vertices)
    for i in outer.tolist():
        x, y = vertices[i, :2]
        below_mm = (y - chin[1]) / scale
        if below_mm > 12:
            aside_mm = abs(x - chin[0]) / scale
            neck = chin[2] - 32 * scale - max(0.0, aside_mm - 35) * 0.5 * scale
            torso = chin[2] - 22 * scale
            anchors.append(i)
            depths.append(float(neck + (torso - neck) * smoothstep(50, 90, below_mm)))
        elif from_hair[rows[i], columns[i]] > 1 or not (0 <= x < CANVAS_PX and 0 <= y < CANVAS_PX):
            anchors.append(i)
            depths.append(float(behind_ears))
    depth = solver(anchors, np.array(depths))[MESH_POINTS:, 0]
    return np.asarray(np.minimum(depth, head.points[:, 2].max()))
