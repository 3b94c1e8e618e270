"""What is behind a face: the photo's own background, that blurred, a colour, a picture, or nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from visavis.errors import VisavisError

MAX_IMAGE_BYTES: Final = 8 * 1024 * 1024
MAX_IMAGE_PIXELS: Final = 40_000_000
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")

Kind = Literal["keep", "blur", "colour", "image", "transparent"]


@dataclass(frozen=True, slots=True)
class Background:
    """A choice of background; :data:`KEEP` is the photo's own."""

    kind: Kind = "keep"
    bgr: tuple[int, int, int] = (0, 0, 0)
    """Of the kind ``colour``."""
    image: bytes = field(default=b"", repr=False)
    """Of the kind ``image``: a JPEG, PNG or WebP file."""

    @property
    def is_transparent(self) -> bool:
        """Frames have an alpha."""
        return self.kind == "transparent"


KEEP: Final = Background()


def parse_background(text: str) -> Background:
    """``keep``, ``blur``, ``transparent`` or a colour such as ``#00ff00``.

    Raises:
        VisavisError: ``background_unknown``.
    """
    match text.strip().lower():
        case "keep" | "blur" | "transparent" as kind:
            return Background(kind)
        case colour if _COLOUR.fullmatch(colour):
            red, green, blue = bytes.fromhex(colour[1:])
            return Background("colour", (blue, green, red))
    raise VisavisError(
        "background_unknown",
        f"{text[:80]!r} is no background.",
        "Give keep, blur, transparent, a colour such as #00ff00, or in a command a picture file.",
    )


def read_image(file: bytes) -> NDArray[np.uint8]:
    """A background's picture, upright: ``uint8 [height, width, 3] BGR``.

    Raises:
        VisavisError: ``background_unreadable``, ``background_too_large``.
    """
    if len(file) > MAX_IMAGE_BYTES:
        raise _too_large(f"The background has {len(file) / 1e6:.0f} MB", f"{MAX_IMAGE_BYTES / 1e6:.0f} MB")
    try:
        with Image.open(BytesIO(file), formats=("JPEG", "PNG", "WEBP")) as image:
            width, height = image.size
            if width * height <= MAX_IMAGE_PIXELS:
                rgb = ImageOps.exif_transpose(image).convert("RGB")
                return np.ascontiguousarray(np.asarray(rgb)[..., ::-1])
    except Exception as error:  # decoders raise whatever a broken file provokes
        raise VisavisError(
            "background_unreadable", "The background is not a picture that can be read.", "Give a JPEG, PNG or WebP."
        ) from error
    raise _too_large(f"The background has {width} x {height} pixels", f"{MAX_IMAGE_PIXELS / 1e6:.0f} megapixels")


def background_option(text: str) -> Background:
    """What a command's option says: as :func:`parse_background`, or a picture file.

    Raises:
        VisavisError: ``background_unknown``, ``background_too_large``.
    """
    path = Path(text)
    try:
        image = path.read_bytes()
    except (OSError, ValueError):
        return parse_background(text)
    if len(image) > MAX_IMAGE_BYTES:
        raise _too_large(f"{path.name} has {len(image) / 1e6:.0f} MB", f"{MAX_IMAGE_BYTES / 1e6:.0f} MB")
    return Background("image", image=image)


def _too_large(what: str, limit: str) -> VisavisError:
    return VisavisError(
        "background_too_large", f"{what}; the limit is {limit}.", "A picture as large as the frame is enough."
    )
