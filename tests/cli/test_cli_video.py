"""The formats of ``visavis render``: what a player finds in the file."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray
from PIL import Image

from visavis.errors import VisavisError
from visavis.video import ALPHA_SUFFIXES, SUFFIXES, open_video

WIDTH_PX, HEIGHT_PX, FPS, RATE_HZ, FRAMES = 160, 128, 25, 48_000, 6


def write(path: Path, *, has_alpha: bool) -> Path:
    sound = (8000 * np.sin(np.arange(RATE_HZ // FPS) / 20)).astype(np.int16)
    with open_video(
        path, width_px=WIDTH_PX, height_px=HEIGHT_PX, fps=FPS, audio_rate_hz=RATE_HZ, has_alpha=has_alpha
    ) as video:
        for index in range(FRAMES):
            frame = np.full((HEIGHT_PX * 3 // 2, WIDTH_PX), 128, np.uint8)
            if has_alpha:
                frame = np.zeros((HEIGHT_PX, WIDTH_PX, 4), np.uint8)
                frame[32:96, 40 + index : 120] = (40, 80, 200, 255)
            video.write(frame, sound)
    return path


def rgba_frames(path: Path) -> list[NDArray[np.uint8]]:
    """The frames of a film, as a player that knows of alpha decodes them."""
    with av.open(path) as film:
        stream = film.streams.video[0]
        decoder: VideoCodecContext = stream.codec_context
        if path.suffix == ".webm":  # FFmpeg's own VP9 decoder leaves the alpha out
            made = av.CodecContext.create("libvpx-vp9", "r")
            assert isinstance(made, VideoCodecContext)
            decoder = made
        frames = [frame for packet in film.demux(stream) for frame in decoder.decode(packet)]
        return [np.asarray(frame.to_ndarray(format="rgba"), np.uint8) for frame in frames]


@pytest.mark.parametrize("suffix", [".webm", ".mov"])
def test_a_film_with_alpha_keeps_it(suffix: str, tmp_path: Path) -> None:
    frames = rgba_frames(write(tmp_path / f"talk{suffix}", has_alpha=True))
    assert len(frames) == FRAMES
    for frame in frames:
        assert frame[64, 80, 3] > 250 and frame[10, 10, 3] < 5
        assert np.abs(frame[64, 80, :3].astype(int) - (200, 80, 40)).max() < 12


def test_an_animation_with_alpha_keeps_it(tmp_path: Path) -> None:
    with Image.open(write(tmp_path / "talk.webp", has_alpha=True)) as image:
        red, _, _, alpha = image.convert("RGBA").getpixel((80, 64))  # type: ignore[misc]
        assert alpha > 250 and abs(red - 200) < 12
        assert image.convert("RGBA").getpixel((10, 10))[3] < 5  # type: ignore[index]


@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".mov"])
def test_a_film_has_picture_and_sound(suffix: str, tmp_path: Path) -> None:
    with av.open(write(tmp_path / f"talk{suffix}", has_alpha=False)) as film:
        assert sum(1 for _ in film.decode(video=0)) == FRAMES
    with av.open(tmp_path / f"talk{suffix}") as film:
        samples = sum(frame.samples for frame in film.decode(audio=0))
        assert samples >= FRAMES * RATE_HZ // FPS


@pytest.mark.parametrize("suffix", sorted(set(SUFFIXES) - set(ALPHA_SUFFIXES)))
def test_a_format_without_alpha_refuses_it(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(VisavisError) as refusal:
        write(tmp_path / f"talk{suffix}", has_alpha=True)
    assert refusal.value.code == "background_needs_alpha"
    assert not list(tmp_path.iterdir())
