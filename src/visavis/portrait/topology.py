"""The face mesh's fixed topology: triangles, rings around mouth and eyes, and Loop subdivision.

Point numbers are those of MediaPipe's face mesh (468 points, 10 more for the irises). "Right" is the subject's
right: the image's left.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

MESH_POINTS: Final = 468
IRIS_RIGHT: Final = slice(0, 5)
IRIS_LEFT: Final = slice(5, 10)
"""Of the ten iris points, centre first."""

UPPER_INNER: Final = (191, 80, 81, 82, 13, 312, 311, 310, 415)
UPPER_RING_2: Final = (183, 42, 41, 38, 12, 268, 271, 272, 407)
UPPER_RING_3: Final = (184, 74, 73, 72, 11, 302, 303, 304, 408)
UPPER_OUTER: Final = (185, 40, 39, 37, 0, 267, 269, 270, 409)
LOWER_INNER: Final = (95, 88, 178, 87, 14, 317, 402, 318, 324)
LOWER_RING_2: Final = (96, 89, 179, 86, 15, 316, 403, 319, 325)
LOWER_RING_3: Final = (77, 90, 180, 85, 16, 315, 404, 320, 307)
LOWER_OUTER: Final = (146, 91, 181, 84, 17, 314, 405, 321, 375)
UPPER_RINGS: Final = (UPPER_INNER, UPPER_RING_2, UPPER_RING_3, UPPER_OUTER)
"""From the lip line to the vermilion border; nine points each, corners excluded."""
LOWER_RINGS: Final = (LOWER_INNER, LOWER_RING_2, LOWER_RING_3, LOWER_OUTER)
CORNER_RIGHT: Final = (78, 62, 76, 61)
"""The mouth corner on the image's left, from the lip line outwards."""
CORNER_LEFT: Final = (308, 292, 306, 291)
INNER_MOUTH: Final = (78, *UPPER_INNER, 308, *LOWER_INNER[::-1])
"""Polygon of the opening between the lips."""
OUTER_MOUTH: Final = (61, *UPPER_OUTER, 291, *LOWER_OUTER[::-1])
"""Polygon of the vermilion border."""

OVAL: Final = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
FOREHEAD: Final = (
    10, 338, 297, 332, 284, 251, 109, 67, 103, 54, 21, 151, 9, 8, 108, 69, 104, 68, 71, 337, 299, 333, 298, 301,
)  # fmt: skip
NOSE: Final = (
    6, 197, 195, 5, 4, 1, 2, 98, 327, 48, 278, 64, 294, 168, 122, 351, 196, 419, 3, 248, 236, 456, 45, 275, 220, 440,
    115, 344, 131, 360, 94, 97, 326, 99, 328, 129, 358, 49, 279, 102, 331,
)  # fmt: skip
TEMPLES_AND_CHEEKS: Final = (
    234, 454, 127, 356, 162, 389, 93, 323, 116, 345, 111, 340, 117, 346, 118, 347, 119, 348, 100, 329,
)  # fmt: skip
BROW_RIGHT: Final = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
BROW_LEFT: Final = (300, 293, 334, 296, 336, 276, 283, 282, 295, 285)


@dataclass(frozen=True, slots=True)
class EyePoints:
    """Mesh points around one eye, each row from the outer corner to the inner one."""

    upper: tuple[int, ...]
    lower: tuple[int, ...]
    corners: tuple[int, int]
    upper_2: tuple[int, ...]
    lower_2: tuple[int, ...]
    upper_3: tuple[int, ...]


EYE_RIGHT: Final = EyePoints(
    upper=(246, 161, 160, 159, 158, 157, 173),
    lower=(7, 163, 144, 145, 153, 154, 155),
    corners=(33, 133),
    upper_2=(247, 30, 29, 27, 28, 56, 190),
    lower_2=(25, 110, 24, 23, 22, 26, 112),
    upper_3=(113, 225, 224, 223, 222, 221),
)
EYE_LEFT: Final = EyePoints(
    upper=(466, 388, 387, 386, 385, 384, 398),
    lower=(249, 390, 373, 374, 380, 381, 382),
    corners=(263, 362),
    upper_2=(467, 260, 259, 257, 258, 286, 414),
    lower_2=(255, 339, 254, 253, 252, 256, 341),
    upper_3=(342, 445, 444, 443, 442, 441),
)


