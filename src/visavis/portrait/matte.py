"""Person and background: a soft matte, the foreground's own colours, and a completed background plate.

A picture is ``I = a F + (1 - a) B``: the mask model gives a rough ``a``, a guided filter (He, Sun, Tang 2013) draws it
along the picture's edges, the plate gives ``B``, and ``F`` is solved for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.portrait.geometry import smoothstep

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

_BARELY_PERSON: Final = 0.12
_PLATE_BAND_PX: Final = 26
"""Half-resolution pixels that a moving head can uncover: filled along isophotes, smoothly beyond."""


@dataclass(frozen=True, slots=True)
class Layers:
    """The picture taken apart; texture resolution."""

    alpha: F32
    foreground: F32
    """``float32 [h, w, 3] BGR`` 0..255, continued past the silhouette."""
    background: F32
    grey_noise: float
    """Standard deviation of the background's grain."""


def separate(picture: U8, mask: F32) -> Layers:
    """Take the framed picture (``uint8 [h, w, 3] BGR``) apart with a person mask (``float32 [h, w]``)."""
    alpha = _refine(picture, mask)
    image = picture.astype(np.float32)
    certainly_background = (cv2.dilate(alpha, np.ones((3, 3))) < _BARELY_PERSON).astype(np.float32)
    plate = _complete(picture, certainly_background)
    keep = cv2.GaussianBlur(certainly_background, (0, 0), 1.2)[..., None] * certainly_background[..., None]
    background = image * keep + plate * (1 - keep)
    detail = image - cv2.GaussianBlur(image, (0, 0), 2)
    noise = min(float(detail[certainly_background > 0].std()) if certainly_background.any() else 1.0, 2.5)
    grain = np.random.default_rng(0).normal(0, noise, background.shape) * (1 - keep)
    background = np.clip(background + grain, 0, 255).astype(np.float32)

    certainly_person = (cv2.erode(alpha, np.ones((5, 5))) > 0.97).astype(np.float32)
    continued = push_pull(image, certainly_person, levels=6)
    share = alpha[..., None]
    solved = (image - (1 - share) * background) / np.maximum(share, 0.05)
    trust = smoothstep(0.02, 0.2, alpha)[..., None]
    foreground = np.clip(solved * trust + continued * (1 - trust), 0, 255).astype(np.float32)
    return Layers(alpha, foreground, background, noise)


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
