"""What a frame of any shape shows: the head as a camera would frame it, and no border of the square canvas."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from importlib.resources import files

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, TEXTURE_PX, TEXTURE_SCALE, Avatar, Surroundings
from visavis.errors import AvatarFileError
from visavis.face import face_state, neutral
from visavis.render import Renderer
from visavis.render.view import View, frame_view

Frame = NDArray[np.uint8]
BROW, CHIN = 10, 152

SHAPES = [
    (1280, 720),
    (640, 360),
    (720, 1280),
    (360, 640),
    (480, 640),
    (640, 480),
    (1920, 822),
    (1280, 128),
    (128, 1280),
]
MOVED = {"torsoSway": 6.0, "breath": 2.0, "headYaw": 8.0, "headRoll": 6.0}
GREEN, MAGENTA = (0, 255, 0), (255, 0, 255)


def face_rows(avatar: Avatar, view: View) -> tuple[float, float]:
    """Brow and chin in the frame."""
    brow, chin = (float(avatar.vertices[i, 1]) * view.scale + view.offset_y_px for i in (BROW, CHIN))
    return brow, chin


def jpeg(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 95])[1], np.uint8).ravel()


def painted(avatar: Avatar) -> Avatar:
    """The same, with a magenta person before green, whose surroundings go on so to all sides."""
    sides = {"left_px": 240.0, "right_px": 240.0, "below_px": 160.0}
    wide = (TEXTURE_PX + 160 * TEXTURE_SCALE, TEXTURE_PX + 480 * TEXTURE_SCALE)
    texture = avatar.texture.copy()
    texture[..., :3] = MAGENTA
    alpha = cv2.copyMakeBorder(
        texture[..., 3], 0, 160 * TEXTURE_SCALE, 240 * TEXTURE_SCALE, 240 * TEXTURE_SCALE, cv2.BORDER_REPLICATE
    )
    folds = avatar.folds
    return dataclasses.replace(
        avatar,
        texture=texture,
        background=np.full((TEXTURE_PX, TEXTURE_PX, 3), GREEN, np.uint8),
        folds=dataclasses.replace(folds, gains=np.zeros_like(folds.gains), lift=np.zeros_like(folds.lift)),
        surroundings=Surroundings(
            **sides,
            person=jpeg(np.full((*wide, 3), MAGENTA, np.uint8)),
            cover=jpeg(alpha),
            plate=jpeg(np.full((*wide, 3), GREEN, np.uint8)),
        ),
    )


@pytest.fixture(scope="module")
def cut_at_the_shoulders() -> Avatar:
    """A portrait whose photo ends within the shoulders."""
    return Avatar.from_photo((files("visavis.portrait") / "demo" / "ines.png").read_bytes())


@pytest.mark.parametrize(("width_px", "height_px"), SHAPES)
def test_brow_and_chin_are_in_every_frame(width_px: int, height_px: int, ada_avatar: Avatar) -> None:
    view = frame_view(ada_avatar, width_px, height_px)
    brow, chin = face_rows(ada_avatar, view)
    middle = (brow + chin) / 2
    assert 0 < middle < height_px
    if 9 / 16 <= width_px / height_px <= 2:
        assert 0 < brow < chin < height_px


def test_a_square_is_the_canvas(ada_avatar: Avatar) -> None:
    for side_px in (128, 512, 720, 1080):
        assert frame_view(ada_avatar, side_px, side_px) == View(side_px, side_px, side_px / CANVAS_PX, 0, 0)


@pytest.mark.parametrize(("width_px", "height_px"), [(1280, 720), (640, 360), (1920, 1080)])
def test_landscape_shows_head_and_shoulders(width_px: int, height_px: int, ada_avatar: Avatar) -> None:
    view = frame_view(ada_avatar, width_px, height_px)
    brow, chin = face_rows(ada_avatar, view)
    assert 0.38 <= (chin - brow) / height_px <= 0.52
    hair = (ada_avatar.texture[..., 3] > 128).any(axis=1).argmax() / TEXTURE_SCALE
    assert hair * view.scale + view.offset_y_px >= 0
    left, right = view.columns_px
    assert left < 0 and right > CANVAS_PX
    face_x = float(ada_avatar.head.origin_px[0]) * view.scale + view.offset_x_px
    assert abs(face_x / width_px - 0.5) < 0.06


def test_portrait_shows_the_chest_where_the_photo_has_it(ada_avatar: Avatar) -> None:
    below = dataclasses.replace(ada_avatar, surroundings=dataclasses.replace(ada_avatar.surroundings, below_px=160.0))
    for avatar, most in ((ada_avatar, 0.5), (below, 0.36)):
        view = frame_view(avatar, 720, 1280)
        brow, chin = face_rows(avatar, view)
        assert (chin - brow) / 1280 <= most
        assert (brow + chin) / 2 < 1280 / 2
        left, right = view.columns_px
        assert left >= -0.01 and right <= CANVAS_PX + 0.01


@pytest.mark.parametrize(("width_px", "height_px"), [(640, 360), (360, 640)])
def test_no_border_of_the_canvas_shows_while_the_torso_moves(
    width_px: int, height_px: int, cut_at_the_shoulders: Avatar
) -> None:
    avatar = painted(cut_at_the_shoulders)
    view = frame_view(avatar, width_px, height_px)
    renderer = Renderer(avatar, width_px, height_px)
    person = renderer.render(neutral())[..., 1] < 40
    border = np.zeros_like(person)
    if width_px > height_px:
        for side in (0, CANVAS_PX):
            at = int(side * view.scale + view.offset_x_px)
            border[:, at - 12 : at + 12] = True
    else:
        at = int(CANVAS_PX * view.scale + view.offset_y_px)
        border[at - 12 : at + 12] = True
    # what is person all around at rest stays person
    inside = border & (cv2.erode(person.astype(np.uint8), np.ones((31, 31))) > 0)
    assert inside.sum() > 300
    for moved in (MOVED, {"torsoSway": -6.0}):
        assert renderer.render(face_state(moved))[inside][:, 1].max() < 40


def shoulder_px(frame: Frame, column: int) -> int:
    """How high what is person at the lower border of the frame reaches in a column."""
    background = np.flatnonzero(frame[::-1, column, 1] > 128)
    return int(background[0]) if len(background) else len(frame)


def test_a_shoulder_rises_alike_on_both_sides_of_the_canvas_border(cut_at_the_shoulders: Avatar) -> None:
    avatar = painted(cut_at_the_shoulders)
    view = frame_view(avatar, 1280, 720)
    renderer = Renderer(avatar, 1280, 720)
    rest = renderer.render(neutral()).copy()
    breathing = renderer.render(face_state({"breath": 4.0}))
    rises = []
    for side in (0, CANVAS_PX):
        border = int(side * view.scale + view.offset_x_px)
        here, beyond = (
            shoulder_px(breathing, column) - shoulder_px(rest, column) for column in (border - 8, border + 8)
        )
        assert abs(here - beyond) <= 1
        rises += [here, beyond]
    assert max(rises) >= 3


def test_at_rest_plate_and_person_of_a_wide_frame_are_those_of_the_square(
    ada_avatar: Avatar, renderer_of: Callable[[int, int], Renderer]
) -> None:
    view = frame_view(ada_avatar, 1280, 720)
    side = round(view.scale * CANVAS_PX / 2) * 2
    square = renderer_of(side, side).render(neutral()).astype(float)
    wide = renderer_of(1280, 720).render(neutral()).astype(float)
    x, y = round(view.offset_x_px), round(view.offset_y_px)
    # the middle: near the canvas's sides the plate passes into its surroundings
    columns = slice(side // 4, side * 3 // 4)
    part = square[-y : -y + 720, columns]
    shown = wide[: len(part), x + columns.start : x + columns.stop]
    assert 10 * np.log10(255**2 / np.mean((part - shown) ** 2)) > 38


def test_damaged_surroundings_are_an_error(ada_avatar: Avatar) -> None:
    around = ada_avatar.surroundings
    damaged = dataclasses.replace(ada_avatar, surroundings=dataclasses.replace(around, cover=around.cover[:40]))
    Renderer(damaged, 256, 256)
    with pytest.raises(AvatarFileError) as refusal:
        Renderer(damaged, 640, 360)
    assert refusal.value.code == "avatar_damaged"