def face_triangles() -> NDArray[np.int32]:
    """The 852 triangles of the face mesh, ``int32 [852, 3]``."""
    source = files("visavis.portrait") / "models" / "face_triangles.npy"
    with source.open("rb") as file:
        return np.load(file, allow_pickle=False).astype(np.int32)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Subdivision:
    """One Loop subdivision step: ``fine = matrix @ coarse``."""

    matrix: sp.csr_matrix
    triangles: NDArray[np.int32]
    edge_vertex: dict[tuple[int, int], int]
    """The new vertex on each coarse edge, keyed by its sorted end points."""

    def chain(self, points: tuple[int, ...] | list[int]) -> list[int]:
        """Fine vertices along consecutive coarse points."""
        fine = [points[0]]
        for a, b in zip(points, points[1:], strict=False):
            fine += [self.edge_vertex[_edge(a, b)], b]
        return fine


def loop_subdivide(vertex_count: int, triangles: NDArray[np.int32]) -> Subdivision:
    """Charles Loop, "Smooth Subdivision Surfaces Based on Triangles" (1987), with straight boundaries."""
    opposite: dict[tuple[int, int], list[int]] = {}
    for triangle in triangles.tolist():
        for i in range(3):
            a, b, c = triangle[i], triangle[(i + 1) % 3], triangle[(i + 2) % 3]
            opposite.setdefault(_edge(a, b), []).append(c)
    edge_vertex = {edge: vertex_count + i for i, edge in enumerate(opposite)}
    rows: list[int] = []
    columns: list[int] = []
    weights: list[float] = []

    def add(row: int, terms: list[tuple[int, float]]) -> None:
        for column, weight in terms:
            rows.append(row)
            columns.append(column)
            weights.append(weight)

    neighbours: list[set[int]] = [set() for _ in range(vertex_count)]
    boundary: list[list[int]] = [[] for _ in range(vertex_count)]
    for (a, b), others in opposite.items():
        neighbours[a].add(b)
        neighbours[b].add(a)
        if len(others) == 2:
            add(edge_vertex[a, b], [(a, 0.375), (b, 0.375), (others[0], 0.125), (others[1], 0.125)])
        else:
            add(edge_vertex[a, b], [(a, 0.5), (b, 0.5)])
            if len(others) < 2:
                boundary[a].append(b)
                boundary[b].append(a)
    for i in range(vertex_count):
        if len(boundary[i]) >= 2:
            add(i, [(i, 0.75)] + [(j, 0.25 / len(boundary[i])) for j in boundary[i]])
        elif not neighbours[i]:
            add(i, [(i, 1.0)])
        else:
            count = len(neighbours[i])
            beta = (0.625 - (0.375 + 0.25 * np.cos(2 * np.pi / count)) ** 2) / count
            add(i, [(i, 1 - count * beta)] + [(j, beta) for j in sorted(neighbours[i])])
    matrix = sp.csr_matrix((weights, (rows, columns)), shape=(vertex_count + len(opposite), vertex_count))
    fine: list[tuple[int, int, int]] = []
    for a, b, c in triangles.tolist():
        ab, bc, ca = edge_vertex[_edge(a, b)], edge_vertex[_edge(b, c)], edge_vertex[_edge(c, a)]
        fine += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    return Subdivision(matrix, np.array(fine, np.int32), edge_vertex)


def orient(triangles: NDArray[np.int32], points: NDArray[np.float64]) -> NDArray[np.int32]:
    """The triangles with one winding (positive area in x, y)."""
    a, b, c = (points[triangles[:, i], :2] for i in range(3))
    area = (b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]
    turned = triangles.copy()
    turned[area < 0] = turned[area < 0][:, [0, 2, 1]]
    return turned


def _edge(a: int, b: int) -> tuple[int, int]:
    return (a, b) if a < b else (b, a)
