"""The mouth of every kind of photo: nothing of its inside through closed lips, no teeth baked into them."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, Avatar
from visavis.face import VISEMES, face_state, viseme_controls
from visavis.render import Renderer

Built = Callable[[str], Avatar]

PORTRAITS = ("astronaut", "mabel", "ines", "smile-flowers")
PARTED = ("astronaut", "smile-flowers")
"""Photos of a smile with teeth."""
POSES = tuple({"headYaw": y, "headPitch": p, "headRoll": r} for y, p, r in ((0, 0, 0), (-12, 5, 0), (9, -8, 5)))
SMILE = {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}
CLOSED = (
    {}, viseme_controls("PP"), SMILE, {"jawOpen": 0.5, "mouthClose": 1.0},
    {"mouthFrownLeft": 1.0, "mouthFrownRight": 1.0}, {"mouthStretchLeft": 1.0, "mouthStretchRight": 1.0},
    {"mouthShrugLower": 1.0},
)  # fmt: skip
OPEN = (*(viseme_controls(viseme) for viseme in VISEMES if viseme not in {"sil", "PP"}), {"jawOpen": 1.0})
MAGENTA = np.array([255, 0, 255], np.float32)


def _loud(avatar: Avatar) -> Avatar:
    """The same, but everything inside the mouth is magenta and without teeth."""
    teeth = np.zeros_like(avatar.mouth.upper_teeth)
    colours = dict.fromkeys(("tongue", "cavity", "mucosa", "rim"), MAGENTA)
    return dataclasses.replace(
        avatar, mouth=dataclasses.replace(avatar.mouth, upper_teeth=teeth, lower_teeth=teeth, **colours)
    )


@pytest.mark.parametrize("name", PORTRAITS)
def test_closed_lips_show_nothing_of_the_inside_in_any_pose(name: str, built: Built) -> None:
    avatar = built(name)
    plain, loud = (Renderer(shown, CANVAS_PX, CANVAS_PX) for shown in (avatar, _loud(avatar)))

    def shown(state: NDArray[np.float32]) -> int:
        return int((cv2.absdiff(plain.render(state), loud.render(state)).max(axis=2) > 24).sum())

    for pose in POSES:
        for controls in CLOSED:
            assert shown(face_state({**controls, **pose})) == 0
        for controls in OPEN:
            assert shown(face_state({**controls, **pose})) > 0


@pytest.mark.parametrize("name", PORTRAITS)
def test_no_background_shines_through_the_face_in_any_pose(name: str, built: Built) -> None:
    avatar = built(name)
    other = dataclasses.replace(avatar, background=255 - avatar.background)
    plain, inverted = (Renderer(shown, CANVAS_PX, CANVAS_PX) for shown in (avatar, other))
    mouth = avatar.head.origin_px + avatar.lips.contact_mm.mean(axis=0) @ avatar.head.axes * avatar.head.px_per_mm
    x, y = mouth[:2].astype(int)
    reach = int(22 * avatar.head.px_per_mm)
    around = slice(y - reach, y + reach), slice(x - reach, x + reach)
    for pose in POSES:
        for controls in (*CLOSED, *OPEN):
            state = face_state({**controls, **pose})
            assert cv2.absdiff(plain.render(state)[around], inverted.render(state)[around]).max() <= 10


@pytest.mark.parametrize("name", PARTED)
def test_lips_closed_over_a_smile_hold_no_teeth_and_no_gaps(name: str, built: Built) -> None:
    avatar = built(name)
    for texture in (avatar.lips.upper_texture, avatar.lips.lower_texture):
        x, y = texture.reshape(-1, 2).round().astype(int).T
        grey = avatar.texture[y, x, :3].mean(axis=1)
        assert grey.min() > 0.5 * np.median(grey)
        assert grey.max() < 1.6 * np.median(grey)


@pytest.mark.parametrize("name", PORTRAITS)
def test_sounds_of_the_tongue_look_different(name: str, built: Built) -> None:
    avatar = built(name)
    renderer = Renderer(avatar, CANVAS_PX, CANVAS_PX)
    sounds = {
        viseme: renderer.render(face_state(viseme_controls(viseme))).copy() for viseme in ("TH", "DD", "kk", "nn")
    }
    opening_px = np.ptp(avatar.lips.contact_mm[:, 0]) * 6 * avatar.head.px_per_mm**2
    for one, other in itertools.combinations(sounds, 2):
        different = (cv2.absdiff(sounds[one], sounds[other]).max(axis=2) > 24).sum()
        assert different > 0.15 * opening_px, (one, other)
