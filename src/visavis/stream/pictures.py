"""Frames as the pictures that a client asked for."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Protocol

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from numpy.typing import NDArray

from visavis.stream.config import PictureConfig

KEY_INTERVAL_S: Final = 10.0
"""At least so often comes a picture that needs no earlier one."""

_ENCODERS: Final = {
    "h264": ("libx264", {"preset": "superfast", "tune": "zerolatency", "profile": "baseline", "forced-idr": "1"}),
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "error-resilient": "1"}),
}
# BT.601, limited range: what OpenCV's conversion to I420 makes. Numbers of ITU-T H.273.
_BT601: Final = 6
_LIMITED_RANGE: Final = 1


@dataclass(frozen=True, slots=True)
class Picture:
    """One encoded frame."""

    data: bytes
    is_key: bool
    """It needs no earlier one."""


class PictureEncoder(Protocol):
    """Encodes frames one by one; a frame that is not given to it is not missed."""

    def encode(self, frame: NDArray[np.uint8], pts_samples: int) -> Picture | None:
        """``frame`` is I420, ``uint8 [height * 3 / 2, width]``; None where rate control leaves it out."""
        ...

    def request_key(self) -> None:
        """Make the next picture one that needs no earlier one."""
        ...

    @property
    def is_key_wanted(self) -> bool:
        """That was asked for and has not been done."""
        ...


def open_encoder(config: PictureConfig, clock_rate_hz: int) -> PictureEncoder:
    """The encoder of a stream, whose ``pts`` count ``clock_rate_hz``."""
    if config.format == "jpeg":
        return _JpegEncoder(config.quality)
    return _VideoEncoder(config, clock_rate_hz)


class _JpegEncoder:
    """Every JPEG is a key picture."""

    def __init__(self, quality: int) -> None:
        self._options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        self.is_key_wanted = False

    def encode(self, frame: NDArray[np.uint8], pts_samples: int) -> Picture | None:
        self.is_key_wanted = False
        _, data = cv2.imencode(".jpg", cv2.cvtColor(frame, cv2.COLOR_YUV2BGR_I420), self._options)
        return Picture(data.tobytes(), is_key=True)

    def request_key(self) -> None:
        self.is_key_wanted = True


class _VideoEncoder:
    def __init__(self, config: PictureConfig, clock_rate_hz: int) -> None:
        name, options = _ENCODERS[config.format]
        context = av.CodecContext.create(name, "w")
        assert isinstance(context, VideoCodecContext)
        context.width, context.height, context.pix_fmt = config.width_px, config.height_px, "yuv420p"
        context.time_base, context.framerate = Fraction(1, clock_rate_hz), Fraction(config.fps)
        context.bit_rate = config.bitrate_bps
        context.gop_size = round(KEY_INTERVAL_S * config.fps)
        context.thread_count = 1  # one process a stream: its threads would only fight
        context.color_primaries = context.color_trc = context.colorspace = _BT601
        context.color_range = _LIMITED_RANGE
        # A second's worth of buffer: without it a lively face gets bursts that a thin line cannot take.
        bits = str(config.bitrate_bps)
        context.options = {**options, "maxrate": bits, "bufsize": bits}
        self._context = context
        self.is_key_wanted = False

    def encode(self, frame: NDArray[np.uint8], pts_samples: int) -> Picture | None:
        picture = av.VideoFrame.from_ndarray(frame, format="yuv420p")
        picture.pts, picture.time_base = pts_samples, self._context.time_base
        picture.colorspace, picture.color_range = _BT601, _LIMITED_RANGE
        picture.pict_type = PictureType.I if self.is_key_wanted else PictureType.NONE
        packets = self._context.encode(picture)
        if not packets:
            return None
        self.is_key_wanted = False
        return Picture(b"".join(map(bytes, packets)), is_key=packets[0].is_keyframe)

    def request_key(self) -> None:
        self.is_key_wanted = True
