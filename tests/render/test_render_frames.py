"""What a frame shows: the photo at rest, and of the controls only what each is for."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib.resources import files
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, Avatar
from visavis.face import CONTROLS, HEAD_CONTROLS, VISEMES, FaceState, face_state, neutral, viseme_controls
from visavis.portrait.face_mesh import FaceMesh
from visavis.portrait.framing import frame_photo
from visavis.portrait.intake import decode_photo
from visavis.render import Renderer
from visavis.render.rig import UNSUPPORTED

Frame = NDArray[np.uint8]
Draw = Callable[[FaceState], Frame]

LOUD_MAGENTA = (255, 0, 255)
PHOTO_PSNR_DB = 43.0
"""At rest, inside the opaque person, against the photo; the equaliser that keeps sharpness even costs 6 dB."""


def difference(a: Frame, b: Frame) -> NDArray[np.int16]:
    return np.asarray(np.abs(a.astype(np.int16) - b).max(2))


def test_at_rest_the_person_is_the_photo(ada_avatar: Avatar, draw: Draw) -> None:
    photo = decode_photo((files("visavis.portrait") / "demo" / "ada.png").read_bytes())
    framing = frame_photo(photo, FaceMesh().faces(np.ascontiguousarray(photo[..., ::-1]))[0])
    size = (CANVAS_PX, CANVAS_PX)
    framed = cv2.resize(framing.picture, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(ada_avatar.texture[..., 3], size, interpolation=cv2.INTER_AREA)
    inside = cv2.erode((alpha == 255).astype(np.uint8), np.ones((7, 7))) > 0
    error = draw(neutral())[inside].astype(float) - framed[inside]
    assert 10 * np.log10(255**2 / np.mean(error**2)) > PHOTO_PSNR_DB


def test_at_rest_the_background_is_the_plate(ada_avatar: Avatar, draw: Draw) -> None:
    size = (CANVAS_PX, CANVAS_PX)
    plate = cv2.resize(ada_avatar.background, size, interpolation=cv2.INTER_AREA)
    clear = cv2.dilate(cv2.resize(ada_avatar.texture[..., 3], size), np.ones((5, 5))) == 0
    assert clear.mean() > 0.1
    assert difference(draw(neutral()), plate)[clear].max() <= 1


def _with_loud_interior(avatar: Avatar) -> Avatar:
    """The same, but everything inside the mouth is magenta."""
    colour = np.array(LOUD_MAGENTA, np.float32)
    teeth = np.zeros_like(avatar.mouth.upper_teeth)
    mouth = dataclasses.replace(
        avatar.mouth, upper_teeth=teeth, lower_teeth=teeth, tongue=colour, cavity=colour, mucosa=colour, rim=colour
    )
    return dataclasses.replace(avatar, mouth=mouth)


def interior_pixels(avatar: Avatar, loud: Renderer, state: FaceState, plain: Frame) -> int:
    return int((difference(loud.render(state), plain) > 24).sum())


@pytest.fixture(scope="module")
def loud(ada_avatar: Avatar) -> Renderer:
    return Renderer(_with_loud_interior(ada_avatar), CANVAS_PX, CANVAS_PX)


@pytest.mark.parametrize(
    "controls",
    [
        {},
        {"headYaw": 10.0},
        {"headPitch": -8.0},
        {"jawOpen": 0.5, "mouthClose": 1.0},
        viseme_controls("PP"),
        {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
        {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    ],
    ids=str,
)
def test_closed_lips_show_nothing_of_the_inside(
    controls: dict[str, float], ada_avatar: Avatar, draw: Draw, loud: Renderer
) -> None:
    state = face_state(controls)
    assert interior_pixels(ada_avatar, loud, state, draw(state)) == 0


def test_an_open_jaw_shows_the_inside(ada_avatar: Avatar, draw: Draw, loud: Renderer) -> None:
    shown = []
    for jaw in (0.1, 0.3, 0.6, 1.0):
        state = face_state({"jawOpen": jaw})
        shown.append(interior_pixels(ada_avatar, loud, state, draw(state)))
    assert shown[0] > 0
    assert shown == sorted(shown)
    assert shown[-1] > 300 * ada_avatar.head.px_per_mm**2


def test_no_background_shines_through_the_lips(ada_avatar: Avatar, draw: Draw, face: Any) -> None:
    inverted = dataclasses.replace(ada_avatar, background=255 - ada_avatar.background)
    other = Renderer(inverted, CANVAS_PX, CANVAS_PX)
    for viseme in VISEMES:
        for pose in ({}, {"headYaw": 6.0, "headPitch": 6.0}, {"headYaw": -3.0, "headPitch": -6.0}):
            state = face_state({**viseme_controls(viseme), **pose})
            holes = difference(draw(state), other.render(state)) > 10
            assert not holes[face.lips.rows, face.lips.columns].any()


def test_closed_lids_show_nothing_of_the_eye(ada_avatar: Avatar, draw: Draw) -> None:
    eyes = {
        name: dataclasses.replace(eye, texture=np.full_like(eye.texture, LOUD_MAGENTA))
        for name, eye in (("eye_left", ada_avatar.eye_left), ("eye_right", ada_avatar.eye_right))
    }
    staring = Renderer(dataclasses.replace(ada_avatar, **eyes), CANVAS_PX, CANVAS_PX)
    for state, shown in ((face_state({"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}), 0), (neutral(), 200)):
        different = difference(staring.render(state), draw(state)) > 24
        assert different.sum() >= shown
        assert shown or not different.any()


def test_the_same_state_gives_the_same_pixels_whatever_came_before(ada_avatar: Avatar, draw: Draw) -> None:
    state = face_state({"jawOpen": 0.4, "mouthPucker": 0.5, "headYaw": -4, "eyeLookUpLeft": 0.3})
    first = draw(state)
    for before in ("aa", "ou", "FF"):
        draw(face_state({**viseme_controls(before), "headYaw": 12, "headZ": 30, "mouthSmileLeft": 1}))
        assert np.array_equal(draw(state), first)
    assert np.array_equal(Renderer(ada_avatar, CANVAS_PX, CANVAS_PX).render(state), first)


@pytest.mark.parametrize(
    ("place", "controls"),
    [
        ("eyes", {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}),
        ("eyes", {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0}),
        ("eyes", {"eyeLookUpLeft": 1.0, "eyeLookUpRight": 1.0}),
        ("brows", {"browInnerUp": 1.0, "browOuterUpLeft": 1.0, "browOuterUpRight": 1.0}),
        ("mouth", {"mouthPressLeft": 0.5, "mouthPressRight": 0.5}),
        ("lower_face", {"jawOpen": 1.0}),
        ("lower_face", {"mouthPucker": 1.0}),
        ("lower_face", {"mouthStretchLeft": 1.0, "mouthStretchRight": 1.0}),
        *[("lower_face", dict(viseme_controls(viseme))) for viseme in VISEMES if viseme != "sil"],
    ],
    ids=str,
)
def test_a_control_changes_its_part_of_the_face_and_no_other(
    place: str, controls: dict[str, float], face: Any, draw: Draw
) -> None:
    changed = difference(draw(neutral()), draw(face_state(controls)))
    inside = getattr(face, place).mask()
    assert (changed[inside] > 12).sum() > 30
    assert changed[~inside].max() <= 10


def test_the_background_stands_still_while_the_head_moves(ada_avatar: Avatar, draw: Draw) -> None:
    size = (CANVAS_PX, CANVAS_PX)
    near = cv2.dilate(cv2.resize(ada_avatar.texture[..., 3], size), np.ones((81, 81))) > 0
    rest = draw(neutral())
    for state in ({"headYaw": 10}, {"headYaw": -10}, {"headPitch": 8}, {"headRoll": 6}, {"breath": 1}):
        assert difference(rest, draw(face_state(state)))[~near].max() == 0


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_an_unsupported_control_changes_nothing(name: str, draw: Draw) -> None:
    assert np.array_equal(draw(face_state({name: 1.0})), draw(neutral()))


@pytest.mark.parametrize(
    "name", [name for name in CONTROLS if name not in UNSUPPORTED and not name.startswith("tongue")]
)
def test_every_other_control_changes_something(name: str, draw: Draw) -> None:
    amount = 8.0 if name in HEAD_CONTROLS else 1.0
    # closing shows where something is open
    base = {"jawOpen": 0.3} if name in {"mouthClose"} else {}
    assert difference(draw(face_state(base)), draw(face_state({**base, name: amount}))).max() > 8


@pytest.mark.parametrize("name", ["tongueOut", "tongueTipUp", "tongueBodyUp"])
def test_the_tongue_shows_in_an_open_mouth_only(name: str, draw: Draw) -> None:
    open_jaw = {"jawOpen": 0.5}
    assert difference(draw(face_state(open_jaw)), draw(face_state({**open_jaw, name: 1.0}))).max() > 8
    assert np.array_equal(draw(face_state({name: 1.0})), draw(neutral()))
