"""The footage of a video portrait, decoded while it is played."""

from __future__ import annotations

import logging
from typing import Final

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX
from visavis.clip import Clip
from visavis.errors import AvatarFileError

logger = logging.getLogger(__name__)

U8 = NDArray[np.uint8]


class ClipReader:
    """Frames of a clip, as they are wanted: the next one costs half a millisecond, any other what lies between.

    Not decoded beforehand: ten seconds would take 100 MB of every session.
    """

    def __init__(self, clip: Clip) -> None:
        """Decode the first frame.

        Raises:
            AvatarFileError: ``avatar_damaged``.
        """
        self._clip = clip
        self.width_px = int(clip.left_px) + CANVAS_PX + int(clip.right_px)
        self.height_px = CANVAS_PX + int(clip.below_px)
        ends = np.cumsum(clip.packet_bytes, dtype=np.int64)
        self._starts = np.concatenate([[0], ends])
        self._key_every = int(clip.key_every)
        self._planes = np.zeros((self.height_px * 3 // 2, self.width_px), np.uint8)
        self._codec = _codec(self.width_px * self.height_px)
        self._at = -1
        if not self._decode(0):
            raise AvatarFileError(
                "avatar_damaged", "The avatar's footage cannot be decoded.", "Create the avatar again from its clip."
            )

    def frame(self, index: int) -> U8:
        """A frame as I420, ``uint8 [h * 3 / 2, w]``; valid until the next call. A damaged one repeats the last."""
        if index != self._at:
            key = index - index % self._key_every
            if not key <= self._at < index:
                self._codec.flush_buffers()
                self._at = key - 1
            while self._at < index:
                self._decode(self._at + 1)
        return self._planes

    def _decode(self, index: int) -> bool:
        self._at = index
        packet = self._clip.packets[self._starts[index] : self._starts[index + 1]]
        try:
            frames = self._codec.decode(av.Packet(packet.tobytes()))
        except av.FFmpegError as error:
            logger.warning("a frame of footage cannot be decoded", extra={"frame": index, "error": repr(error)})
            return False
        if not frames or (frames[0].width, frames[0].height) != (self.width_px, self.height_px):
            return False
        self._copy(frames[0])
        return True

    def _copy(self, frame: av.VideoFrame) -> None:
        flat = self._planes.reshape(-1)
        start = 0
        for plane, shrink in zip(frame.planes, (1, 2, 2), strict=True):
            width, height = self.width_px // shrink, self.height_px // shrink
            rows = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[:height, :width]  # type: ignore[call-overload]
            flat[start : start + width * height].reshape(height, width)[:] = rows
            start += width * height


_MOST_EXTRA: Final = 64 * 4096
"""Codecs round sides up to whole blocks."""


def _codec(pixels: int) -> VideoCodecContext:
    codec = av.CodecContext.create("h264", "r")
    assert isinstance(codec, VideoCodecContext)
    codec.thread_count = 1
    codec.options = {"flags": "+low_delay", "max_pixels": str(pixels + _MOST_EXTRA)}
    return codec
