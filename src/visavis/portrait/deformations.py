"""The deformation bases: how the mesh moves with each control at full strength.

A few mesh points are displaced by anatomy (millimetres in the head's frame), and the rest of the mesh follows as a
bending sheet does. Nothing is painted by hand, so nothing tears.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from visavis.portrait.geometry import smoothstep
from visavis.portrait.lips import swing
from visavis.portrait.mesh import ControlMesh
from visavis.portrait.topology import (
    BROW_LEFT,
    BROW_RIGHT,
    CORNER_LEFT,
    CORNER_RIGHT,
    EYE_LEFT,
    EYE_RIGHT,
    LOWER_INNER,
    LOWER_RINGS,
    MESH_POINTS,
    NOSE,
    OVAL,
    UPPER_INNER,
    UPPER_RINGS,
    EyePoints,
)

F64 = NDArray[np.float64]
Vector: TypeAlias = tuple[float, float, float]
Displacements: TypeAlias = dict[int, F64]

JAW_TRAVEL_MM: Final = 20.0
"""How far the middle of the lower lip swings at jaw 1."""
HINGE_BEHIND_LIPS_MM: Final = 88.0
HINGE_BELOW_TEMPLES_MM: Final = 6.0
BROW_UP_MM: Final = 7.0
"""People raise theirs by 5 to 10."""
BROW_DOWN_MM: Final = 4.4

_FULLNESS: Final = (0.38, 0.66, 0.86, 0.97, 1, 0.97, 0.86, 0.66, 0.38)
"""How much of a movement of the lip's middle each of its nine points takes."""
_CHIN: Final = (152, 148, 377, 176, 400, 199, 175, 200, 149, 378, 150, 379, 172, 397, 136, 365, 18, 83, 313)
_CHIN_TIP: Final = _CHIN[:8]
_CHIN_FRONT: Final = (152, 148, 377, 175, 199, 176, 400)
_LIP_POINTS: Final = frozenset(i for ring in UPPER_RINGS + LOWER_RINGS for i in ring)
_JAW_FOLLOW: Final[Mapping[float, tuple[int, ...]]] = {
    1.0: (152, 148, 377, 175, 171, 396, 199, 208, 428, 200, 201, 421, 18, 83, 313),
    0.98: (182, 406), 0.97: (176, 400), 0.95: (140, 369, 32, 262), 0.94: (194, 418),
    0.93: (106, 335), 0.92: (149, 378, 204, 424), 0.86: (211, 431, 170, 395), 0.84: (150, 379), 0.80: (43, 273),
    0.74: (169, 394, 202, 422), 0.70: (136, 365, 135, 364, 210, 430), 0.58: (212, 432),
    0.50: (172, 397, 57, 287, 214, 434), 0.45: (138, 367), 0.34: (192, 416),
    0.30: (58, 288, 213, 433, 215, 435), 0.24: (186, 410, 207, 427), 0.22: (216, 436), 0.14: (187, 411, 177, 401),
    0.13: (132, 361), 0.12: (147, 376), 0.10: (92, 322, 206, 426), 0.06: (205, 425), 0.05: (165, 391),
    0.0: (167, 393, 164, 50, 280, 203, 423),
}  # fmt: skip
"""Share of the jaw's swing that skin points take: bone under chin and jaw, soft cheek above."""


