"""Photos as cameras and programs write them become avatars that look like them."""

import io
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from visavis.avatar import TEXTURE_PX, Avatar
from visavis.portrait.build import build_avatar
from visavis.portrait.face_mesh import FaceMesh
from visavis.portrait.framing import frame_photo
from visavis.portrait.intake import decode_photo

ORIENTATION_TAG = 0x0112
ROTATE_270 = 8


def _encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def _as_cmyk(photo: Image.Image) -> bytes:
    return _encoded(photo.convert("CMYK"), "JPEG", quality=95)


def _as_sixteen_bits(photo: Image.Image) -> bytes:
    return cv2.imencode(".png", np.asarray(photo, np.uint16)[..., ::-1] * 257)[1].tobytes()


def _as_lying_on_its_side(photo: Image.Image) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = ROTATE_270
    return _encoded(photo.transpose(Image.Transpose.ROTATE_270), "JPEG", quality=95, exif=exif)


def _as_transparent(photo: Image.Image) -> bytes:
    """The upper corners are cut out."""
    cut = photo.convert("RGBA")
    cut.paste((0, 0, 0, 0), (0, 0, 40, 120))
    cut.paste((0, 0, 0, 0), (photo.width - 40, 0, photo.width, 120))
    return _encoded(cut, "PNG")


def _as_greyscale(photo: Image.Image) -> bytes:
    return _encoded(photo.convert("L"), "PNG")


@pytest.mark.parametrize("encode", [_as_cmyk, _as_sixteen_bits, _as_lying_on_its_side, _as_transparent, _as_greyscale])
def test_the_same_face_is_built_from_any_encoding(
    encode: Callable[[Image.Image], bytes],
    portrait_photo: Callable[[str], bytes],
    built: Callable[[str], Avatar],
) -> None:
    plain = built("ada")
    other = build_avatar(encode(Image.open(io.BytesIO(portrait_photo("ada"))).convert("RGB")))
    assert other.info.face_height_px == pytest.approx(plain.info.face_height_px, rel=0.03)
    assert other.info.yaw_deg == pytest.approx(plain.info.yaw_deg, abs=2.5)
    assert np.abs(other.head.origin_px[:2] - plain.head.origin_px[:2]).max() < 8


def test_a_cartoon_that_the_detector_takes_works(portrait_photo: Callable[[str], bytes]) -> None:
    photo = cv2.imdecode(np.frombuffer(portrait_photo("ada"), np.uint8), cv2.IMREAD_COLOR)
    cartoon = cv2.stylization(photo, sigma_s=60, sigma_r=0.6)
    avatar = build_avatar(cv2.imencode(".png", cartoon)[1].tobytes())
    assert avatar.info.face_height_px > 100


def test_the_same_photo_gives_the_same_file(portrait_photo: Callable[[str], bytes]) -> None:
    assert build_avatar(portrait_photo("ines")).to_bytes() == build_avatar(portrait_photo("ines")).to_bytes()


def test_progress_names_steps_and_only_grows(portrait_photo: Callable[[str], bytes]) -> None:
    told: list[tuple[str, float]] = []
    build_avatar(portrait_photo("ada"), on_progress=lambda step, share: told.append((step, share)))
    shares = [share for _, share in told]
    assert shares == sorted(shares) and shares[0] == 0 and shares[-1] == 1
    assert len({step for step, _ in told}) == len(told) >= 6


@pytest.mark.parametrize("name", ["ada", "ines", "smile-flowers", "mabel", "astronaut"])
def test_every_part_is_finite_and_in_place(name: str, built: Callable[[str], Avatar]) -> None:
    avatar = built(name)
    for array in (avatar.vertices, avatar.bases, avatar.base_gains, avatar.light, avatar.lips.skin_weights):
        assert np.isfinite(array).all()
    coords = avatar.texture_coords[avatar.triangles]
    assert coords.min() > -TEXTURE_PX * 0.2 and coords.max() < TEXTURE_PX * 1.2
    assert avatar.head_weight.min() >= 0 and avatar.head_weight.max() <= 1
    assert 0.3 < avatar.texture[..., 3].mean() / 255 < 0.98


@pytest.mark.parametrize("name", ["ada", "mabel", "astronaut"])
def test_the_frame_stays_inside_the_photo_where_it_can(name: str, portrait_photo: Callable[[str], bytes]) -> None:
    picture = decode_photo(portrait_photo(name))
    framing = frame_photo(picture, FaceMesh().faces(np.ascontiguousarray(picture[..., ::-1]))[0])
    assert framing.extended_share == 0


def test_where_the_photo_must_be_extended_it_shows_no_streaks(portrait_photo: Callable[[str], bytes]) -> None:
    # streaks are repeated border pixels: rows (or columns) that equal their neighbours to the frame's edge
    photo = cv2.imdecode(np.frombuffer(portrait_photo("mabel"), np.uint8), cv2.IMREAD_COLOR)
    faces = FaceMesh().faces(np.ascontiguousarray(photo[..., ::-1]))
    x0, y0, x1, y1 = np.clip(faces[0].box, 0, photo.shape[0]).astype(int)
    tight = np.ascontiguousarray(photo[y0 : y1 + 4, max(0, x0 - 4) : x1 + 4])
    framing = frame_photo(tight, FaceMesh().faces(np.ascontiguousarray(tight[..., ::-1]))[0])
    assert framing.extended_share > 0
    x, y = (int(round(-start * TEXTURE_PX / framing.side_px)) for start in framing.origin_px)
    outside_x, outside_y = max(x, 0), max(y, 0)
    strip = framing.picture[:, : outside_x // 2] if outside_x > outside_y else framing.picture[: outside_y // 2]
    change = np.abs(np.diff(strip.astype(float), axis=1 if outside_x > outside_y else 0)).mean()
    assert change > 0.02
