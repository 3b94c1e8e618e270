"""What is drawn, at which size, and when a face has moved enough to be drawn again."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.avatar import Avatar
from visavis.background import KEEP, Background
from visavis.face import CONTROL_COUNT, INDEX, FaceState
from visavis.render import open_renderer

FRAME_BUFFERS: Final = 8
"""A drawn frame stays valid until so many others were drawn."""
VISIBLE_PX: Final = 1.5
"""The movements of all controls since the last frame, added up, before a viewer would see them: no single point has
moved by more than about half of it."""

_TRAVEL_MM: Final = {
    "headYaw": 1.2, "headPitch": 1.2, "headRoll": 1.6, "headX": 1.0, "headY": 1.0, "headZ": 0.12,
    "eyeBlink": 10.0, "eyeLook": 3.5, "mouthSmile": 8.0, "brow": 6.0, "breath": 3.0, "torsoSway": 6.0,
}  # fmt: skip
"""How far one unit of a control moves what it moves most: a degree of head turn moves the front of the face by 1.2 mm.
Names stand for all controls that begin with them; any other control counts as :data:`_OTHER_TRAVEL_MM`."""
_OTHER_TRAVEL_MM: Final = 10.0


class Screen:
    """Draws one avatar, into a ring of frames for each size that was asked for.

    Args:
        avatar: whom.
        width_px, height_px: of the frames at first; even.
        background: what is behind. With a transparent one frames are BGRA, ``uint8 [height, width, 4]``, colours not
            premultiplied; else I420, ``uint8 [height * 3 / 2, width]``.
    """

    def __init__(self, avatar: Avatar, width_px: int, height_px: int, background: Background = KEEP) -> None:
        self._avatar = avatar
        self._background = background
        self._size = (0, 0)
        self._drawn = np.full(CONTROL_COUNT, np.inf, np.float32)
        self._change = np.zeros(CONTROL_COUNT, np.float32)
        self.frames_drawn = 0
        self.resize(width_px, height_px)

    def resize(self, width_px: int, height_px: int) -> None:
        """Frames of another size from now on; a change costs some ten milliseconds.

        The canvas of the size before is not kept: whoever was on every size once would never be small again.
        """
        if width_px % 2 or height_px % 2:
            raise ValueError(f"{width_px}x{height_px} px: I420 frames need an even width and height")
        size = width_px, height_px
        if size != self._size:
            self._canvas, self._size = _Canvas(self._avatar, *size, self._background), size
        px_per_mm = self._avatar.head.px_per_mm * self._canvas.scale
        self._travel_px = _TRAVEL * np.float32(px_per_mm)
        self._drawn[:] = np.inf

    @property
    def frame(self) -> NDArray[np.uint8]:
        """The last frame."""
        return self._canvas.frame

    def has_changed(self, face: FaceState, time_s: float) -> bool:
        """Whether a viewer would see a difference between ``face`` at this moment and the last frame."""
        if self._canvas.seek(time_s):
            return True
        np.subtract(face, self._drawn, out=self._change)
        np.abs(self._change, out=self._change)
        return bool(np.dot(self._change, self._travel_px) >= VISIBLE_PX)

    def draw(self, face: FaceState, time_s: float) -> NDArray[np.uint8]:
        """The frame of ``face``, at this moment of a clip; a buffer of a ring, see :data:`FRAME_BUFFERS`."""
        self._canvas.seek(time_s)
        self.frames_drawn += 1
        self._drawn[:] = face
        return self._canvas.draw(face)


class _Canvas:
    """One size."""

    def __init__(self, avatar: Avatar, width_px: int, height_px: int, background: Background) -> None:
        self._renderer = open_renderer(avatar, width_px, height_px, background=background)
        self._has_alpha = background.is_transparent
        shape = (height_px, width_px, 4) if self._has_alpha else (height_px * 3 // 2, width_px)
        self._frames = np.zeros((FRAME_BUFFERS, *shape), np.uint8)
        self._count = 0

    @property
    def scale(self) -> float:
        return self._renderer.scale

    @property
    def frame(self) -> NDArray[np.uint8]:
        last: NDArray[np.uint8] = self._frames[(self._count - 1) % FRAME_BUFFERS]
        return last

    def seek(self, time_s: float) -> bool:
        return self._renderer.seek(time_s)

    def draw(self, face: FaceState) -> NDArray[np.uint8]:
        frame: NDArray[np.uint8] = self._frames[self._count % FRAME_BUFFERS]
        if self._has_alpha:
            self._renderer.render_bgra(face, frame)
        else:
            self._renderer.render_i420(face, frame)
        self._count += 1
        return frame


def _travel() -> NDArray[np.float32]:
    travel = np.full(CONTROL_COUNT, _OTHER_TRAVEL_MM, np.float32)
    for name, index in INDEX.items():
        for beginning, travel_mm in _TRAVEL_MM.items():
            if name.startswith(beginning):
                travel[index] = travel_mm
    return travel


_TRAVEL: Final = _travel()