_UPPER_LIDS: Final = tuple(zip(EYE_RIGHT.upper_3, EYE_LEFT.upper_3, strict=True))
"""From the outer corner to the inner one."""
_INNER_FOREHEAD: Final = {
    (108, 337): 0.46, (151, 151): 0.42, (9, 9): 0.5, (69, 299): 0.25, (8, 8): 0.15,
    **dict(zip(_UPPER_LIDS, (0.0, 0.02, 0.06, 0.14, 0.24, 0.28), strict=True)),
}  # fmt: skip
_OUTER_FOREHEAD: Final = {
    (104, 333): 0.42, (68, 298): 0.36, (69, 299): 0.24, (108, 337): 0.08,
    **dict(zip(_UPPER_LIDS, (0.22, 0.26, 0.24, 0.14, 0.04, 0.0), strict=True)),
}  # fmt: skip
_FROWN: Final = {
    (69, 299): 0.2, (108, 337): 0.3, (151, 151): 0.2, (9, 9): 0.42, (8, 8): 0.3,
    **dict(zip(_UPPER_LIDS, (0.05, 0.12, 0.2, 0.26, 0.3, 0.3), strict=True)),
}  # fmt: skip
"""Shares of a brow's travel that the skin around it takes, by point and its twin on the left."""
_SNEER: Final[tuple[tuple[tuple[int, int], Vector], ...]] = (
    ((98, 327), (-0.5, -1.8, 0.2)), ((64, 294), (-0.4, -2.2, 0.2)), ((48, 278), (-0.3, -2.2, 0)),
    ((49, 279), (-0.2, -2.0, 0)), ((129, 358), (-0.4, -2.2, 0.3)), ((203, 423), (-0.4, -2.0, 0.6)),
    ((206, 426), (-0.5, -1.6, 0.8)), ((36, 266), (0, -1.8, 0.8)), ((101, 330), (0, -1.2, 0.6)),
    ((205, 425), (-0.2, -1.4, 0.8)), ((165, 391), (-0.2, -1.2, 0.2)), ((167, 393), (0, -1.0, 0.1)),
    ((55, 285), (0.6, 1.0, 0.3)), ((107, 336), (0.5, 0.9, 0.3)), ((9, 9), (0, 0.6, 0)), ((193, 417), (0.2, -0.3, 0.2)),
)  # fmt: skip
"""Point and its twin on the left, and where the first goes."""


@dataclass(frozen=True, slots=True)
class Jaw:
    """The jaw's axis and swing, head frame."""

    hinge_mm: F64
    angle_rad: float


@dataclass(frozen=True, slots=True)
class _LipPoint:
    """What a lip movement may depend on."""

    x: float
    """mm from the middle of the mouth."""
    upper: bool
    ring: int
    """0 at the lip line .. 3 at the vermilion border."""
    fullness: float
    height: float
    """Lip line to border at this column in mm, negative for the upper lip."""
    outward: float
    """0 at the lip line .. 1 at the border."""
    aside: float
    """|x| relative to half the mouth's width."""


@dataclass(frozen=True, slots=True)
class _LipMovement:
    lip: Callable[[_LipPoint], Vector]
    corner: Callable[[float, float, int], Vector]
    """From x in mm, side (-1 image left, 1 right) and depth (0 at the lip line .. 3 outside)."""
    still: tuple[int, ...]
    around: tuple[tuple[tuple[int, int], Vector], ...] = ()
    """Skin point at image left and its twin, whose x mirrors, with the displacement of the first."""


def measure_jaw(rest_mm: F64) -> Jaw:
    """Place the jaw's hinge in a head at rest (``[n, 3]`` mm)."""
    temples = float(rest_mm[234, 1] + rest_mm[454, 1]) / 2
    hinge = np.array([0.0, temples + HINGE_BELOW_TEMPLES_MM, rest_mm[13, 2] - HINGE_BEHIND_LIPS_MM])
    arm = max(float(np.linalg.norm(rest_mm[14, 1:] - hinge[1:])), 2 * JAW_TRAVEL_MM)
    return Jaw(hinge, float(np.arcsin(JAW_TRAVEL_MM / arm)))


def build_bases(
    mesh: ControlMesh, rest_mm: F64, fixed: Sequence[int], held: Sequence[int], jaw: Jaw, px_per_mm: float
) -> dict[str, F64]:
    """Displacements ``[n, 3]`` in mm, head frame, by the names of :data:`visavis.avatar.BASE_NAMES`.

    Args:
        rest_mm: the control mesh at rest, head frame.
        fixed: vertices that no mouth movement reaches.
        held: vertices that nothing in the face moves, such as those under the rims of glasses.
    """
    builder = _Builder(mesh, rest_mm, list(fixed), frozenset(held))
    bases = {"jaw": builder.jaw(jaw)}
    bases["close"] = builder.close(bases["jaw"])
    for name, movement in _LIP_MOVEMENTS.items():
        bases[name] = builder.lips(movement)
    bases["blinkRight"], bases["squintRight"] = builder.blink(EYE_RIGHT)
    bases["blinkLeft"], bases["squintLeft"] = builder.blink(EYE_LEFT)
    bases |= builder.brows()
    bases["sneer"] = builder.sneer()
    from_chin_mm = (mesh.vertices[:, 0] - mesh.vertices[152, 0]) / px_per_mm
    bases["breath"], bases["sway"] = _torso(mesh, from_chin_mm)
    return bases


