"""Frames and their sound as a file: H.264 and AAC in MP4, or a silent GIF or WebP animation."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visavis.errors import VisavisError

SUFFIXES: Final = (".mp4", ".gif", ".webp")

# BT.601, limited range: what OpenCV's conversion to I420 makes. Numbers of ITU-T H.273.
_BT601: Final = 6
_LIMITED_RANGE: Final = 1
_CRF: Final = "18"
_WEBP_QUALITY: Final = "85"
"""Frames are drawn over the ones before: with less, traces of earlier faces stay."""
_GIF_COLOURS: Final = 128


class VideoWriter(Protocol):
    """Takes frames in order until it is closed."""

    def write(self, frame: NDArray[np.uint8], audio: NDArray[np.int16]) -> None:
        """Append a frame (I420, ``uint8 [height * 3 / 2, width]``) and its sound (mono ``int16 [n]``)."""
        ...


@contextmanager
def open_video(
    path: str | os.PathLike[str], *, width_px: int, height_px: int, fps: int, audio_rate_hz: int
) -> Iterator[VideoWriter]:
    """A writer for ``path``, by its suffix: ``.mp4``, ``.gif`` or ``.webp``.

    The file appears when it is complete; an error or an interruption leaves what was there before.

    Raises:
        VisavisError: ``video_format`` (another suffix), ``video_unwritable``.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in SUFFIXES:
        raise VisavisError(
            "video_format", f"{target.name} is no video format that can be written.", f"Use {', '.join(SUFFIXES)}."
        )
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}.", suffix=suffix)
        os.close(handle)
    except OSError as error:
        raise VisavisError(
            "video_unwritable", f"{target} cannot be written: {error.strerror}.", "Choose another place with -o."
        ) from error
    try:
        if suffix == ".mp4":
            with _Movie(name, width_px, height_px, fps, audio_rate_hz) as movie:
                yield movie
        elif suffix == ".webp":
            with _WebP(name, width_px, height_px, fps) as animation:
                yield animation
        else:
            with _Gif(name, fps) as animation:
                yield animation
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class _Movie:
    def __init__(self, path: str, width_px: int, height_px: int, fps: int, audio_rate_hz: int) -> None:
        self._container = av.open(path, "w", options={"movflags": "+faststart"})
        self._video = self._container.add_stream("libx264", rate=fps, options={"crf": _CRF, "preset": "veryfast"})
        self._video.width, self._video.height, self._video.pix_fmt = width_px, height_px, "yuv420p"
        context = self._video.codec_context
        context.color_primaries = context.color_trc = context.colorspace = _BT601
        context.color_range = _LIMITED_RANGE
        self._audio = self._container.add_stream("aac", rate=audio_rate_hz, layout="mono")
        self._frame_time = Fraction(1, fps)
        self._sample_time = Fraction(1, audio_rate_hz)
        self._frames = self._samples = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._video.encode(None))
            self._container.mux(self._audio.encode(None))
        self._container.close()

    def write(self, frame: NDArray[np.uint8], audio: NDArray[np.int16]) -> None:
        picture = av.VideoFrame.from_ndarray(frame, format="yuv420p")
        picture.pts, picture.time_base = self._frames, self._frame_time
        picture.colorspace, picture.color_range = _BT601, _LIMITED_RANGE
        self._frames += 1
        self._container.mux(self._video.encode(picture))
        sound = av.AudioFrame.from_ndarray(audio[None, :], format="s16", layout="mono")
        sound.pts, sound.time_base, sound.sample_rate = (
            self._samples,
            self._sample_time,
            self._sample_time.denominator,
        )
        self._samples += len(audio)
        self._container.mux(self._audio.encode(sound))


class _WebP:
    def __init__(self, path: str, width_px: int, height_px: int, fps: int) -> None:
        self._container = av.open(path, "w", format="webp", options={"loop": "0"})
        self._video = self._container.add_stream(
            "libwebp_anim", rate=fps, options={"quality": _WEBP_QUALITY, "compression_level": "4"}
        )
        self._video.width, self._video.height, self._video.pix_fmt = width_px, height_px, "yuv420p"
        self._frame_time = Fraction(1, fps)
        self._frames = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._container.mux(self._video.encode(None))
        self._container.close()

    def write(self, frame: NDArray[np.uint8], audio: NDArray[np.int16]) -> None:
        picture = av.VideoFrame.from_ndarray(frame, format="yuv420p")
        picture.pts, picture.time_base = self._frames, self._frame_time
        self._frames += 1
        self._container.mux(self._video.encode(picture))


class _Gif:
    def __init__(self, path: str, fps: int) -> None:
        self._path = path
        self._fps = fps
        self._frames: list[Image.Image] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._frames:
            # A GIF counts in hundredths of a second: 30 fps needs frames of 3, 3 and 4.
            ends = [round(100 * (index + 1) / self._fps) for index in range(len(self._frames))]
            durations_ms = [10 * (end - start) for start, end in zip([0, *ends], ends, strict=False)]
            self._frames[0].save(
                self._path, save_all=True, append_images=self._frames[1:], duration=durations_ms, loop=0
            )

    def write(self, frame: NDArray[np.uint8], audio: NDArray[np.int16]) -> None:
        picture = Image.fromarray(cv2.cvtColor(frame, cv2.COLOR_YUV2RGB_I420))
        # One palette for all frames: palettes that change flicker.
        if self._frames:
            self._frames.append(picture.quantize(palette=self._frames[0], dither=Image.Dither.NONE))
        else:
            self._frames.append(picture.quantize(_GIF_COLOURS))
