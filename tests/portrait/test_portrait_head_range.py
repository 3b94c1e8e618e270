"""A head turns as far as its avatar says, and nothing folds over on the way."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, Avatar
from visavis.face import face_state
from visavis.performer import Performer
from visavis.portrait.head_range import MAX_TOTAL_DEG, corners
from visavis.render import Renderer

EVERYBODY = ["ada", "ines", "smile-flowers", "mabel", "astronaut"]


def areas_px2(points: NDArray[np.float64], triangles: NDArray[np.int32]) -> NDArray[np.float64]:
    a, b, c = (points[triangles[:, i]] for i in range(3))
    return np.asarray(((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0]) / 2)


@pytest.mark.parametrize("name", EVERYBODY)
def test_no_triangle_folds_over_in_the_corners_of_the_range(name: str, built: Callable[[str], Avatar]) -> None:
    avatar = built(name)
    renderer = Renderer(avatar, CANVAS_PX, CANVAS_PX)
    for yaw, pitch, roll in corners(avatar.head_range):
        renderer.render(face_state({"headYaw": yaw, "headPitch": pitch, "headRoll": roll}))
        screen = renderer._screen[: len(avatar.vertices)].astype(float)
        assert areas_px2(screen, avatar.triangles).min() > -1.0, (yaw, pitch, roll)


@pytest.mark.parametrize("name", EVERYBODY)
def test_the_photos_own_turn_counts(name: str, built: Callable[[str], Avatar]) -> None:
    avatar = built(name)
    for own, (low, high) in (
        (avatar.info.yaw_deg, avatar.head_range.yaw_deg),
        (avatar.info.pitch_deg, avatar.head_range.pitch_deg),
    ):
        assert low <= -0.4 and high >= 0.4
        if abs(own) < MAX_TOTAL_DEG - 2:
            assert own + low >= -MAX_TOTAL_DEG - 0.01 and own + high <= MAX_TOTAL_DEG + 0.01


def test_a_straight_face_has_room_to_live(built: Callable[[str], Avatar]) -> None:
    allowed = built("ines").head_range
    assert allowed.yaw_deg[1] - allowed.yaw_deg[0] > 16
    assert allowed.pitch_deg[1] - allowed.pitch_deg[0] > 10


def test_the_performer_stays_within_the_range(built: Callable[[str], Avatar]) -> None:
    avatar = built("ada")
    performer = Performer(avatar, width_px=128, height_px=128, seed=3)
    limits = performer._motion._limits
    for mine, bears in (
        (limits.yaw_deg, avatar.head_range.yaw_deg),
        (limits.pitch_deg, avatar.head_range.pitch_deg),
        (limits.roll_deg, avatar.head_range.roll_deg),
    ):
        assert bears[0] <= mine[0] < 0 < mine[1] <= bears[1]