class _Builder:
    def __init__(self, mesh: ControlMesh, rest_mm: F64, fixed: list[int], held: frozenset[int]) -> None:
        self._mesh = mesh
        self._rest = rest_mm
        self._fixed = fixed
        self._held = held
        self._middle_x = float(rest_mm[[13, 14], 0].mean())
        self._half_width = float(rest_mm[308, 0] - rest_mm[78, 0]) / 2

    def jaw(self, jaw: Jaw) -> F64:
        drop = swing(self._rest, jaw.hinge_mm, jaw.angle_rad)
        moved: Displacements = {i: drop[i] * share for share, points in _JAW_FOLLOW.items() for i in points}
        for column in range(9):
            aside = abs(self._rest[LOWER_INNER[column], 0] - self._middle_x) / self._half_width
            opening = (1 - min(0.97, aside) ** 2.3) ** 0.5
            for ring in LOWER_RINGS:
                moved[ring[column]] = drop[ring[column]] * (0.40 + 0.60 * opening)
            for ring in UPPER_RINGS:
                moved[ring[column]] = drop[ring[column]] * (0.34 - 0.41 * opening)
        for corner, inwards in ((CORNER_RIGHT, 1), (CORNER_LEFT, -1)):
            for i in corner:
                moved[i] = drop[i] * 0.40 + np.array([inwards * 2.2, 0, 0])
        for i in _LIP_POINTS:  # an opening mouth narrows
            x = self._rest[i, 0] - self._middle_x
            moved[i] = moved[i] + np.array([-np.sign(x) * 1.6 * min(1, abs(x) / 22), 0, 0])
        return self._solve(moved)

    def close(self, jaw_base: F64) -> F64:
        """Undo the opening of the jaw base at the lips, mostly by the lower one."""
        opening = jaw_base[list(LOWER_INNER)] - jaw_base[list(UPPER_INNER)]
        moved: Displacements = {}
        for column in range(9):
            for ring, share in zip(LOWER_RINGS, (1, 0.92, 0.8, 0.6), strict=True):
                moved[ring[column]] = -opening[column] * 0.68 * share
            for ring, share in zip(UPPER_RINGS, (1, 0.9, 0.72, 0.4), strict=True):
                moved[ring[column]] = opening[column] * 0.32 * share
        still = [i for i in _CHIN if i not in (18, 83, 313)]
        return self._solve(moved, still=[*still, *CORNER_RIGHT, *CORNER_LEFT])

    def lips(self, movement: _LipMovement) -> F64:
        moved: Displacements = {}
        for upper, rings in ((True, UPPER_RINGS), (False, LOWER_RINGS)):
            for ring_number, ring in enumerate(rings):
                for column, i in enumerate(ring):
                    line_y, border_y = self._rest[rings[0][column], 1], self._rest[rings[3][column], 1]
                    height = float(border_y - line_y)
                    outward = (self._rest[i, 1] - line_y) / height if abs(height) > 0.3 else 0.0
                    x = float(self._rest[i, 0]) - self._middle_x
                    point = _LipPoint(
                        x=x,
                        upper=upper,
                        ring=ring_number,
                        fullness=_FULLNESS[column],
                        height=height,
                        outward=float(np.clip(outward, 0, 1)),
                        aside=abs(x) / self._half_width,
                    )
                    moved[i] = np.array(movement.lip(point))
        for corner, side in ((CORNER_RIGHT, -1.0), (CORNER_LEFT, 1.0)):
            for depth, i in enumerate(corner):
                moved[i] = np.array(movement.corner(float(self._rest[i, 0]) - self._middle_x, side, depth))
        for (right, left), vector in movement.around:
            moved[right] = np.array(vector)
            moved[left] = np.array(vector) * [-1, 1, 1]
        return self._solve(moved, still=movement.still)

    def blink(self, eye: EyePoints) -> tuple[F64, F64]:
        """The closed lids and the squint of one eye: the upper lid travels, the lower one hardly."""
        closed: Displacements = {}
        squint: Displacements = {}
        for upper, lower, above, below in zip(eye.upper, eye.lower, eye.upper_2, eye.lower_2, strict=True):
            gap = self._rest[lower] - self._rest[upper]
            closed |= {upper: gap * 0.86, lower: -gap * 0.14, above: gap * 0.50, below: -gap * 0.07}
            squint |= {
                upper: gap * 0.06,
                lower: -gap * 0.26 + [0, -0.3, 0],
                above: np.array([0, 0.1, 0]),
                below: -gap * 0.18 + [0, -0.45, 0],
            }
        closed |= {i: np.array([0, 0.35, 0]) for i in eye.upper_3}
        moving = {*eye.upper, *eye.lower, *eye.lower_2}
        fixed = [i for i in self._fixed if i not in moving]
        return self._solve(closed, fixed=fixed), self._solve(squint, fixed=fixed)

    def brows(self) -> dict[str, F64]:
        """Brows raised at the inner or the outer end, or drawn down and together; forehead and lids follow."""
        eyes = [i for eye in (EYE_RIGHT, EYE_LEFT) for i in (*eye.upper, *eye.lower, *eye.corners)]
        outside = range(MESH_POINTS, len(self._rest))
        still = [*eyes, *NOSE, 116, 345, 50, 280, 234, 454, *OVAL, *outside, *self._held]
        moves = {
            "browInner": _brow_move((0.02, 0.12, 0.42, 0.88, 1.0), _INNER_FOREHEAD, (0, -BROW_UP_MM, 0.3)),
            "browOuter": _brow_move((0.55, 0.92, 0.70, 0.20, 0.03), _OUTER_FOREHEAD, (0, -BROW_UP_MM, 0.3)),
            "browDown": _brow_move((0.2, 0.42, 0.8, 1.0, 1.0), _FROWN, (2.6, BROW_DOWN_MM, 0.6)),
        }
        sides = {"Right": 1.0, "Left": -1.0}
        bases: list[str] = ["browInner", *(f"{name}{side}" for name in ("browOuter", "browDown") for side in sides)]
        anchors = {i: np.zeros((len(bases), 3)) for i in still}
        for name, move in moves.items():
            for side, mirror in sides.items():
                row = bases.index(name if name == "browInner" else f"{name}{side}")
                for (right, left), vector in move.items():
                    i = right if side == "Right" else left
                    if i not in self._held:
                        anchors.setdefault(i, np.zeros((len(bases), 3)))[row] = np.array(vector) * [mirror, 1, 1]
        solved = self._mesh.solver(list(anchors), np.stack([value.ravel() for value in anchors.values()]))
        return {name: solved[:, 3 * row : 3 * row + 3] for row, name in enumerate(bases)}

    def sneer(self) -> F64:
        """The nose wrinkled, its wings and the cheeks beside it drawn up."""
        moved: Displacements = {}
        for (right, left), vector in _SNEER:
            moved[right] = np.array(vector)
            moved[left] = np.array(vector) * [-1, 1, 1]
        lips = [*_LIP_POINTS, *CORNER_RIGHT, *CORNER_LEFT]
        eyes = [i for eye in (EYE_RIGHT, EYE_LEFT) for i in (*eye.upper, *eye.lower, *eye.corners)]
        return self._solve(moved, still=[*_CHIN, *lips, *eyes, *OVAL, 1, 4, 10, 151])

    def _solve(self, moved: Displacements, *, still: Iterable[int] = (), fixed: Sequence[int] | None = None) -> F64:
        values = {i: np.zeros(3) for i in (*(self._fixed if fixed is None else fixed), *still)} | moved
        values |= {i: np.zeros(3) for i in self._held}
        return self._mesh.solver(list(values), np.array(list(values.values())))


