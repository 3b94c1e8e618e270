"""Which faces are refused, and what is said about faces that are taken all the same."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw

from visavis.avatar import Avatar
from visavis.errors import PortraitRefused
from visavis.portrait.build import build_avatar


def opened(photo: bytes) -> Image.Image:
    return Image.open(io.BytesIO(photo)).convert("RGB")


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def refusal(photo: bytes) -> PortraitRefused:
    with pytest.raises(PortraitRefused) as caught:
        build_avatar(photo)
    assert caught.value.message and caught.value.hint
    return caught.value


def test_a_profile_is_refused_with_its_angle(portrait_photo: Callable[[str], bytes]) -> None:
    error = refusal(portrait_photo("profile-refuse"))
    assert error.code == "face_turned"
    assert error.measured is not None and error.limit is not None and error.measured > error.limit


def test_a_picture_without_a_face_is_refused() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (600, 400, 3), dtype=np.uint8)
    assert refusal(png(Image.fromarray(noise))).code == "no_face"


def test_a_crude_cartoon_is_refused_as_no_face() -> None:
    cartoon = Image.new("RGB", (500, 500), "white")
    draw = ImageDraw.Draw(cartoon)
    draw.ellipse((100, 100, 400, 400), "yellow", "black", 4)
    draw.rectangle((180, 200, 200, 220), "black")
    draw.rectangle((300, 200, 320, 220), "black")
    assert refusal(png(cartoon)).code == "no_face"


def test_a_face_under_100_pixels_is_refused_with_its_size(portrait_photo: Callable[[str], bytes]) -> None:
    small = opened(portrait_photo("ada")).resize((200, 200))
    error = refusal(png(small))
    assert error.code == "face_too_small"
    assert error.limit == 100
    assert error.measured is not None and 70 < error.measured < 100


def test_a_face_cut_by_the_border_is_refused(portrait_photo: Callable[[str], bytes]) -> None:
    # the chin ends at 250 of 400 rows
    assert refusal(png(opened(portrait_photo("ada")).crop((0, 0, 400, 225)))).code == "face_cut_off"


def test_of_several_faces_the_largest_is_taken_and_said(portrait_photo: Callable[[str], bytes]) -> None:
    ada, mabel = opened(portrait_photo("ada")), opened(portrait_photo("mabel"))
    pair = Image.new("RGB", (750, 400), "white")
    pair.paste(ada, (0, 0))
    pair.paste(mabel.resize((280, 280)), (440, 60))
    avatar = build_avatar(png(pair))
    assert "several_faces" in {finding.code for finding in avatar.info.findings}
    alone = build_avatar(png(ada))
    assert avatar.info.face_height_px == pytest.approx(alone.info.face_height_px, rel=0.05)


def test_a_small_face_is_taken_with_a_warning(built: Callable[[str], Avatar]) -> None:
    info = built("astronaut").info
    assert 100 <= info.face_height_px < 200
    assert "small_face" in {finding.code for finding in info.findings}


def test_an_unexpected_failure_is_a_refusal_too(
    portrait_photo: Callable[[str], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise np.linalg.LinAlgError("singular")

    monkeypatch.setattr("visavis.portrait.build.build_bases", fail)
    assert refusal(portrait_photo("ada")).code == "portrait_failed"
