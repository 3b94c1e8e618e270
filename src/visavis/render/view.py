"""How the square canvas fills a frame of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, TEXTURE_PX

MIN_SIDE_PX: Final = 128
MAX_SIDE_PX: Final = 1920
_FOCUS_Y_PX: Final = 0.45 * CANVAS_PX
"""The height of the canvas that a landscape frame centres on: between eyes and mouth."""


@dataclass(frozen=True, slots=True)
class View:
    """Canvas pixels to frame pixels: ``frame = (canvas + 0.5) * scale - 0.5 + offset``."""

    width_px: int
    height_px: int
    scale: float
    offset_x_px: float
    offset_y_px: float

    def background(self, plate: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The background plate (texture resolution) as this frame sees it."""
        k = self.scale * CANVAS_PX / TEXTURE_PX
        side = max(1, round(TEXTURE_PX * k))
        resized = cv2.resize(plate, (side, side), interpolation=cv2.INTER_AREA if k < 1 else cv2.INTER_CUBIC)
        matrix = np.array([[1, 0, self.offset_x_px], [0, 1, self.offset_y_px]], np.float64)
        size = (self.width_px, self.height_px)
        return np.asarray(cv2.warpAffine(resized, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def cover(width_px: int, height_px: int, face_x_px: float) -> View:
    """Fill the frame with the canvas; what does not fit is cut around the face at ``face_x_px`` of the canvas.

    Raises:
        ValueError: an odd, tiny or huge size.
    """
    for side in (width_px, height_px):
        if side % 2 or not MIN_SIDE_PX <= side <= MAX_SIDE_PX:
            raise ValueError(
                f"frame size {width_px}x{height_px}: width and height must be even, {MIN_SIDE_PX} to {MAX_SIDE_PX}"
            )
    scale = max(width_px, height_px) / CANVAS_PX
    spare_x, spare_y = width_px - scale * CANVAS_PX, height_px - scale * CANVAS_PX
    offset_x = min(0.0, max(spare_x, width_px / 2 - face_x_px * scale))
    offset_y = min(0.0, max(spare_y, height_px / 2 - _FOCUS_Y_PX * scale))
    return View(width_px, height_px, scale, round(offset_x), round(offset_y))
