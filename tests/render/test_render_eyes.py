"""Eyes that open wider than in the photo."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from visavis.avatar import Avatar
from visavis.face import face_state
from visavis.render import Renderer

WIDE = {"eyeWideLeft": 1.0, "eyeWideRight": 1.0}


def eye_column(avatar: Avatar, controls: dict[str, float]) -> np.ndarray:
    """Grey levels through the middle of the left eye's iris, from the lid's crease down, of a frame of 1024 px."""
    frame = cv2.cvtColor(Renderer(avatar, 1024, 1024).render(face_state(controls)), cv2.COLOR_BGR2GRAY)
    x, y = avatar.eye_left.iris_centre_px.round().astype(int)
    reach = round(1.4 * avatar.eye_left.iris_radius_px)
    return frame[y - reach : y, x - 2 : x + 3].astype(float).mean(axis=1)


def test_a_raised_lid_takes_its_lashes_along(ada_avatar: Avatar) -> None:
    def lash_row(controls: dict[str, float]) -> int:
        column = eye_column(ada_avatar, controls)
        return int(np.argmin(column[len(column) // 2 : -6]))  # above the pupil

    assert lash_row(WIDE) < lash_row({})


def test_a_raised_lid_uncovers_the_eye(ada_avatar: Avatar, draw: Callable[..., Any], face: Any) -> None:
    rest, wide = draw(face_state({})).astype(int).copy(), draw(face_state(WIDE)).astype(int)
    changed = np.abs(rest - wide).max(axis=2)
    assert (changed[face.eyes.mask()] > 15).sum() > 20
    assert changed[~face.eyes.mask()].max() <= 10
