"""Noises that are no speech: coloured noise, hum, tones, clicks, all computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.corpus.shelf import SAMPLE_RATE_HZ, Split, Utterance
from training.corpus.sound import pcm_of, scaled_to_peak
from training.corpus.source import Recordings

LENGTH_S: Final = 20.0
COUNT: Final[Mapping[Split, int]] = MappingProxyType({"train": 20, "validation": 3, "test": 3})
"""Of each kind of noise."""

Wave = NDArray[np.floating]
_SAMPLES: Final = int(LENGTH_S * SAMPLE_RATE_HZ)


def coloured(rng: np.random.Generator, exponent: float, low_hz: float = 30.0) -> Wave:
    """Noise whose power falls with frequency as f^-exponent: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(_SAMPLES))
    frequency_hz = np.fft.rfftfreq(_SAMPLES, 1 / SAMPLE_RATE_HZ)
    gain = np.where(frequency_hz > low_hz, np.maximum(frequency_hz, low_hz) ** (-exponent / 2), 0.0)
    return np.fft.irfft(spectrum * gain, _SAMPLES)


def gust(rng: np.random.Generator) -> Wave:
    """Wind, traffic, a crowd far away: noise of some colour that swells and falls within seconds."""
    return coloured(rng, rng.uniform(0.5, 2.2)) * _swelling(rng, rng.uniform(0.2, 2.0))


def hum(rng: np.random.Generator) -> Wave:
    """Mains hum with its harmonics, and the hiss that comes with it."""
    time_s = np.arange(_SAMPLES) / SAMPLE_RATE_HZ
    base_hz = rng.choice([50.0, 60.0, rng.uniform(80, 300)])
    wave = np.zeros(_SAMPLES)
    for harmonic in range(1, int(rng.integers(3, 30))):
        wave += (
            rng.uniform(0, 1)
            / harmonic ** rng.uniform(0.5, 1.5)
            * np.sin(2 * np.pi * base_hz * harmonic * time_s + rng.uniform(0, 6.28))
        )
    return _normal(wave) + rng.uniform(0.01, 0.3) * _normal(coloured(rng, 1.0))


def tones(rng: np.random.Generator) -> Wave:
    """Dial tones, ring tones, alarms, held notes and glides, between pauses."""
    wave = np.zeros(_SAMPLES)
    at = 0
    while at < _SAMPLES:
        length = min(int(rng.uniform(0.05, 1.5) * SAMPLE_RATE_HZ), _SAMPLES - at)
        time_s = np.arange(length) / SAMPLE_RATE_HZ
        note = np.zeros(length)
        for start_hz in 10 ** rng.uniform(2.0, 3.5, int(rng.integers(1, 5))):
            end_hz = start_hz * (rng.uniform(0.5, 2.0) if rng.random() < 0.2 else 1.0)
            phase = 2 * np.pi * np.cumsum(np.linspace(start_hz, end_hz, length)) / SAMPLE_RATE_HZ
            for harmonic in range(1, int(rng.integers(2, 8))):
                note += np.sin(phase * harmonic) / harmonic ** rng.uniform(0.7, 2.5)
        envelope = np.minimum(1, np.minimum(time_s, time_s[::-1]) / rng.uniform(0.002, 0.05))
        if rng.random() < 0.5:
            envelope = envelope * np.exp(-time_s * rng.uniform(0.5, 10))
        wave[at : at + length] = _normal(note) * envelope * rng.uniform(0.3, 1.0)
        at += length + int(rng.choice([0.0, rng.uniform(0, 1.0)]) * SAMPLE_RATE_HZ)
    return wave + rng.uniform(0.0005, 0.02) * coloured(rng, 0.0)


