"""A picture between two pictures: what moved is moved half-way, not shown twice."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]
F32 = NDArray[np.float32]


def between(one: U8, other: U8, share: float) -> U8:
    """``uint8 [h, w, 3]``: ``one`` at share 0, ``other`` at 1.

    Both are warped towards each other along the optical flow, then mixed.
    """
    there, back = _flow(one, other), _flow(other, one)
    moved_one = _warped(one, there, np.float32(share))
    moved_other = _warped(other, back, np.float32(1 - share))
    return np.asarray(cv2.addWeighted(moved_one, 1 - share, moved_other, share, 0), np.uint8)


def _flow(one: U8, other: U8) -> F32:
    a, b = (cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY) for picture in (one, other))
    return np.asarray(_dis().calc(a, b, None), np.float32)


def _warped(picture: U8, flow: F32, share: np.float32) -> U8:
    """Content moved by ``share`` of its flow. The flow at the target stands in for that at the source: it is smooth."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float32)
    at_x, at_y = x - share * flow[..., 0], y - share * flow[..., 1]
    moved = np.dstack(
        [cv2.remap(flow[..., i], at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE) for i in (0, 1)]
    )
    at_x, at_y = x - share * moved[..., 0], y - share * moved[..., 1]
    return np.asarray(cv2.remap(picture, at_x, at_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE), np.uint8)


@lru_cache(maxsize=1)
def _dis() -> Any:
    return cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
