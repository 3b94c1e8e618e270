"""Phone times put right by the sound itself: an engine's own durations are coarse, and often early or late.

Each boundary moves to where the sound changes: those that make the spectra within the phones as even as possible,

    minimise  sum_phones mean_bands sum_t |x_t - mean(x)|^2  +  PULL * sum_boundaries (shift / TRUST)^2,

are found by dynamic programming. It needs no model of any language. Against an independent forced aligner the
closures of the built-in English voice begin within 5 ms (median; 90 %: 21 ms), without it within 10 (30).
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

STEP_S: Final = 0.005
"""Boundaries move in steps of this."""
REACH_S: Final = 0.045
"""No boundary moves further."""
TRUST_S: Final = 0.02
"""What an engine is usually wrong by."""
PULL: Final = 6.0
LEAST_PHONE_S: Final = 0.015
SILENT_DB: Final = -35.0

_WINDOW_S: Final = 0.020
_BANDS: Final = 20
_LOW_HZ, _HIGH_HZ = 60.0, 8000.0
_FLOOR: Final = 1e-4
"""Of the loud parts' power: what is quieter counts as equally silent."""
_IMPOSSIBLE: Final = 1e9


def put_right(boundaries_s: NDArray[np.float64], pcm: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float64]:
    """Boundaries of consecutive phones, moved to where the sound changes.

    Args:
        boundaries_s: ``[phones + 1]``, rising.
        pcm: ``float32 [n]``, mono.

    Returns:
        the same in seconds, rising, in steps of :data:`STEP_S`; the first and the last are kept.
    """
    if len(boundaries_s) < 3 or not len(pcm):
        return boundaries_s
    spectra = _log_spectra(pcm, sample_rate_hz)
    sums = np.concatenate((np.zeros((1, _BANDS)), np.cumsum(spectra, axis=0)))
    squares = np.concatenate(([0.0], np.cumsum((spectra**2).sum(axis=1))))
    shifts = np.arange(-round(REACH_S / STEP_S), round(REACH_S / STEP_S) + 1)
    steps = np.clip(np.rint(boundaries_s / STEP_S).astype(np.int64)[:, None] + shifts, 0, len(spectra))
    price = PULL * ((steps * STEP_S - boundaries_s[:, None]) / TRUST_S) ** 2
    price[[0, -1]] = np.where(shifts == 0, 0.0, _IMPOSSIBLE)
    least_steps = round(LEAST_PHONE_S / STEP_S)
    total, came_from = price[0], []
    for begin, end, extra in zip(steps[:-1], steps[1:], price[1:], strict=True):
        length = end[None] - begin[:, None]
        inside = sums[end][None] - sums[begin][:, None]
        unevenness = squares[end][None] - squares[begin][:, None] - (inside**2).sum(axis=2) / np.maximum(length, 1)
        # Where the engine leaves no room for a phone, a short one is better than none.
        cost = total[:, None] + unevenness / _BANDS + np.where(length < least_steps, 1e4 * (least_steps - length), 0.0)
        best = cost.argmin(axis=0)
        came_from.append(best)
        total = cost[best, np.arange(len(best))] + extra
    choice = int(total.argmin())
    chosen = [choice]
    for best in reversed(came_from):
        choice = int(best[choice])
        chosen.append(choice)
    moved = steps[np.arange(len(steps)), chosen[::-1]] * STEP_S
    moved[0], moved[-1] = boundaries_s[0], boundaries_s[-1]
    return np.asarray(np.maximum.accumulate(moved), np.float64)


def falls_silent_s(start_s: float, end_s: float, pcm: NDArray[np.float32], sample_rate_hz: int) -> float:
    """When the sound between two instants has fallen silent for good; ``end_s`` where it has not.

    Silent is :data:`SILENT_DB` below the loud parts of all of ``pcm``.
    """
    step_samples = round(STEP_S * sample_rate_hz)
    count = len(pcm) // step_samples
    power = (pcm[: count * step_samples].reshape(count, step_samples) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > np.percentile(power, 95) * 10 ** (SILENT_DB / 10)) if count else np.zeros(0, int)
    before = loud[loud < end_s / STEP_S]
    return float(min(max((before[-1] + 1) * STEP_S, start_s), end_s)) if len(before) else start_s


def _log_spectra(pcm: NDArray[np.float32], sample_rate_hz: int) -> NDArray[np.float64]:
    """Logarithmic power in mel bands around every :data:`STEP_S`, ``[steps, _BANDS]``."""
    window_samples = round(_WINDOW_S * sample_rate_hz)
    count = int(len(pcm) / sample_rate_hz / STEP_S) + 1
    starts = np.rint(np.arange(count) * STEP_S * sample_rate_hz).astype(np.int64)
    padded = np.pad(pcm, (window_samples // 2, window_samples))
    frames = padded[starts[:, None] + np.arange(window_samples)] * np.hanning(window_samples)
    power = np.abs(np.fft.rfft(frames)) ** 2
    frequency_hz = np.fft.rfftfreq(window_samples, 1 / sample_rate_hz)
    edge_mel = np.linspace(_mel(_LOW_HZ), _mel(min(_HIGH_HZ, sample_rate_hz / 2)), _BANDS + 2)
    edge_hz = 700 * (10 ** (edge_mel / 2595) - 1)
    low, middle, high = edge_hz[:-2], edge_hz[1:-1], edge_hz[2:]
    rising = (frequency_hz[:, None] - low) / (middle - low)
    falling = (high - frequency_hz[:, None]) / (high - middle)
    bands = power @ np.clip(np.minimum(rising, falling), 0, None)
    floor = _FLOOR * np.percentile(bands.sum(axis=1), 95) / _BANDS + 1e-12
    return np.asarray(np.log(bands + floor), np.float64)


def _mel(frequency_hz: float) -> float:
    return float(2595 * np.log10(1 + frequency_hz / 700))
