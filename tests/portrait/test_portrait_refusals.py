"""Which faces are refused, and what is said about faces that are taken all the same."""

import io
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from support import disguises
from visavis.avatar import CANVAS_PX, Avatar
from visavis.errors import PortraitRefused
from visavis.face import face_state
from visavis.portrait.build import build_avatar
from visavis.portrait.face_mesh import FaceMesh
from visavis.portrait.gate import check_look
from visavis.portrait.inspection import inspect
from visavis.render import Renderer


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


DISGUISED = ["ada", "mabel", "smile-flowers", "astronaut"]


def codes(avatar: Avatar) -> set[str]:
    return {finding.code for finding in avatar.info.findings}


def limits_hold(error: PortraitRefused) -> bool:
    """Measured value and limit are named, and told apart by their numbers in the message."""
    return error.measured is not None and error.limit is not None and any(c.isdigit() for c in error.message)


@pytest.mark.parametrize("cover", [disguises.with_mask])
@pytest.mark.parametrize("name", DISGUISED)
def test_a_covered_mouth_is_refused(
    name: str, cover: Callable[[disguises.Picture], disguises.Picture], portrait_photo: Callable[[str], bytes]
) -> None:
    error = refusal(disguises.png(cover(disguises.decoded(portrait_photo(name)))))
    assert error.code in ("mouth_covered", "no_face")
    assert error.code == "no_face" or limits_hold(error)


@pytest.mark.parametrize(("opening", "said"), [((0.05, 0.06), "Both eyes are"), ((0.30, 0.07), "One eye is")])
def test_closed_eyes_are_refused_unless_dark_glasses_hide_them(
    opening: tuple[float, float], said: str, portrait_photo: Callable[[str], bytes]
) -> None:
    picture = disguises.decoded(portrait_photo("mabel"))
    seen = inspect(picture, FaceMesh().faces(np.ascontiguousarray(picture[..., ::-1]))[0])
    assert min(seen.eye_opening) > 0.2
    check_look(seen)
    with pytest.raises(PortraitRefused, match=said) as caught:
        check_look(replace(seen, eye_opening=opening))
    assert caught.value.code == "eyes_closed" and limits_hold(caught.value)
    check_look(replace(seen, eye_opening=opening, dark_lenses=0.8))


def test_a_face_in_the_dark_is_refused(portrait_photo: Callable[[str], bytes]) -> None:
    error = refusal(disguises.png(disguises.exposed(disguises.decoded(portrait_photo("mabel")), -7)))
    assert error.code in ("face_dark", "no_face")


def test_a_face_without_focus_is_refused(portrait_photo: Callable[[str], bytes]) -> None:
    error = refusal(disguises.png(disguises.blurred(disguises.decoded(portrait_photo("mabel")), 6.0)))
    assert error.code == "face_blurred" and limits_hold(error)


@pytest.mark.parametrize("name", ["ada", "mabel"])
def test_sunglasses_are_taken_and_stay_still(name: str, portrait_photo: Callable[[str], bytes]) -> None:
    avatar = build_avatar(disguises.png(disguises.with_sunglasses(disguises.decoded(portrait_photo(name)))))
    assert "sunglasses" in codes(avatar)
    renderer = Renderer(avatar, CANVAS_PX, CANVAS_PX)
    rest = renderer.render(face_state({})).copy()
    blinking = renderer.render(face_state({"eyeBlinkLeft": 1, "eyeBlinkRight": 1, "eyeLookOutLeft": 1}))
    assert np.abs(blinking.astype(int) - rest).max() <= 2


@pytest.mark.parametrize("name", DISGUISED)
def test_glasses_are_noticed(name: str, portrait_photo: Callable[[str], bytes]) -> None:
    worn = build_avatar(disguises.png(disguises.with_spectacles(disguises.decoded(portrait_photo(name)))))
    assert "glasses" in codes(worn)


@pytest.mark.parametrize("name", [*DISGUISED, "ines"])
def test_bare_faces_wear_no_glasses(name: str, built: Callable[[str], Avatar]) -> None:
    assert not {"glasses", "sunglasses"} & codes(built(name))


def test_rims_do_not_bend(portrait_photo: Callable[[str], bytes]) -> None:
    worn = disguises.with_spectacles(disguises.decoded(portrait_photo("mabel")), colour=(0, 0, 255))
    renderer = Renderer(build_avatar(disguises.png(worn)), CANVAS_PX, CANVAS_PX)

    def rims(controls: dict[str, float]) -> np.ndarray:
        frame = renderer.render(face_state(controls)).astype(int)
        return (frame[..., 2] > 150) & (frame[..., 1] < 90)

    rest = rims({})
    for controls in (
        {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
        {"browInnerUp": 1.0, "browOuterUpLeft": 1.0, "browOuterUpRight": 1.0},
        {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
    ):
        assert (rims(controls) != rest).sum() < 0.15 * rest.sum(), controls


def test_better_photos_score_higher(built: Callable[[str], Avatar], portrait_photo: Callable[[str], bytes]) -> None:
    plain = disguises.decoded(portrait_photo("mabel"))
    soft = build_avatar(disguises.png(disguises.blurred(plain, 1.5)))
    assert 0 <= soft.info.quality < built("mabel").info.quality <= 100
    assert "blurred_face" in codes(soft)
    assert built("astronaut").info.quality < built("mabel").info.quality
