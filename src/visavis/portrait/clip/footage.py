"""A stranger's video file: told from a photo by its content, checked, and decoded frame by frame."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import av
import cv2
import numpy as np
from av.video.reformatter import Colorspace
from numpy.typing import NDArray

from visavis.errors import PortraitRefused

logger = logging.getLogger(__name__)

U8 = NDArray[np.uint8]

MIN_DURATION_S: Final = 2.0
MAX_DURATION_S: Final = 20.0
MAX_CLIP_BYTES: Final = 100_000_000
MAX_SIDE_PX: Final = 4096
MIN_FRAME_RATE_HZ: Final = 18.0
"""Slower, and motion is a row of stills."""
FRAME_RATE_HZ: Final = 25.0
"""At which a clip is played. One of 20 to 37 frames a second is played frame by frame: a motion that is a quarter
quicker or slower looks natural, one in which every sixth frame is left out stutters."""
TRACKING_SIDE_PX: Final = 960
"""Faces are looked for in frames reduced to this."""
_DEMUXERS: Final = "mov,mp4,m4a,3gp,matroska,webm"
_MOST_STRETCH: Final = 2.0
"""What a file says of the shape of its pixels is believed up to here."""
_HD_ROWS: Final = 720
"""From here on a file that does not say how its colours are coded means BT.709, below BT.601."""
_COLOURS: Final = {
    1: Colorspace.ITU709, 5: Colorspace.ITU601, 6: Colorspace.ITU601, 7: Colorspace.SMPTE240M, 9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}  # fmt: skip
"""By the matrix coefficients of ITU-T H.273."""
_HINT: Final = "Send an MP4, WebM or MOV file of 2 to 20 seconds: one person who looks into the camera."


def is_video(file: bytes) -> bool:
    """Whether the bytes begin like MP4 or MOV (an ``ftyp`` box of no still picture) or WebM (an EBML header)."""
    if file[:4] == b"\x1a\x45\xdf\xa3":
        return True
    return file[4:8] in (b"ftyp", b"moov", b"mdat", b"wide") and file[8:12] not in (b"heic", b"heix", b"mif1", b"avif")


@dataclass(frozen=True, slots=True)
class Footage:
    """A video file that can be read; :meth:`frames` decodes it from its beginning each time."""

    file: bytes
    frame_rate_hz: float
    step: int
    """Every how manieth frame is taken."""

    @property
    def taken_rate_hz(self) -> float:
        """How many of the frames that are taken make a second of the clip."""
        return self.frame_rate_hz / self.step

    def frames(self, max_side_px: int | None = None) -> Iterator[U8]:
        """The frames that are taken, upright, ``uint8 [height, width, 3] BGR``; reduced to ``max_side_px``.

        Damage ends them early.
        """
        try:
            with av.open(io.BytesIO(self.file), mode="r") as container:
                stream = container.streams.video[0]
                stream.thread_type = "AUTO"
                stretch = float(stream.sample_aspect_ratio or 1)
                stretch = stretch if 1 / _MOST_STRETCH <= stretch <= _MOST_STRETCH else 1.0
                for index, frame in enumerate(container.decode(stream)):
                    if index >= MAX_DURATION_S * self.frame_rate_hz * 1.1 + 2:
                        return
                    if index % self.step == 0:
                        yield _picture(frame, max_side_px, stretch)
        except (av.FFmpegError, ValueError) as error:
            logger.info("a clip ends early", extra={"error": repr(error)})


def open_footage(file: bytes) -> Footage:
    """Check a video file by its header.

    Raises:
        PortraitRefused: ``clip_unreadable``, ``clip_too_large``, ``clip_too_short``, ``clip_too_long``,
            ``clip_frame_rate``.
    """
    if len(file) > MAX_CLIP_BYTES:
        raise PortraitRefused(
            "clip_too_large",
            f"The clip has {len(file) / 1e6:.0f} MB; the limit is {MAX_CLIP_BYTES / 1e6:.0f} MB.",
            "Send a shorter clip, or a smaller picture: 720 rows are plenty.",
            measured=len(file),
            limit=MAX_CLIP_BYTES,
        )
    width, height, rate, duration = _facts(file)
    if max(width, height) > MAX_SIDE_PX:
        raise PortraitRefused(
            "clip_too_large",
            f"The clip is {width} x {height} pixels; up to {MAX_SIDE_PX} on a side can be read.",
            "Send a smaller picture: 720 rows are plenty.",
            measured=max(width, height),
            limit=MAX_SIDE_PX,
        )
    if duration < MIN_DURATION_S - 0.05:
        raise PortraitRefused(
            "clip_too_short",
            f"The clip is {duration:.1f} s long; at least {MIN_DURATION_S:.0f} s are needed.",
            _HINT,
            measured=round(duration, 2),
            limit=MIN_DURATION_S,
        )
    if duration > MAX_DURATION_S + 0.5:
        raise PortraitRefused(
            "clip_too_long",
            f"The clip is {duration:.1f} s long; up to {MAX_DURATION_S:.0f} s can be used.",
            "Cut it: ten calm seconds are enough, they are played over and over.",
            measured=round(duration, 2),
            limit=MAX_DURATION_S,
        )
    if rate < MIN_FRAME_RATE_HZ:
        raise PortraitRefused(
            "clip_frame_rate",
            f"The clip has {rate:.0f} frames a second; at least {MIN_FRAME_RATE_HZ:.0f} are needed.",
            "Record it with more light, or with the camera's usual 25 or 30 frames a second.",
            measured=round(rate, 2),
            limit=MIN_FRAME_RATE_HZ,
        )
    return Footage(file, rate, max(1, round(rate / FRAME_RATE_HZ)))


def _facts(file: bytes) -> tuple[int, int, float, float]:
    """Width, height, frames a second and seconds; the last two counted where the header does not tell."""
    try:
        with av.open(io.BytesIO(file), mode="r") as container:
            if not set(container.format.name.split(",")) & set(_DEMUXERS.split(",")):
                raise _unreadable("It is no MP4, WebM or MOV file")
            if not container.streams.video:
                raise _unreadable("It holds no picture")
            stream = container.streams.video[0]
            width, height = stream.codec_context.width, stream.codec_context.height
            times = [
                float(packet.pts * packet.time_base)
                for packet in container.demux(stream)
                if packet.pts is not None and packet.time_base is not None
            ]
    except (av.FFmpegError, ValueError, OSError) as error:
        raise _unreadable(f"It is damaged or incomplete ({type(error).__name__})") from error
    if len(times) < 2 or max(times) <= min(times):
        raise _unreadable("It holds no moving picture")
    step = (max(times) - min(times)) / (len(times) - 1)
    return width, height, 1 / step, len(times) * step


def _unreadable(why: str) -> PortraitRefused:
    return PortraitRefused("clip_unreadable", f"The clip cannot be read: {why[0].lower()}{why[1:]}.", _HINT)


def _picture(frame: Any, max_side_px: int | None, stretch: float) -> U8:
    """``stretch``: width of a pixel over its height; the shorter side is enlarged."""
    width, height = round(frame.width * max(stretch, 1.0)), round(frame.height / min(stretch, 1.0))
    shrink = min(1.0, max_side_px / max(width, height)) if max_side_px else 1.0
    usual = Colorspace.ITU709 if min(width, height) >= _HD_ROWS else Colorspace.ITU601
    source = _COLOURS.get(int(frame.colorspace), usual)
    bgr = frame.reformat(format="bgr24", src_colorspace=source).to_ndarray()
    if (round(width * shrink), round(height * shrink)) != (frame.width, frame.height):
        size = round(width * shrink), round(height * shrink)
        bgr = cv2.resize(bgr, size, interpolation=cv2.INTER_AREA if shrink < 1 else cv2.INTER_LINEAR)
    turns = round(frame.rotation / 90)
    return np.ascontiguousarray(np.rot90(bgr, turns) if turns % 4 else bgr)
