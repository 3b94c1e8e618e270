"""Finding teeth in a photo with parted lips."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

U8 = NDArray[np.uint8]


def find_teeth(picture: U8, opening: NDArray[np.float64]) -> U8 | None:
    """Mask ``uint8 [h, w]`` of teeth inside the polygon ``opening`` (texture pixels); None where there are none.

    Teeth are the bright part of the opening and whatever has nearly its colour (CIELAB chroma distance).
    """
    inside = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(inside, [np.round(opening).astype(np.int32)], 1)
    lab = cv2.cvtColor(picture, cv2.COLOR_BGR2Lab).astype(np.float32)
    sample = lab[cv2.erode(inside, np.ones((5, 5))) > 0]
    if len(sample) < 150:
        return None
    bright = np.median(sample[sample[:, 0] >= np.percentile(sample[:, 0], 60)], 0)
    if bright[0] < 110:
        return None
    distance = np.hypot(lab[..., 1] - bright[1], lab[..., 2] - bright[2])
    mask = ((distance < 11) & (lab[..., 0] > 0.62 * bright[0]) & (inside > 0)).astype(np.uint8)
    mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    mask = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (7, 7)))
    return np.asarray(mask, np.uint8) if mask.sum() > 100 else None
