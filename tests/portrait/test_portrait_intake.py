"""What becomes of the files people send as photos."""

import io
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from visavis.errors import PortraitRefused
from visavis.portrait.intake import MAX_PHOTO_PIXELS, WORKING_SIDE_PX, decode_photo

ORIENTATION_TAG = 0x0112
ROTATE_270 = 8


@pytest.fixture
def picture() -> Image.Image:
    """A smooth picture without symmetry, 60 x 40."""
    y, x = np.mgrid[:40, :60]
    return Image.fromarray(np.dstack([x * 4, y * 6, (x + y) * 2 + 20]).astype(np.uint8))


def encoded(image: Image.Image, format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def difference(photo: bytes, expected: Image.Image) -> float:
    want = np.asarray(expected.convert("RGB"), float)[..., ::-1]
    return float(np.abs(decode_photo(photo) - want).mean())


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data = b"IDAT" + zlib.compress(b"\0" * 1000)
    return start + struct.pack(">I", len(data) - 4) + data + struct.pack(">I", zlib.crc32(data))


@pytest.mark.parametrize("content", [b"", b"Dear Sir or Madam,\n" * 50, b"\xff\xd8\xff", b"%!PS-Adobe-3.0 EPSF-3.0\n"])
def test_what_is_no_picture_is_refused(content: bytes) -> None:
    with pytest.raises(PortraitRefused) as refusal:
        decode_photo(content)
    assert refusal.value.code == "photo_unreadable"
    assert refusal.value.hint


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_truncated_picture_is_refused(format: str, portrait_photo: Callable[[str], bytes]) -> None:
    whole = encoded(Image.open(io.BytesIO(portrait_photo("ada"))).convert("RGB"), format)
    with pytest.raises(PortraitRefused) as refusal:
        decode_photo(whole[: len(whole) // 2])
    assert refusal.value.code == "photo_unreadable"


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (1_000_000, 1), (2**31 - 1, 2**31 - 1)])
def test_a_huge_picture_is_refused_by_its_header(width: int, height: int) -> None:
    with pytest.raises(PortraitRefused) as refusal:
        decode_photo(png_header(width, height))
    assert refusal.value.code in {"photo_too_large", "photo_unreadable"}
    if width * height > MAX_PHOTO_PIXELS:
        assert refusal.value.code == "photo_too_large"


def test_too_many_bytes_are_refused_unread() -> None:
    with pytest.raises(PortraitRefused) as refusal:
        decode_photo(b"\xff" * (41 * 1024 * 1024))
    assert refusal.value.code == "photo_too_large"


def test_cmyk_is_read(picture: Image.Image) -> None:
    assert difference(encoded(picture.convert("CMYK"), "JPEG", quality=98), picture) < 6


def test_sixteen_bits_are_read(picture: Image.Image) -> None:
    deep = np.asarray(picture, np.uint16)[..., ::-1] * 257
    assert difference(cv2.imencode(".png", deep)[1].tobytes(), picture) < 1


def test_sixteen_bit_grey_is_read(picture: Image.Image) -> None:
    grey = picture.convert("L")
    deep = np.asarray(grey, np.uint16) * 257
    assert difference(cv2.imencode(".png", deep)[1].tobytes(), grey) < 1


def test_an_exif_rotation_is_applied(picture: Image.Image) -> None:
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = ROTATE_270
    rotated = encoded(picture.transpose(Image.Transpose.ROTATE_270), "JPEG", quality=98, exif=exif)
    assert difference(rotated, picture) < 3


def test_transparency_becomes_neutral_grey(picture: Image.Image) -> None:
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(0, (0, 0, 30, 40))
    picture.putalpha(alpha)
    decoded = decode_photo(encoded(picture, "PNG"))
    assert np.ptp(decoded[:, :30]) == 0
    assert np.ptp(decoded[0, 0]) == 0
    assert np.ptp(decoded[:, 31:]) > 100


def test_a_palette_with_a_transparent_entry_is_read(picture: Image.Image) -> None:
    palette = picture.quantize(32)
    assert decode_photo(encoded(palette, "PNG", transparency=0)).shape == (40, 60, 3)


def test_of_an_animation_the_first_picture_is_taken(picture: Image.Image) -> None:
    animation = encoded(picture, "GIF", save_all=True, append_images=[Image.new("RGB", picture.size, "red")])
    assert difference(animation, picture) < 20


def test_a_broken_colour_profile_is_ignored(picture: Image.Image) -> None:
    assert difference(encoded(picture, "PNG", icc_profile=b"no profile at all"), picture) == 0


def test_one_pixel_is_a_picture() -> None:
    assert decode_photo(encoded(Image.new("1", (1, 1), 1), "PNG")).tolist() == [[[255, 255, 255]]]


def test_a_large_photo_is_reduced_to_the_working_size() -> None:
    wide: NDArray[np.uint8] = np.zeros((1000, 5000, 3), np.uint8)
    assert decode_photo(encoded(Image.fromarray(wide), "JPEG")).shape == (480, WORKING_SIDE_PX, 3)
