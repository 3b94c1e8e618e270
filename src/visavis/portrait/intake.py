"""A stranger's file becomes an upright sRGB picture, or a refusal that says why."""

from __future__ import annotations

import io
import logging
import warnings
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from visavis.errors import PortraitRefused

logger = logging.getLogger(__name__)

MAX_PHOTO_BYTES: Final = 40 * 1024 * 1024
MAX_PHOTO_PIXELS: Final = 60_000_000
"""A 48-megapixel phone photo passes; anything beyond is refused by its header, before a pixel is decoded."""
WORKING_SIDE_PX: Final = 2400
"""Photos larger than this are reduced: the texture is 1024 px."""
_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
"""Picture formats only: some of Pillow's others run foreign programs."""
_TRANSPARENT_BACKDROP: Final = (200, 200, 200)


def decode_photo(photo: bytes) -> NDArray[np.uint8]:
    """Decode a photo to ``uint8 [height, width, 3] BGR``, upright, in sRGB, transparency on light grey.

    Raises:
        PortraitRefused: ``photo_unreadable``, ``photo_too_large``.
    """
    if not photo:
        raise PortraitRefused("photo_unreadable", "The photo is empty (0 bytes).", "Send a JPEG, PNG or WebP file.")
    if len(photo) > MAX_PHOTO_BYTES:
        raise PortraitRefused(
            "photo_too_large",
            f"The photo has {len(photo) / 1e6:.0f} MB; the limit is {MAX_PHOTO_BYTES / 1e6:.0f} MB.",
            "Send a smaller file; 1024 pixels across the face are plenty.",
            measured=len(photo),
            limit=MAX_PHOTO_BYTES,
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(photo), formats=_FORMATS)
            if image.width * image.height > MAX_PHOTO_PIXELS:
                raise _too_many_pixels(image.width, image.height)
            # JPEG can be decoded at a fraction of its size, which is all that is needed
            image.draft("RGB", (WORKING_SIDE_PX, WORKING_SIDE_PX))
            image.load()
            upright = ImageOps.exif_transpose(image)
            rgb = _to_srgb(upright)
    except PortraitRefused:
        raise
    except UnidentifiedImageError as error:
        raise PortraitRefused(
            "photo_unreadable",
            "The file is not a picture that can be read.",
            "Send a JPEG, PNG or WebP photo of a face.",
        ) from error
    except Image.DecompressionBombError as error:
        raise PortraitRefused(
            "photo_too_large", "The photo has far too many pixels.", "Send a photo of at most 60 megapixels."
        ) from error
    except Exception as error:  # decoders raise whatever a broken file provokes
        logger.info("photo could not be decoded", extra={"error": repr(error)})
        raise PortraitRefused(
            "photo_unreadable",
            f"The photo is damaged or incomplete ({type(error).__name__}).",
            "Open it in an image program, save it again as JPEG or PNG, and send that.",
        ) from error
    bgr = np.ascontiguousarray(np.asarray(rgb)[..., ::-1])
    side = max(bgr.shape[:2])
    if side > WORKING_SIDE_PX:
        size = (round(bgr.shape[1] * WORKING_SIDE_PX / side), round(bgr.shape[0] * WORKING_SIDE_PX / side))
        bgr = np.asarray(cv2.resize(bgr, (max(1, size[0]), max(1, size[1])), interpolation=cv2.INTER_AREA), np.uint8)
    return bgr


def _too_many_pixels(width: int, height: int) -> PortraitRefused:
    return PortraitRefused(
        "photo_too_large",
        f"The photo is {width} x {height} pixels; the limit is {MAX_PHOTO_PIXELS / 1e6:.0f} megapixels.",
        "Send a smaller version; 1024 pixels across the face are plenty.",
        measured=width * height,
        limit=MAX_PHOTO_PIXELS,
    )


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I") or image.mode == "F":  # 16-bit grey: Pillow's own conversion clips at 255
        values = np.asarray(image, np.float64)
        scale = 257.0 if values.max(initial=0) > 255 else 1.0
        image = Image.fromarray(np.clip(values / scale, 0, 255).astype(np.uint8))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        backdrop = Image.new("RGBA", image.size, (*_TRANSPARENT_BACKDROP, 255))
        image = Image.alpha_composite(backdrop, image).convert("RGB")
    if profile and image.mode in ("RGB", "CMYK", "L"):
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            logger.info("colour profile ignored")
    return image.convert("RGB")
