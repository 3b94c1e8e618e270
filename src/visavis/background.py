"""What is behind a face: the photo's own background, that blurred, a colour, a picture, or nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from visavis.errors import VisavisError

MAX_IMAGE_BYTES: Final = 8 * 1024 * 1024
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
        raise VisavisError(
            "background_too_large",
            f"{path.name} has {len(image) / 1e6:.0f} MB; the limit is {MAX_IMAGE_BYTES / 1e6:.0f} MB.",
            "A picture as large as the frame is enough.",
        )
    return Background("image", image=image)
