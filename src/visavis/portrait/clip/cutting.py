"""The part of a clip's picture that an avatar shows, and the loop's pictures cut to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX
from visavis.errors import PortraitRefused
from visavis.portrait.clip.footage import Footage
from visavis.portrait.clip.loop import Loop
from visavis.portrait.clip.morph import between
from visavis.portrait.clip.track import Track
from visavis.portrait.face_mesh import Face
from visavis.portrait.framing import FACE_CENTRE_Y, FACE_SHARE, MAX_FACE_SHARE, Framing, cut_wide, face_height_px

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

_MOST_BESIDE_PX, _MOST_BELOW_PX = 200, 152
"""Canvas pixels that frames of 16:9 and 9:16 show beyond the canvas."""
_CHEEKS: Final = (50, 280, 205, 425, 187, 411)
_CHEEK_PX: Final = 5
_TOP, _CHIN = 10, 152


@dataclass(frozen=True, slots=True)
class Cut:
    """The square canvas in the clip's picture, and how much beyond it is kept (canvas pixels, even)."""

    framing: Framing
    """Where the square lies; without a picture."""
    left_px: int
    right_px: int
    below_px: int

    def framed(self, frame: U8) -> Framing:
        """A whole frame, framed as a photo is."""
        return replace(self.framing, picture=cut_wide(frame, self.framing, left_px=0, right_px=0, below_px=0))

    def canvas(self, points: F64) -> F64:
        """Points ``[..., 3]`` of the clip's picture on the canvas."""
        texture = self.framing.place(points.reshape(-1, 3)).reshape(points.shape)
        return np.asarray(texture / 2 - [0.5, 0.5, 0])

    def picture(self, frame: U8) -> U8:
        """Canvas and what is beside and below it: ``uint8 [512 + below, left + 512 + right, 3]``."""
        scale = CANVAS_PX / self.framing.side_px
        zoom_x = zoom_y = scale
        x0, y0 = self.framing.origin_px
        if scale < 1:  # an area filter needs whole source pixels: reduce first, then place
            height, width = frame.shape[:2]
            size = max(1, round(width * scale)), max(1, round(height * scale))
            frame = np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
            zoom_x, zoom_y = scale * width / size[0], scale * height / size[1]
        # a canvas pixel's centre lies a quarter pixel beside that of the texture's: see docs/render.md
        matrix = np.array([[zoom_x, 0, self.left_px - x0 * scale - 0.25], [0, zoom_y, -y0 * scale - 0.25]])
        flags = cv2.INTER_LANCZOS4 if scale >= 1 else cv2.INTER_LINEAR
        size = self.left_px + CANVAS_PX + self.right_px, CANVAS_PX + self.below_px
        return np.asarray(cv2.warpAffine(frame, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def choose_cut(track: Track, frames: Sequence[int]) -> Cut:
    """Frame the face as in a photo, where it mostly is in these frames; nothing beyond the clip's picture is invented.

    Raises:
        PortraitRefused: ``clip_too_close``.
    """
    face = Face(np.median(track.points[list(frames)], axis=0), 1.0, 1.0)
    width, height = track.width_px, track.height_px
    face_px = face_height_px(face)
    side = min(face_px / FACE_SHARE, width, height)
    if face_px > MAX_FACE_SHARE * side:
        raise PortraitRefused(
            "clip_too_close",
            f"The face fills {face_px / side:.1%} of the clip's picture; up to {MAX_FACE_SHARE:.0%} can be animated.",
            "Record it from a little further away, the head in the middle.",
            measured=round(face_px / side, 3),
            limit=MAX_FACE_SHARE,
        )
    x, y = (face.points[_TOP, :2] + face.points[_CHIN, :2]) / 2 - [side / 2, side * FACE_CENTRE_Y]
    origin = min(max(0.0, float(x)), width - side), min(max(0.0, float(y)), height - side)
    framing = Framing(np.zeros((0, 0, 3), np.uint8), side, origin, 0.0)
    scale = CANVAS_PX / framing.side_px
    x0, y0 = framing.origin_px
    return Cut(
        framing,
        left_px=_even(x0 * scale, _MOST_BESIDE_PX),
        right_px=_even((width - x0 - framing.side_px) * scale, _MOST_BESIDE_PX),
        below_px=_even((height - y0 - framing.side_px) * scale, _MOST_BELOW_PX),
    )


def loop_pictures(footage: Footage, track: Track, cut: Cut, loop: Loop) -> Iterator[U8]:
    """The pictures of the loop, one after the other; only those that are needed again are kept."""
    last_use = {number: place for place, shown in enumerate(loop.shown) for number in (shown.one, shown.other)}
    kept: dict[int, U8] = {}
    frames = enumerate(footage.frames(), start=-track.first)
    decoded = -track.first - 1
    for place, shown in enumerate(loop.shown):
        while decoded < max(shown.one, shown.other):
            decoded, frame = next(frames)
            if decoded in last_use:
                # a quarter of the memory, and what is stored in the end
                kept[decoded] = np.asarray(cv2.cvtColor(cut.picture(frame), cv2.COLOR_BGR2YUV_I420), np.uint8)
        one, other = (_bgr(kept[number]) for number in (shown.one, shown.other))
        yield between(one, other, shown.share) if shown.share > 0 else one
        for number in {shown.one, shown.other}:
            if last_use[number] == place:
                del kept[number]


def frame_of(footage: Footage, number: int) -> U8:
    """One whole frame, ``uint8 [height, width, 3]``."""
    for index, frame in enumerate(footage.frames()):
        if index == number:
            return frame
    raise ValueError(f"the clip has no frame {number}")


def cheek_brightness(picture: U8, points: F64) -> float:
    """Mean grey level of the cheeks; ``points`` are pixels of the picture, ``[478, 2]``."""
    levels = []
    for x, y in np.round(points[list(_CHEEKS)]).astype(int):
        x, y = (min(max(v, _CHEEK_PX), side - _CHEEK_PX) for v, side in ((x, picture.shape[1]), (y, picture.shape[0])))
        levels.append(picture[y - _CHEEK_PX : y + _CHEEK_PX, x - _CHEEK_PX : x + _CHEEK_PX].mean())
    return float(np.mean(levels))


def _bgr(planes: U8) -> U8:
    return np.asarray(cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420), np.uint8)


def _even(length_px: float, most: int) -> int:
    return int(min(max(length_px, 0), most)) // 2 * 2
