"""How sharp footage is, so that what is drawn into it can be as soft."""

from __future__ import annotations

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.clip import MAX_BLUR_PX
from visavis.portrait.topology import EYE_LEFT, EYE_RIGHT

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

_REBLUR_PX: Final = 1.0
_STRONG: Final = 90.0
"""Percentile of the gradients from which on a pixel counts as one of an edge."""
_SHARPEST: Final = 75.0
"""Percentile of the edges' ratios: a fold of skin is soft in any picture, a lash or an iris' rim is as the lens is."""
_MARGIN: Final = 0.25
"""Of an eye's width: lids and lashes belong to it."""
_LEAST_PX: Final = 0.3


def blur_px(picture: U8, points: F64) -> float:
    """Standard deviation of the blur of a face (points ``[478, 2]``, pixels of the picture), measured at its eyes.

    An edge blurred by ``s`` has a gradient proportional to ``1 / s``, blurred by ``s0`` again one to
    ``1 / sqrt(s^2 + s0^2)``; of their ratio ``R`` follows ``s = s0 / sqrt(R^2 - 1)`` (Zhuo and Sim 2011, "Defocus map
    estimation from a single image").
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    ratios = []
    for eye in (EYE_RIGHT, EYE_LEFT):
        of_eye = points[[*eye.corners, *eye.upper, *eye.lower]]
        margin = _MARGIN * float(np.ptp(of_eye[:, 0])) + 3 * _REBLUR_PX
        (x0, y0), (x1, y1) = of_eye.min(axis=0) - margin, of_eye.max(axis=0) + margin
        part = grey[max(0, round(y0)) : max(0, round(y1)), max(0, round(x0)) : max(0, round(x1))].astype(np.float32)
        if min(part.shape) < 5:
            continue
        before, after = _gradient(part), _gradient(cv2.GaussianBlur(part, (0, 0), _REBLUR_PX))
        edges = before > max(float(np.percentile(before, _STRONG)), 1.0)
        ratios.append(before[edges] / np.maximum(after[edges], 1e-3))
    ratio = float(np.percentile(np.concatenate(ratios), _SHARPEST)) if sum(map(len, ratios)) else 1.0
    return float(np.clip(_REBLUR_PX / np.sqrt(max(ratio**2 - 1, 1e-3)), _LEAST_PX, MAX_BLUR_PX))


def _gradient(picture: Any) -> Any:
    """Central differences: they leave the noise of single pixels out."""
    return np.hypot(cv2.Sobel(picture, cv2.CV_32F, 1, 0), cv2.Sobel(picture, cv2.CV_32F, 0, 1))
