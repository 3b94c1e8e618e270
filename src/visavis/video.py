"""Frames and their sound as a file.

MP4 and MOV hold H.264 and AAC, WebM VP9 and Opus, GIF and WebP a silent animation. With alpha: WebM (for browsers),
MOV with ProRes 4444 (for editors), WebP.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

import av
import cv2
import numpy as np
from av import AudioStream, VideoStream
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image

from visavis.errors import VisavisError

SUFFIXES: Final = (".mp4", ".webm", ".mov", ".gif", ".webp")
ALPHA_SUFFIXES: Final = (".webm", ".mov", ".webp")

# BT.601, limited range: what OpenCV's conversion to I420 makes. Numbers of ITU-T H.273.
_BT601: Final = 6
_LIMITED_RANGE: Final = 1
_WEBP_QUALITY: Final = "85"
"""Frames are drawn over the ones before: with less, traces of earlier faces stay."""
_GIF_COLOURS: Final = 128


@dataclass(frozen=True, slots=True)
class _Codecs:
    video: str
    pixels: str
    options: dict[str, str]
    audio: str


_H264: Final = _Codecs("libx264", "yuv420p", {"crf": "18", "preset": "veryfast"}, "aac")
_VP9_OPTIONS: Final = {"crf": "24", "b": "0", "deadline": "realtime", "cpu-used": "6"}
_CODECS: Final = {
    (".mp4", False): _H264,
    (".mov", False): _H264,
    (".mov", True): _Codecs("prores_ks", "yuva444p10le", {"profile": "4444", "alpha_bits": "16"}, "pcm_s16le"),
    (".webm", False): _Codecs("libvpx-vp9", "yuv420p", _VP9_OPTIONS, "libopus"),
    (".webm", True): _Codecs("libvpx-vp9", "yuva420p", _VP9_OPTIONS, "libopus"),
}
"""By suffix, and whether there is alpha."""


class VideoWriter(Protocol):
    """Takes frames in order until it is closed."""

    def write(self, frame: NDArray[np.uint8], audio: NDArray[np.int16]) -> None:
        """Append a frame and its sound (mono ``int16 [n]``).

        The frame is I420, ``uint8 [height * 3 / 2, width]``, or with alpha BGRA, ``uint8 [height, width, 4]``, not
        premultiplied.
        """
        ...


@contextmanager
def open_video(
    path: str | os.PathLike[str],
    *,
    width_px: int,
    height_px: int,
    fps: int,
    audio_rate_hz: int,
    has_alpha: bool = False,
) -> Iterator[VideoWriter]:
    """A writer for ``path``, by its suffix, one of :data:`SUFFIXES`; with alpha one of :data:`ALPHA_SUFFIXES`.

    The file appears when it is complete; an error or an interruption leaves what was there before.

    Raises:
        VisavisError: ``video_format`` (another suffix), ``background_needs_alpha``, ``video_unwritable``.
    """
    target = Path(path)
    suffix = target.suffix.lower()
    if suffix not in SUFFIXES:
        raise VisavisError(
            "video_format", f"{target.name} is no video format that can be written.", f"Use {', '.join(SUFFIXES)}."
        )
    if has_alpha and suffix not in ALPHA_SUFFIXES:
        raise VisavisError(
            "background_needs_alpha",
            f"{suffix} has no alpha, which a transparent background needs.",
            f"Use {', '.join(ALPHA_SUFFIXES)}, or a colour to key, such as #00ff00.",
        )
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.stem}.", suffix=suffix)
        os.close(handle)
    except OSError as error:
        raise VisavisError(
            "video_unwritable", f"{target} cannot be written: {error.strerror}.", "Choose another place with -o."
        ) from error
    try:
        if suffix == ".gif":
            with _Gif(name, fps) as animation:
                yield animation
        elif suffix == ".webp":
            with _WebP(name, width_px, height_px, fps, has_alpha) as animation:
                yield animation
        else:
            with _Movie(name, _CODECS[suffix, has_alpha], width_px, height_px, fps, audio_rate_hz) as movie:
                yield movie
        os.chmod(name, 0o644)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class _Movie:
    def __init__(self, path: str, codecs: _Codecs, width_px: int, height_px: int, fps: int, audio_rate_hz: int) -> None:
        options = {} if path.endswith(".webm") else {"movflags": "+faststart"}
        self._container = av.open(path, "w", options=options)
        video = self._container.add_stream(codecs.video, rate=fps, options=codecs.options)
        audio = self._container.add_stream(codecs.audio, rate=audio_rate_hz, layout="mono")
        assert isinstance(video, VideoStream) and isinstance(audio, AudioStream)
        self._video, self._audio = video, audio
        self._video.width, self._video.height, self._video.pix_fmt = width_px, height_px, codecs.pixels
        if codecs.pixels == "yuva420p":
            self._video.metadata["alpha_mode"] = "1"
        self._pixels = codecs.pixels
        context = self._video.codec_context
        context.color_primaries = context.color_trc = context.colorspace = _BT601
        context.color_range = _LIMITED_RANGE
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
        picture = _picture(frame, self._pixels)
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


def _picture(frame: NDArray[np.uint8], pixels: str) -> av.VideoFrame:
    if frame.ndim == 2:
        return av.VideoFrame.from_ndarray(frame, format="yuv420p")
    picture = av.VideoFrame.from_ndarray(frame, format="bgra")
    return picture.reformat(format=pixels, dst_colorspace=Colorspace.ITU601, dst_color_range=ColorRange.MPEG)


class _WebP:
    def __init__(self, path: str, width_px: int, height_px: int, fps: int, has_alpha: bool) -> None:
        self._pixels = "bgra" if has_alpha else "yuv420p"
        self._container = av.open(path, "w", format="webp", options={"loop": "0"})
        self._video = self._container.add_stream(
            "libwebp_anim", rate=fps, options={"quality": _WEBP_QUALITY, "compression_level": "4"}
        )
        self._video.width, self._video.height, self._video.pix_fmt = width_px, height_px, self._pixels
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
        picture = _picture(frame, self._pixels)
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