def _all(points: Iterable[int], vector: Vector) -> Displacements:
    return {i: np.array(vector, np.float64) for i in points}


def _brow_move(
    shares: tuple[float, ...], around: Mapping[tuple[int, int], float], travel_mm: Vector
) -> dict[tuple[int, int], Vector]:
    """Points of the right brow with their twins, what lies around them, and where each goes, for the right side."""
    x, y, z = travel_mm
    pairs = list(zip(BROW_RIGHT, BROW_LEFT, strict=True))
    return {pair: (x * share, y * share, z * share) for pair, share in zip(pairs, shares * 2, strict=True)} | {
        pair: (x * share, y * share, 0.0) for pair, share in around.items()
    }


def _torso(mesh: ControlMesh, from_chin_mm: F64) -> tuple[F64, F64]:
    """An in-breath lifts chest and shoulders; a sway of 1 mm leans head and chest, the frame's foot stays."""
    shoulders = mesh.torso_weight * smoothstep(18, 60, np.abs(from_chin_mm))
    breath = np.zeros_like(mesh.vertices)
    breath[:, 0] = np.sign(from_chin_mm) * 0.35 * shoulders
    breath[:, 1] = -1.0 * mesh.torso_weight - 0.9 * shoulders
    sway = np.zeros_like(mesh.vertices)
    sway[:, 0] = 1 - smoothstep(-10, 150, mesh.below_chin_mm)
    return breath, sway


