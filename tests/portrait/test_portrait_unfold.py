"""No triangle of a mesh lies behind its neighbours."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, Avatar
from visavis.face import face_state
from visavis.portrait.unfold import unfold
from visavis.render import Renderer

QUADS = 6


def sheet() -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """A square sheet, wound as it comes."""
    points = np.array([(x * 12.0, y * 12.0) for y in range(QUADS + 1) for x in range(QUADS + 1)])
    triangles = []
    for y in range(QUADS):
        for x in range(QUADS):
            a = y * (QUADS + 1) + x
            triangles += [(a, a + 1, a + QUADS + 1), (a + QUADS + 1, a + 1, a + QUADS + 2)]
    triangles[7] = triangles[7][::-1]
    return points, np.array(triangles, np.int32)


def facing(points: NDArray[np.float64], triangles: NDArray[np.int32]) -> NDArray[np.float64]:
    a, b, c = (points[triangles[:, i]] for i in range(3))
    area = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
    area[7] *= -1
    return np.asarray(area)


def test_a_flat_sheet_is_left_alone() -> None:
    points, triangles = sheet()
    assert np.array_equal(unfold(points, triangles, []), points)


def test_a_folded_corner_is_laid_flat() -> None:
    points, triangles = sheet()
    folded = points.copy()
    middle = 3 * (QUADS + 1) + 3
    folded[middle] += [19.0, 3.0]
    assert facing(folded, triangles).min() < 0
    flat = unfold(folded, triangles, [])
    assert facing(flat, triangles).min() > 1
    moved = np.linalg.norm(flat - folded, axis=1)
    assert moved[middle] > 0.5 and (moved > 0).sum() < 12


def test_points_that_stay_stay() -> None:
    points, triangles = sheet()
    points[24] += [19.0, 3.0]
    still = [24, 25]
    assert np.array_equal(unfold(points, triangles, still)[still], points[still])


@pytest.mark.parametrize("name", ["ada", "mabel", "smile-flowers"])
def test_turning_the_head_folds_next_to_nothing(name: str, built: Callable[[str], Avatar]) -> None:
    avatar = built(name)
    renderer = Renderer(avatar, CANVAS_PX, CANVAS_PX)
    for yaw in (-12.0, 12.0):
        if abs(avatar.info.yaw_deg + yaw) > 15:
            continue
        renderer.render(face_state({"headYaw": yaw}))
        screen = renderer._screen[: len(avatar.vertices)].astype(float)
        a, b, c = (screen[avatar.triangles[:, i]] for i in range(3))
        area = ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2
        assert area.min() > -1.5
