"""What is behind the face: the photo's background, that out of focus, a colour, a picture, or nothing."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, Avatar
from visavis.background import KEEP, Background, background_option, parse_background
from visavis.errors import VisavisError
from visavis.face import face_state, neutral
from visavis.render import Renderer

Frame = NDArray[np.uint8]
SPEAKING = face_state({"jawOpen": 0.5, "headYaw": 6.0, "eyeBlinkLeft": 0.3})
SIZES = [(512, 512), (640, 360)]


def drawn(avatar: Avatar, background: Background, width_px: int = 512, height_px: int = 512) -> Frame:
    return Renderer(avatar, width_px, height_px, background=background).render(neutral()).copy()


def person(avatar: Avatar) -> NDArray[np.bool_]:
    """Where anything of the person may be, in a frame as large as the canvas."""
    alpha = cv2.resize(avatar.texture[..., 3], (CANVAS_PX, CANVAS_PX), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.dilate(alpha, np.ones((9, 9))) > 0)


def encoded(picture: Frame, suffix: str) -> bytes:
    return bytes(cv2.imencode(suffix, picture)[1])


@pytest.mark.parametrize("text", ["keep", "blur", "transparent", "#00FF00", " Blur "])
def test_what_a_background_is_called(text: str) -> None:
    assert parse_background(text).kind in ("keep", "blur", "transparent", "colour")


def test_a_colour_is_red_green_blue() -> None:
    assert parse_background("#ff8000").bgr == (0, 128, 255)


@pytest.mark.parametrize("text", ["", "green", "#12345", "#12345g", "beach.jpg", "x" * 10_000])
def test_another_name_is_refused(text: str) -> None:
    with pytest.raises(VisavisError) as refusal:
        background_option(text)
    assert refusal.value.code == "background_unknown"


@pytest.mark.parametrize(("width_px", "height_px"), SIZES)
def test_a_colour_is_all_that_is_behind(width_px: int, height_px: int, ada_avatar: Avatar) -> None:
    green = drawn(ada_avatar, parse_background("#00ff00"), width_px, height_px)
    blue = drawn(ada_avatar, parse_background("#0000ff"), width_px, height_px)
    behind = np.any(green != blue, axis=2)
    pure = np.all(green == (0, 255, 0), axis=2)
    # edges are mixed, and they are few
    assert 0.2 < pure.mean() < 0.8
    assert (behind & ~pure).mean() < 0.08


def test_no_colour_of_the_old_background_stays_in_the_edges(ada_avatar: Avatar) -> None:
    alarming = dataclasses.replace(ada_avatar, background=np.full_like(ada_avatar.background, (0, 0, 255)))
    for background in (parse_background("#808080"), parse_background("transparent")):
        assert np.array_equal(drawn(alarming, background), drawn(ada_avatar, background))


def test_blur_takes_nothing_of_the_person(ada_avatar: Avatar) -> None:
    near = person(ada_avatar)
    red = ada_avatar.background.copy()
    texels = cv2.resize(near.astype(np.uint8), red.shape[1::-1], interpolation=cv2.INTER_NEAREST) > 0
    red[texels & (ada_avatar.texture[..., 3] > 200)] = (0, 0, 255)
    ghost = dataclasses.replace(ada_avatar, background=red)
    blurred = [drawn(avatar, Background("blur"))[~near].astype(int) for avatar in (ada_avatar, ghost)]
    assert np.abs(blurred[0] - blurred[1]).max() <= 3


def test_blur_is_out_of_focus_and_as_bright(ada_avatar: Avatar) -> None:
    far = ~person(ada_avatar)
    plate = np.kron(np.indices((32, 32)).sum(0) % 2, np.ones((32, 32))) * 60 + 80
    chequered = dataclasses.replace(ada_avatar, background=np.dstack([plate] * 3).astype(np.uint8))
    sharp, blurred = (drawn(chequered, background)[far] for background in (KEEP, Background("blur")))
    assert sharp.std() > 25 and blurred.std() < 12
    # light adds up, not code values: the middle between the squares is brighter than their mean
    middle = ((80**2.2 + 140**2.2) / 2) ** (1 / 2.2)
    assert abs(float(blurred.mean()) - middle) < 3


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_picture_fills_the_frame(suffix: str, ada_avatar: Avatar) -> None:
    picture = np.full((300, 900, 3), (200, 40, 40), np.uint8)
    picture[:, :200] = picture[:, -200:] = (0, 0, 255)  # cut off: the frame is less wide
    frame = drawn(ada_avatar, Background("image", image=encoded(picture, suffix)))
    behind = frame[~person(ada_avatar)].astype(int)
    assert np.abs(behind - (200, 40, 40)).max() < 12


@pytest.mark.parametrize("image", [b"", b"GIF89a" + b"\0" * 50, b"\x89PNG\r\n\x1a\n" + b"\0" * 50])
def test_a_broken_picture_is_an_error(image: bytes, ada_avatar: Avatar) -> None:
    with pytest.raises(VisavisError) as refusal:
        Renderer(ada_avatar, 128, 128, background=Background("image", image=image))
    assert refusal.value.code == "background_unreadable"


@pytest.mark.parametrize(("width_px", "height_px"), SIZES)
def test_a_transparent_frame_over_a_colour_is_the_frame_with_that_colour(
    width_px: int, height_px: int, ada_avatar: Avatar
) -> None:
    alone = Renderer(ada_avatar, width_px, height_px, background=Background("transparent"))
    cut_out = np.zeros((height_px, width_px, 4), np.uint8)
    for state in (neutral(), SPEAKING):
        alone.render_bgra(state, cut_out)
        alpha = cut_out[..., 3:] / 255
        over_blue = cut_out[..., :3] * alpha + np.array([255, 0, 0]) * (1 - alpha)
        blue = Renderer(ada_avatar, width_px, height_px, background=parse_background("#0000ff")).render(state)
        assert np.abs(over_blue - blue).max() < 4


def test_without_a_transparent_background_a_frame_is_opaque(ada_avatar: Avatar) -> None:
    renderer = Renderer(ada_avatar, 128, 128)
    frame = np.zeros((128, 128, 4), np.uint8)
    renderer.render_bgra(SPEAKING, frame)
    assert (frame[..., 3] == 255).all()
    assert np.array_equal(frame[..., :3], renderer.render(SPEAKING))