def clicks(rng: np.random.Generator) -> Wave:
    """Keys, taps, knocks, claps, crackle: short resonant bursts, regular or not."""
    wave = np.zeros(_SAMPLES + SAMPLE_RATE_HZ)
    mean_gap_s = 10 ** rng.uniform(-1.3, 0.2)
    regular = rng.random() < 0.3
    decay_s, resonance_hz = 10 ** rng.uniform(-2.7, -1.0), 10 ** rng.uniform(2.0, 3.7)
    at_s = 0.0
    while at_s < LENGTH_S:
        time_s = np.arange(int(8 * decay_s * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
        varied_hz = resonance_hz * rng.uniform(0.8, 1.25)
        ring = np.sin(2 * np.pi * varied_hz * time_s) + rng.uniform(0.1, 2) * rng.standard_normal(len(time_s))
        start = int(at_s * SAMPLE_RATE_HZ)
        wave[start : start + len(time_s)] += rng.uniform(0.2, 1) * ring * np.exp(-time_s / decay_s)
        at_s += mean_gap_s if regular else rng.exponential(mean_gap_s) + 0.02
    return wave[:_SAMPLES] + rng.uniform(0.0005, 0.03) * coloured(rng, 0.0)


def breath(rng: np.random.Generator) -> Wave:
    """Breathing in and out, near a microphone: noise through the open resonances of a vocal tract."""
    frequency_hz = np.fft.rfftfreq(_SAMPLES, 1 / SAMPLE_RATE_HZ)
    shape = np.full(len(frequency_hz), 0.05)
    for centre_hz in (rng.uniform(400, 900), rng.uniform(1200, 2000), rng.uniform(2200, 3500)):
        shape += np.exp(-(((frequency_hz - centre_hz) / rng.uniform(150, 500)) ** 2))
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(_SAMPLES)) * shape, _SAMPLES)
    envelope = np.zeros(_SAMPLES)
    at_s = rng.uniform(0, 2)
    while at_s < LENGTH_S - 2:
        length_s = rng.uniform(0.3, 1.6)
        start, count = int(at_s * SAMPLE_RATE_HZ), int(length_s * SAMPLE_RATE_HZ)
        envelope[start : start + count] = rng.uniform(0.3, 1.0) * np.hanning(count)
        at_s += length_s + rng.uniform(0.1, 2.0)
    return _normal(noise) * envelope + 0.003 * coloured(rng, 0.0)


NOISES: Final[Mapping[str, Callable[[np.random.Generator], Wave]]] = MappingProxyType(
    {
        "white": lambda rng: coloured(rng, 0.0),
        "pink": lambda rng: coloured(rng, 1.0),
        "brown": lambda rng: coloured(rng, 2.0),
        "gust": gust,
        "hum": hum,
        "tones": tones,
        "clicks": clicks,
        "breath": breath,
    }
)


def _utterances(packages: Path, done: frozenset[str]) -> Iterator[Utterance]:
    for kind, (name, make) in enumerate(NOISES.items()):
        for part, (split, count) in enumerate(COUNT.items()):
            for number in range(count):
                id = f"{name}-{split}-{number:03d}"
                if id in done:
                    continue
                rng = np.random.default_rng((kind, part, number))
                pcm = pcm_of(scaled_to_peak(make(rng), float(10 ** rng.uniform(-1.7, -0.1))), SAMPLE_RATE_HZ)
                yield Utterance(
                    id, pcm, "noise", f"noise-{name}", "und", split,
                    kind="nonspeech" if name == "breath" else "noise", style=name, licence="Apache-2.0",
                )  # fmt: skip


def _normal(wave: Wave) -> Wave:
    return wave / max(float(np.abs(wave).max()), 1e-9)


def _swelling(rng: np.random.Generator, rate_hz: float) -> Wave:
    knots = rng.uniform(0.05, 1.0, max(2, int(LENGTH_S * rate_hz)))
    return np.interp(np.linspace(0, 1, _SAMPLES), np.linspace(0, 1, len(knots)), knots)


SOURCE: Final = Recordings("noise", _utterances)
