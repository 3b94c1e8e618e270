"""Person and background: a soft matte, the foreground's own colours, and a completed background plate.

A picture is ``I = a F + (1 - a) B``. The mask model gives a rough ``a``, a guided filter (He, Sun, Tang 2013) draws it
along the picture's edges. Single hairs are finer than either: around the head, F and B are continued from where they
are certain, and ``a`` is where the pixel's colour lies between them. The plate gives ``B``, and ``F`` is solved for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import TEXTURE_SCALE
from visavis.portrait.geometry import HeadGeometry, smoothstep
from visavis.portrait.topology import OVAL

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

_BARELY_PERSON: Final = 0.03
_PLATE_BAND_PX: Final = 26
"""Half-resolution pixels that a moving head can uncover: filled along isophotes, smoothly beyond."""
_CORE_MM: Final = 2.5
"""This far inside the rough edge everything is person."""
_WISPS_REACH_MM: Final = (20.0, 9.0)
"""How far single hairs stand out from the rough edge: around the head, and below the chin."""
_WISP_MM: Final = 4.5
"""Hairs before a background with shapes of its own are thinner than this; what is broader is background."""
_SIGN_OF_HAIR: Final = (0.04, 0.16)
"""Alpha at which something may be a hair .. is one, where there is hair around it:"""
_AMONG_HAIR: Final = (0.06, 0.25)
"""mean alpha within :data:`_AROUND_MM`. What stands alone may as well be a line of the background."""
_AROUND_MM: Final = 2.0
_JAW_MM: Final = 8.0
"""Around the jaw's line there are no hairs: skin that the light thins out must not become transparent."""
_PLAIN: Final = (4.0, 12.0)
"""Grey levels that a background varies by: plain enough to tell hairs by colour alone .. to tell nothing."""
_JAW_LINE: Final = OVAL[OVAL.index(454) : OVAL.index(234) + 1]


@dataclass(frozen=True, slots=True)
class Layers:
    """The picture taken apart; texture resolution."""

    alpha: F32
    foreground: F32
    """``float32 [h, w, 3] BGR`` 0..255, continued past the silhouette."""
    background: F32


def separate(picture: U8, mask: F32, head: HeadGeometry) -> Layers:
    """Take the framed picture (``uint8 [h, w, 3] BGR``) apart with a person mask (``float32 [h, w]``)."""
    alpha = _with_wisps(picture, _refine(picture, mask), head)
    image = picture.astype(np.float32)
    untouched = (cv2.dilate(alpha, np.ones((7, 7))) < _BARELY_PERSON).astype(np.float32)
    plate = _complete(picture, untouched)
    keep = cv2.GaussianBlur(untouched, (0, 0), 1.2)[..., None] * untouched[..., None]
    background = image * keep + plate * (1 - keep)
    detail = image - cv2.GaussianBlur(image, (0, 0), 2)
    noise = min(float(detail[untouched > 0].std()) if untouched.any() else 1.0, 2.5)
    grain = np.random.default_rng(0).normal(0, noise, background.shape) * (1 - keep)
    background = np.clip(background + grain, 0, 255).astype(np.float32)

    alpha = _dense_enough(image, alpha, background, 2 * noise, _AROUND_MM * head.px_per_mm * TEXTURE_SCALE)
    certainly_person = (cv2.erode(alpha, np.ones((5, 5))) > 0.97).astype(np.float32)
    continued = push_pull(image, certainly_person, levels=6)
    share = alpha[..., None]
    solved = (image - (1 - share) * background) / np.maximum(share, 0.05)
    trust = smoothstep(0.02, 0.2, alpha)[..., None]
    foreground = np.clip(solved * trust + continued * (1 - trust), 0, 255).astype(np.float32)
    return Layers(alpha, foreground, background)


def _dense_enough(image: F32, alpha: F32, background: F32, noise: float, around_px: float) -> F32:
    """The matte, no thinner than its picture allows.

    ``F = (I - (1 - a) B) / a`` is a colour only where ``a >= |I - B| / B`` (darker than the plate) or
    ``|I - B| / (255 - B)`` (brighter): a dark hair before a white boat cannot be a fifth of a hair. Where there is
    hardly a sign of hair, what differs from the plate is background that the plate has guessed wrong.
    """
    room = np.where(image < background, background, 255 - background)
    least = (np.maximum(np.abs(image - background) - noise, 0) / np.maximum(room, 1)).max(axis=2)
    sign = smoothstep(*_SIGN_OF_HAIR, alpha)
    sign = sign * smoothstep(*_AMONG_HAIR, np.asarray(cv2.GaussianBlur(alpha, (0, 0), around_px)))
    return np.asarray(alpha + sign * np.maximum(least - alpha, 0), np.float32)


def push_pull(image: F32, weight: F32, levels: int = 9) -> F32:
    """Fill where ``weight`` is 0 from ever coarser averages (Gortler et al. 1996).

    ``image`` is ``float32 [h, w, channels]``, ``weight`` ``float32 [h, w]`` 0..1.
    """
    pyramid = [((image * weight[..., None]).astype(np.float32), weight.astype(np.float32))]
    while min(pyramid[-1][1].shape) > 2 and len(pyramid) < levels:
        colour, cover = pyramid[-1]
        pyramid.append((np.asarray(cv2.pyrDown(colour)), np.asarray(cv2.pyrDown(cover))))
    colour, cover = pyramid[-1]
    filled = np.asarray(colour / np.maximum(cover, 1e-6)[..., None], np.float32)
    for colour, cover in pyramid[-2::-1]:
        coarse = cv2.resize(filled, (cover.shape[1], cover.shape[0]), interpolation=cv2.INTER_CUBIC)
        share = np.clip(cover, 0, 1)[..., None]
        own = colour / np.maximum(cover, 1e-3)[..., None]
        filled = np.asarray(np.where(share > 1e-3, own * share + coarse * (1 - share), coarse), np.float32)
    return filled


