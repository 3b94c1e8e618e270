"""Sound in and out of the corpus' form: 16 kHz mono int16."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from training.corpus.shelf import SAMPLE_RATE_HZ, Pcm


def pcm_of(wave: NDArray[np.floating], sample_rate_hz: int) -> Pcm:
    """Samples -1..1 of any rate, mono, as the corpus keeps them."""
    wave = np.asarray(wave, np.float32)
    if sample_rate_hz != SAMPLE_RATE_HZ:
        wave = soxr.resample(wave, sample_rate_hz, SAMPLE_RATE_HZ)
    return np.clip(np.rint(wave * 32767), -32767, 32767).astype(np.int16)


def wave_of(pcm: Pcm) -> NDArray[np.float32]:
    """The same as samples -1..1."""
    return pcm.astype(np.float32) / np.float32(32767)


def scaled_to_peak(wave: NDArray[np.floating], peak: float) -> NDArray[np.float32]:
    """The same sound with its loudest sample at ``peak``."""
    loudest = float(np.abs(wave).max(initial=0.0))
    return np.asarray(wave, np.float32) * np.float32(peak / max(loudest, 1e-6))


def read_pcm(path: Path, *, container: str | None = None) -> Pcm:
    """Any file that FFmpeg reads, its channels mixed.

    Args:
        path: the file.
        container: FFmpeg's name of the format, for raw streams such as ``g722``, ``gsm`` and ``mulaw``.
    """
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE_HZ)
    blocks = []
    with av.open(str(path), format=container) as file:
        for frame in file.decode(audio=0):
            frame.pts = None
            blocks += [block.to_ndarray()[0] for block in resampler.resample(frame)]
    blocks += [block.to_ndarray()[0] for block in resampler.resample(None)]
    return np.concatenate(blocks).astype(np.int16) if blocks else np.zeros(0, np.int16)
