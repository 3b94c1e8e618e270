"""What the network hears: a streaming log-mel spectrum.

48 bands of 60-7600 Hz, a 25 ms Hann window every 10 ms. The window looks back only: frame i is the sound that ends
at sample ``(i + 1) * HOP_SAMPLES``.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ: Final = 16_000
HOP_SAMPLES: Final = 160
BAND_COUNT: Final = 48

SILENCE_LOG_POWER: Final = -6.0
"""log10 of the power in every band of digital silence: the floor added before the logarithm."""

_WINDOW_SAMPLES: Final = 400
_FFT_SAMPLES: Final = 512
_OVERLAP_SAMPLES: Final = _WINDOW_SAMPLES - HOP_SAMPLES
_LOW_HZ, _HIGH_HZ = 60.0, 7600.0


class MelStream:
    """Sound in, log-mel frames and their loudness out; chunks of any size."""

    def __init__(self) -> None:
        self._bands, self._window = _band_weights(), np.hanning(_WINDOW_SAMPLES).astype(np.float32)
        self.reset()

    def reset(self) -> None:
        """As if nothing but silence had come before."""
        self._pending = np.zeros(_OVERLAP_SAMPLES, np.float32)

    def copy(self) -> MelStream:
        """An independent stream in the same state."""
        other = MelStream()
        other._pending = self._pending.copy()
        return other

    @property
    def unused_samples(self) -> int:
        """How many samples of the next hop are here already: 0 .. ``HOP_SAMPLES`` - 1."""
        return len(self._pending) - _OVERLAP_SAMPLES

    def push(self, pcm: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The frames these samples complete.

        Returns:
            log10 power ``float32 [frames, BAND_COUNT]``; RMS of each frame's newest 10 ms in dB re full scale,
            ``float32 [frames]``.
        """
        sound = np.concatenate((self._pending, pcm))
        frame_count = (len(sound) - _OVERLAP_SAMPLES) // HOP_SAMPLES
        self._pending = sound[frame_count * HOP_SAMPLES :].copy()
        if not frame_count:
            return np.zeros((0, BAND_COUNT), np.float32), np.zeros(0, np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(sound, _WINDOW_SAMPLES)[::HOP_SAMPLES][:frame_count]
        spectrum = np.fft.rfft(windows * self._window, _FFT_SAMPLES)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32) / _FFT_SAMPLES
        mel = np.log10(power @ self._bands + np.float32(10**SILENCE_LOG_POWER))
        newest = windows[:, _OVERLAP_SAMPLES:]
        loudness_db = 10 * np.log10(np.einsum("nt,nt->n", newest, newest) / HOP_SAMPLES + 1e-12)
        return mel, loudness_db.astype(np.float32)


@lru_cache(maxsize=1)
def _band_weights() -> NDArray[np.float32]:
    """``float32 [FFT bins, BAND_COUNT]``: triangles, equally wide on the mel scale, of height 1."""
    edge_hz = _edges_hz()
    bin_hz = np.arange(_FFT_SAMPLES // 2 + 1)[:, None] * (SAMPLE_RATE_HZ / _FFT_SAMPLES)
    low, middle, high = edge_hz[:-2], edge_hz[1:-1], edge_hz[2:]
    rising = (bin_hz - low) / (middle - low + 1e-9)
    falling = (high - bin_hz) / (high - middle + 1e-9)
    weights = np.maximum(0, np.minimum(rising, falling))
    # The lowest bands are narrower than a bin: such a band takes the bin nearest to its middle.
    for band in np.flatnonzero(weights.sum(axis=0) == 0):
        weights[round(middle[band] / SAMPLE_RATE_HZ * _FFT_SAMPLES), band] = 1
    bands = np.asarray(weights, np.float32)
    bands.flags.writeable = False
    return bands


def band_centres_hz() -> NDArray[np.float64]:
    """``float64 [BAND_COUNT]``."""
    return _edges_hz()[1:-1]


def _edges_hz() -> NDArray[np.float64]:
    mel = np.linspace(_mel(_LOW_HZ), _mel(_HIGH_HZ), BAND_COUNT + 2)
    return np.asarray(700 * (10 ** (mel / 2595) - 1), np.float64)


def _mel(frequency_hz: float) -> float:
    return float(2595 * np.log10(1 + frequency_hz / 700))