_LIP_MOVEMENTS: Final[Mapping[str, _LipMovement]] = {
    "press": _LipMovement(
        lambda p: (0, -p.height * 0.34 * p.outward * (1 if p.upper else 0.9), -2.2 * p.fullness),
        lambda x, side, depth: (side * 0.8, 0, -0.5),
        still=_CHIN,
    ),
    "pucker": _LipMovement(
        lambda p: (
            -p.x * (0.50 - 0.20 * p.outward),
            p.height * (0.18 if p.upper else 0.26) * p.outward * p.fullness
            + (0.35 if p.upper else 0.7) * p.fullness**2,
            6.5 * (0.35 + 0.65 * p.fullness),
        ),
        lambda x, side, depth: (-x * (0.50 - 0.05 * depth), 0.3, 2.5),
        still=_CHIN_TIP,
        around=(((57, 287), (8.3, 0, 1)), ((186, 410), (6.4, 0, 1)), ((212, 432), (2.5, 0, 0))),
    ),
    "stretch": _LipMovement(
        lambda p: (p.x * 0.20, (0.45 if p.upper else -0.3) * (p.ring / 3) * p.fullness, -1.2 * p.aside),
        lambda x, side, depth: (side * 5.2, 0.2, -2.0),
        still=_CHIN,
        around=(((57, 287), (-3.5, 0, -1)), ((205, 425), (-0.8, -0.4, 0)), ((212, 432), (-2, 0, 0))),
    ),
    "smile": _LipMovement(
        lambda p: (p.x * 0.22, -4.6 * p.aside**1.6 - 0.4, -1.8 * p.aside),
        lambda x, side, depth: (side * 5.8, -5.0, -3.0),
        still=_CHIN_TIP,
        around=(
            ((205, 425), (-1.2, -2.6, 1.2)), ((50, 280), (-0.6, -1.6, 1.0)), ((57, 287), (-4.2, -3.4, -1)),
            ((216, 436), (-3, -4, 0.5)), ((206, 426), (-1.8, -3.2, 0.8)), ((212, 432), (-2.5, -1.5, 0)),
            ((207, 427), (-2.5, -3.4, 0.6)), ((187, 411), (-1.2, -2.6, 0.8)),
        ),
    ),
    "funnel": _LipMovement(
        lambda p: (
            -p.x * 0.22, (-1.9 if p.upper else 2.4) * p.fullness * (1 - 0.12 * p.ring), 4.5 * p.fullness,
        ),
        lambda x, side, depth: (-x * 0.24, 0.3, 2.0),
        still=_CHIN_TIP,
        around=(((57, 287), (4.2, 0, 0.6)), ((186, 410), (3.2, 0, 0.6)), ((212, 432), (1.6, 0, 0))),
    ),
    "upperRaise": _LipMovement(
        lambda p: (0, -4.6 * p.fullness * (1 - 0.14 * p.ring), 0.4) if p.upper else (0, 0, 0),
        lambda x, side, depth: (0, -0.8, 0),
        still=_CHIN,
        around=(
            ((98, 327), (0, -0.6, 0)), ((64, 294), (0, -0.5, 0)), ((206, 426), (0, -1.5, 0.4)),
            ((165, 391), (0, -2.6, 0)), ((167, 393), (0, -2.6, 0)), ((164, 164), (0, -2.6, 0)),
        ),
    ),
    "lowerDepress": _LipMovement(
        lambda p: (0, 0, 0) if p.upper else (0, 5.0 * p.fullness**1.2 * (1 - 0.08 * p.ring), 0.6),
        lambda x, side, depth: (side * 0.5, 0.6, 0),
        still=_CHIN_FRONT,
    ),
    "tuck": _LipMovement(
        lambda p: (0, -1.3 * p.fullness * (1 - 0.12 * p.ring), 0) if p.upper
        else (
            0, (-1.6 - 0.275 * p.outward * p.height) * p.fullness, -3.2 * p.fullness * (1 - 0.2 * p.ring),
        ),
        lambda x, side, depth: (side * 0.5, 0, -0.5),
        still=_CHIN_FRONT,
    ),
}  # fmt: skip
