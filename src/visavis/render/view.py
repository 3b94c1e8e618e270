"""Which part of the canvas and its surroundings a frame of any size shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from visavis.avatar import CANVAS_PX, TEXTURE_SCALE, Avatar

MIN_SIDE_PX: Final = 128
MAX_SIDE_PX: Final = 1920
_TALLER: Final = 0.45
"""A portrait frame of aspect a < 1 is as high as ``a ** -0.45`` canvases: a face that fills 40 % of a square fills 31 %
of 9:16, and is broader in it."""
_LANDSCAPE_FACE: Final = 0.45
"""Most of a landscape frame's height that cutting above and below the head may give to the face, brow to chin."""
_MOST_CUT: Final = 0.12
"""Share of the canvas's height that is cut for it at most."""
_FACE_CENTRE: Final = 0.48
"""Height of the face's middle in a landscape frame."""
_HEADROOM: Final = 0.04
"""Between the hair and a landscape frame's upper border."""
_SOLID, _MORE_THAN_A_WISP_PX = 128, 12
_BROW, _CHIN = 10, 152
"""Vertices."""


@dataclass(frozen=True, slots=True)
class View:
    """Canvas pixels to frame pixels: ``frame = (canvas + 0.5) * scale - 0.5 + offset``."""

    width_px: int
    height_px: int
    scale: float
    offset_x_px: float
    offset_y_px: float

    @property
    def columns_px(self) -> tuple[float, float]:
        """Left and right border of the frame on the canvas."""
        return -self.offset_x_px / self.scale, (self.width_px - self.offset_x_px) / self.scale

    @property
    def rows_px(self) -> tuple[float, float]:
        """Upper and lower border of the frame on the canvas."""
        return -self.offset_y_px / self.scale, (self.height_px - self.offset_y_px) / self.scale

    @property
    def is_inside(self) -> bool:
        """The frame shows nothing but the canvas."""
        left, right = self.columns_px
        top, bottom = self.rows_px
        return min(left, top) > -0.01 and max(right, bottom) < CANVAS_PX + 0.01


def frame_view(avatar: Avatar, width_px: int, height_px: int) -> View:
    """The view of an avatar in a frame.

    A square is the canvas. A landscape frame adds what is beside it, and what is above and below the head is cut a
    little; a portrait frame cuts the sides and adds the chest. What even the surroundings do not hold, or another part
    of the photo would have to be invented for, is not shown: the face comes nearer instead.

    Raises:
        ValueError: an odd, tiny or huge size.
    """
    for side in (width_px, height_px):
        if side % 2 or not MIN_SIDE_PX <= side <= MAX_SIDE_PX:
            raise ValueError(
                f"frame size {width_px}x{height_px}: width and height must be even, {MIN_SIDE_PX} to {MAX_SIDE_PX}"
            )
    aspect = width_px / height_px
    if aspect == 1:
        return View(width_px, height_px, width_px / CANVAS_PX, 0, 0)
    around, face_x = avatar.surroundings, float(avatar.head.origin_px[0])
    if aspect > 1:
        left, right = -around.left_px, CANVAS_PX + around.right_px
        top, shown = _landscape_rows(avatar, aspect, (right - left) / aspect)
    else:
        left, right = 0.0, float(CANVAS_PX)
        top, shown = 0.0, min(CANVAS_PX + around.below_px, CANVAS_PX * aspect**-_TALLER)
    scale, wide = height_px / shown, shown * aspect
    start = min(max(face_x - wide / 2, left), right - wide)
    return View(width_px, height_px, scale, round(-start * scale), round(-top * scale))


def _landscape_rows(avatar: Avatar, aspect: float, most_px: float) -> tuple[float, float]:
    """First row and number of rows of the canvas that a landscape frame shows, at most ``most_px`` of them."""
    brow, chin = (float(avatar.vertices[i, 1]) for i in (_BROW, _CHIN))
    wanted = min(CANVAS_PX, max(CANVAS_PX * (1 - _MOST_CUT), (chin - brow) / _LANDSCAPE_FACE))
    wanted = CANVAS_PX - (CANVAS_PX - wanted) * min(1.0, 2 * (aspect - 1))
    shown = min(wanted, most_px)
    top = (brow + chin) / 2 - _FACE_CENTRE * shown
    if shown == wanted:
        top = min(top, _hair_top(avatar) - _HEADROOM * shown)
    return min(max(0.0, top), CANVAS_PX - shown), shown


def _hair_top(avatar: Avatar) -> float:
    """The first row of the canvas that shows the person."""
    rows = (avatar.texture[::TEXTURE_SCALE, ::TEXTURE_SCALE, 3] > _SOLID).sum(axis=1) > _MORE_THAN_A_WISP_PX
    return float(rows.argmax())