def _refine(picture: U8, mask: F32) -> F32:
    soft = cv2.GaussianBlur(mask, (0, 0), 3)
    guide = picture.astype(np.float32) / 255
    hard = np.clip((soft - 0.5) * 2.5 + 0.5, 0, 1).astype(np.float32)
    alpha = cv2.ximgproc.guidedFilter(guide, hard, 10, 2e-4)
    alpha = 0.7 * alpha + 0.3 * cv2.ximgproc.guidedFilter(guide, alpha, 5, 1e-4)
    return np.asarray(np.clip((alpha - 0.26) / 0.56, 0, 1), np.float32)


def _with_wisps(picture: U8, rough: F32, head: HeadGeometry) -> F32:
    """The rough matte with single hairs, and without the background between them."""
    mm = head.px_per_mm * TEXTURE_SCALE
    size = (picture.shape[1], picture.shape[0])
    half = (size[0] // 2, size[1] // 2)
    person = (cv2.erode(rough, _disc(2 * _CORE_MM * mm)) > 0.95).astype(np.uint8)
    below_chin_mm = (np.arange(size[1])[:, None] - head.landmarks[152, 1]) / mm
    around, below = _WISPS_REACH_MM
    reach_mm = around + (below - around) * smoothstep(0, 40, below_chin_mm)
    from_person_mm = cv2.distanceTransform((rough < 0.3).astype(np.uint8), cv2.DIST_L2, 5) / mm
    elsewhere = from_person_mm > reach_mm

    small = cv2.resize(picture, half, interpolation=cv2.INTER_AREA).astype(np.float32)
    certain = [
        (cv2.resize(where.astype(np.float32), half, interpolation=cv2.INTER_AREA) > 0.99).astype(np.float32)
        for where in (person, elsewhere)
    ]
    unrest = np.abs(small - cv2.GaussianBlur(small, (0, 0), 3 * mm)).max(axis=2)
    inside = push_pull(small, certain[0])
    outside = push_pull(np.dstack([small, unrest]), certain[1])
    inside, outside = (
        np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_LINEAR), np.float32) for part in (inside, outside)
    )
    outside, unrest = outside[..., :3], outside[..., 3]

    image = picture.astype(np.float32)
    line = inside - outside
    length2 = np.maximum((line**2).sum(axis=2), 1.0)
    between = np.clip(((image - outside) * line).sum(axis=2) / length2, 0, 1)
    beside2 = ((image - outside - between[..., None] * line) ** 2).sum(axis=2)
    sure = length2 / (length2 + 27 * unrest**2 + 30) * np.exp(-beside2 / (2 * (0.35 * np.sqrt(length2) + 15) ** 2))
    by_colour = (between * sure).astype(np.float32)
    thin = by_colour - cv2.morphologyEx(by_colour, cv2.MORPH_OPEN, _disc(_WISP_MM * mm))
    plain = 1 - smoothstep(*_PLAIN, unrest)
    added = np.maximum(rough, thin)
    alpha = added + plain * sure * (by_colour - added)

    jaw = np.full(size[::-1], 255, np.uint8)
    cv2.polylines(jaw, [np.round(head.landmarks[list(_JAW_LINE), :2]).astype(np.int32)], False, 0, 1)
    away_from_jaw = smoothstep(0.5 * _JAW_MM, _JAW_MM, cv2.distanceTransform(jaw, cv2.DIST_L2, 5) / mm)
    alpha = rough + away_from_jaw * (alpha - rough)
    alpha = np.where(person > 0, 1, np.where(elsewhere, 0, alpha)).astype(np.float32)
    return _connected(alpha, person)


def _connected(alpha: F32, person: U8) -> F32:
    """Without what floats in the air."""
    _, label = cv2.connectedComponents((alpha > _BARELY_PERSON).astype(np.uint8))
    kept = np.isin(label, np.unique(label[person > 0]))
    return np.asarray(alpha * kept, np.float32)


def _disc(diameter_px: float) -> U8:
    side = int(diameter_px) | 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)


def _complete(picture: U8, valid: F32) -> F32:
    smooth = push_pull(picture.astype(np.float32), valid)
    half = (picture.shape[1] // 2, picture.shape[0] // 2)
    small = cv2.resize(picture, half, interpolation=cv2.INTER_AREA)
    hole = (cv2.resize(valid, half, interpolation=cv2.INTER_AREA) < 0.99).astype(np.uint8)
    depth = cv2.distanceTransform(hole, cv2.DIST_L2, 5)
    band = ((hole > 0) & (depth < _PLATE_BAND_PX)).astype(np.uint8)
    deep = (hole > 0) & (depth >= _PLATE_BAND_PX)
    small[deep] = cv2.resize(np.clip(smooth, 0, 255).astype(np.uint8), half)[deep]
    painted = cv2.inpaint(small, band, 7, cv2.INPAINT_TELEA)
    size = (picture.shape[1], picture.shape[0])
    painted = cv2.resize(painted, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    weight = np.clip((_PLATE_BAND_PX - 2 - cv2.resize(depth, size)) / 10, 0, 1)[..., None]
    return np.asarray(np.clip(painted * weight + smooth * (1 - weight), 0, 255), np.float32)
