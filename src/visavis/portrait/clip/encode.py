"""A loop of pictures as H.264 packets that decode one by one."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Final

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

from visavis.clip import CLIP_RATE_HZ

U8 = NDArray[np.uint8]

KEY_EVERY: Final = 50
_CRF: Final = 17
"""x264's measure of quality: hardly to be told from the source, 2 to 4 MB for ten seconds of a 512 px square."""


def encode(pictures: Iterable[U8]) -> list[bytes]:
    """One packet a picture ``uint8 [h, w, 3] BGR`` (even sides); BT.601, limited range, as all our I420 is.

    Decoding may begin at every :data:`KEY_EVERY`-th packet; no packet waits for a later one.
    """
    codec: VideoCodecContext | None = None
    packets: list[bytes] = []
    for index, picture in enumerate(pictures):
        if codec is None:
            codec = _codec(picture.shape[1], picture.shape[0])
        planes = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420), np.uint8)
        frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        frame.pts = index
        packets += [bytes(packet) for packet in codec.encode(frame)]
    if codec is not None:
        packets += [bytes(packet) for packet in codec.encode(None)]
    return packets


def _codec(width_px: int, height_px: int) -> VideoCodecContext:
    codec = av.CodecContext.create("libx264", "w")
    assert isinstance(codec, VideoCodecContext)
    codec.width, codec.height, codec.pix_fmt = width_px, height_px, "yuv420p"
    codec.time_base = Fraction(1, round(CLIP_RATE_HZ))
    codec.framerate = Fraction(round(CLIP_RATE_HZ))
    codec.thread_count = 1
    codec.options = {
        "crf": str(_CRF),
        "preset": "veryfast",
        "x264-params": f"keyint={KEY_EVERY}:min-keyint={KEY_EVERY}:scenecut=0:bframes=0:repeat-headers=1:annexb=1",
    }
    return codec
