"""The picture behind the person, made once for each size: nothing of it is computed per frame."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import TEXTURE_SCALE
from visavis.background import Background, read_image
from visavis.render.scene import Scene
from visavis.render.view import View

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

_LENS_RADIUS: Final = 0.032
"""Of the blurred background's circle of confusion, in frame heights: a portrait lens, a few metres of depth."""
_LENS_WORKING_PX: Final = 7.0
"""The blur is computed at the size at which its radius is this: nothing finer is left in it."""
_GAMMA: Final = 2.2
"""Light adds up, code values do not: highlights become discs."""
_LIGHT: Final = ((np.arange(256) / 255) ** _GAMMA).astype(np.float32)
_HAZE: Final = (0.22, 0.88)
"""Alpha that becomes nothing, and alpha that becomes solid, before another background."""
_PERSON_SPREAD: Final = 0.012
"""In frame heights: next to the person the plate still holds some of the person's edge."""


def backdrop(scene: Scene, view: View, background: Background) -> U8:
    """``uint8 [height, width, 3] BGR``; black where the background is transparent.

    Raises:
        VisavisError: ``background_unreadable``, ``background_too_large``.
    """
    match background.kind:
        case "keep":
            return _plate(scene, view)
        case "blur":
            return _blurred(_plate(scene, view), _cover(scene, view))
        case "colour":
            return np.full((view.height_px, view.width_px, 3), background.bgr, np.uint8)
        case "image":
            return _filling(read_image(background.image), view.width_px, view.height_px)
        case "transparent":
            return np.zeros((view.height_px, view.width_px, 3), np.uint8)


def tighten(texture: U8) -> None:
    """Make the person's faint edges (BGRA, in place) fit for another background than the photo's.

    Before the photo's own, what the matte half takes for the person composes to the photo; before another it is a haze.
    """
    share = (np.arange(256) / 255 - _HAZE[0]) / (_HAZE[1] - _HAZE[0])
    texture[..., 3] = cv2.LUT(
        np.ascontiguousarray(texture[..., 3]), np.clip(share * 255 + 0.5, 0, 255).astype(np.uint8)
    )


def _plate(scene: Scene, view: View) -> U8:
    if view.is_inside and view.width_px == view.height_px:
        k = view.scale / TEXTURE_SCALE
        size = (view.width_px, view.height_px)
        return np.asarray(
            cv2.resize(scene.plate, size, interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_CUBIC), np.uint8
        )
    return _seen(scene, scene.plate, view)


def _cover(scene: Scene, view: View) -> U8:
    """Alpha of the person at rest, as the frame shows it."""
    return _seen(scene, np.ascontiguousarray(scene.texture[..., 3]), view)


def _seen(scene: Scene, layer: U8, view: View) -> U8:
    """A layer of the texture's resolution in the frame."""
    k = view.scale / TEXTURE_SCALE
    if k < 0.5:  # an area filter first: bilinear sampling reaches over two texels only
        shrink = int(1 / k)
        size = (layer.shape[1] // shrink, layer.shape[0] // shrink)
        layer = np.asarray(
            cv2.resize(layer[: size[1] * shrink, : size[0] * shrink], size, interpolation=cv2.INTER_AREA), np.uint8
        )
    else:
        shrink = 1
    if k * shrink < 1:
        layer = np.asarray(cv2.GaussianBlur(layer, (0, 0), 0.3 / (k * shrink)), np.uint8)
    # centre of texel t: canvas = (t - left + 0.5) / TEXTURE_SCALE - 0.5; frame = (canvas + 0.5) * scale - 0.5 + offset
    step = k * shrink
    start_x = (0.5 * shrink - scene.left_px) * k - 0.5 + view.offset_x_px
    start_y = 0.5 * shrink * k - 0.5 + view.offset_y_px
    matrix = np.array([[step, 0, start_x], [0, step, start_y]])
    flags = cv2.INTER_LINEAR if step <= 1 else cv2.INTER_CUBIC
    size = (view.width_px, view.height_px)
    return np.asarray(cv2.warpAffine(layer, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def _blurred(plate: U8, cover: U8) -> U8:
    """The plate out of focus: a disc as a lens draws it, in linear light, over what is surely background.

    Where the person is, and next to it, the background around goes on: no colour of the person gets into the blur.
    """
    height, width = plate.shape[:2]
    radius = _LENS_RADIUS * height
    shrink = max(1.0, radius / _LENS_WORKING_PX)
    size = (max(8, round(width / shrink)), max(8, round(height / shrink)))
    light = cv2.resize(cv2.LUT(plate, _LIGHT), size, interpolation=cv2.INTER_AREA)
    spread = 2 * round(_PERSON_SPREAD * height / shrink) + 1
    near = cv2.dilate(cv2.resize(cover, size, interpolation=cv2.INTER_AREA), np.ones((spread, spread)))
    filled = _gone_on(np.asarray(light, np.float32), (near < _HAZE[0] * 255).astype(np.float32))
    blurred = cv2.filter2D(filled, -1, _disc(radius / shrink), borderType=cv2.BORDER_REFLECT_101)
    coded = np.clip(blurred, 0, 1) ** (1 / _GAMMA) * 255
    whole = np.asarray(cv2.resize(coded, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    # a wide gradient in 8 bits shows steps: a level of noise dissolves them
    whole += np.random.default_rng(0).random((height, width, 1), np.float32)
    return np.asarray(np.clip(whole, 0, 255), np.uint8)


def _gone_on(light: F32, sure: F32) -> F32:
    """``light [h, w, 3]`` where ``sure`` is 1, elsewhere averages of what is sure around: from ever coarser ones."""
    height, width = sure.shape
    if min(height, width) <= 2:
        return np.asarray((light * sure[..., None]).sum(axis=(0, 1)) / max(float(sure.sum()), 1e-3) + 0 * light)
    half = ((width + 1) // 2, (height + 1) // 2)
    weight = cv2.resize(sure, half, interpolation=cv2.INTER_AREA)
    sums = cv2.resize(light * sure[..., None], half, interpolation=cv2.INTER_AREA)
    means = np.asarray(sums / np.maximum(weight, 1e-3)[..., None], np.float32)
    coarse = _gone_on(means, np.minimum(1, 2 * np.asarray(weight, np.float32)))
    around = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(around + sure[..., None] * (light - around), np.float32)


def _disc(radius: float) -> F32:
    """An antialiased disc that sums to 1."""
    reach = int(np.ceil(radius))
    distance = np.hypot(*np.mgrid[-reach : reach + 1, -reach : reach + 1])
    disc = np.clip(radius + 0.5 - distance, 0, 1)
    return np.asarray(disc / disc.sum(), np.float32)


def _filling(picture: U8, width_px: int, height_px: int) -> U8:
    """The middle of the picture, as large as fills the frame."""
    height, width = picture.shape[:2]
    scale = max(width_px / width, height_px / height)
    shown_x, shown_y = min(width, max(1, round(width_px / scale))), min(height, max(1, round(height_px / scale)))
    x, y = (width - shown_x) // 2, (height - shown_y) // 2
    part = picture[y : y + shown_y, x : x + shown_x]
    return np.asarray(
        cv2.resize(part, (width_px, height_px), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC),
        np.uint8,
    )
