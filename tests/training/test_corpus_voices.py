"""A changed voice says the same at the same time, counted in its own tempo."""

from __future__ import annotations

import numpy as np
import pytest

from training.corpus.channels import delay_samples
from training.corpus.shelf import SAMPLE_RATE_HZ
from training.corpus.voices import Change, changed, changed_times

SYLLABLES_S = ((0.3, 0.55), (0.8, 1.0), (1.3, 1.7))


def buzz(pitch_hz: float = 120.0) -> np.ndarray:
    """Three syllables of a voice through a formant at 600 Hz."""
    time_s = np.arange(2 * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    harmonics = np.arange(1, int(7000 / pitch_hz))
    gains = 1 / (1 + ((harmonics * pitch_hz - 600) / 250) ** 2) + 0.01
    voice = sum(gain * np.cos(2 * np.pi * pitch_hz * k * time_s) for k, gain in zip(harmonics, gains, strict=True))
    sounding = np.zeros(len(time_s))
    for start_s, end_s in SYLLABLES_S:
        sounding[int(start_s * SAMPLE_RATE_HZ) : int(end_s * SAMPLE_RATE_HZ)] = 1
    sounding = np.convolve(sounding, np.hanning(320) / np.hanning(320).sum(), mode="same")
    noise = np.random.default_rng(1).standard_normal(len(time_s)) * 1e-4
    return (0.1 * voice * sounding + noise).astype(np.float32)


def envelope(wave: np.ndarray) -> np.ndarray:
    return np.sqrt(np.convolve(wave.astype(np.float64) ** 2, np.ones(160) / 160, mode="same")).astype(np.float32)


@pytest.mark.parametrize("change", [Change(), Change(tract=1.15, pitch=1.3), Change(tract=0.85, pitch=0.8, tilt_db=-6)])
def test_another_mouth_speaks_at_the_same_time(change: Change) -> None:
    said = buzz()
    copy = changed(said, change)

    assert len(copy) == len(said)
    assert abs(delay_samples(envelope(said), envelope(copy))) <= 0.004 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("tempo", [0.85, 1.2])
def test_times_follow_the_tempo(tempo: float) -> None:
    phones = [("a", start_s, end_s) for start_s, end_s in SYLLABLES_S]
    copy = changed(buzz(), Change(tempo=tempo))
    loud = envelope(copy) > 0.3 * envelope(copy).max()

    assert len(copy) == int(2 * SAMPLE_RATE_HZ / tempo)
    for _, start_s, end_s in changed_times(phones, Change(tempo=tempo)):
        assert loud[int((start_s + 0.02) * SAMPLE_RATE_HZ) : int((end_s - 0.02) * SAMPLE_RATE_HZ)].all()
        assert not loud[int((start_s - 0.05) * SAMPLE_RATE_HZ) : int((start_s - 0.02) * SAMPLE_RATE_HZ)].any()


def test_pitch_and_formant_move_apart() -> None:
    copy = changed(buzz(), Change(tract=1.2, pitch=1.5))[int(1.35 * SAMPLE_RATE_HZ) : int(1.65 * SAMPLE_RATE_HZ)]
    power = np.abs(np.fft.rfft(copy * np.hanning(len(copy)), 1 << 16)) ** 2
    frequency_hz = np.fft.rfftfreq(1 << 16, 1 / SAMPLE_RATE_HZ)
    low = (frequency_hz > 100) & (frequency_hz < 250)
    formant = (frequency_hz > 300) & (frequency_hz < 2000)

    assert frequency_hz[low][power[low].argmax()] == pytest.approx(180, abs=8)
    centre_hz = (frequency_hz * power)[formant].sum() / power[formant].sum()
    assert centre_hz == pytest.approx(720, abs=80)
