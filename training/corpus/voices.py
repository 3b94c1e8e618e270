"""Other people's voices out of one: pitch, formants, melody, tempo and effort changed by the vocoder WORLD."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass

import numpy as np
import pyworld
from numpy.typing import NDArray

from training.corpus.shelf import SAMPLE_RATE_HZ, PhoneTimes
from training.corpus.timeline import Times, warped

_FRAME_MS = 5.0
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 450.0


@dataclass(frozen=True, slots=True)
class Change:
    """All relative; 1 is no change."""

    tract: float = 1.0
    """Frequencies of the formants: 0.85 a larger person, 1.2 a child."""
    pitch: float = 1.0
    melody: float = 1.0
    """How far the pitch moves from its middle."""
    tempo: float = 1.0
    tilt_db: float = 0.0
    """At 8 kHz against 0 Hz: a loud voice is brighter."""

    def __str__(self) -> str:
        return ", ".join(f"{name} {value:.2f}" for name, value in asdict(self).items())


def random_change(rng: random.Random) -> Change:
    """A person of any size: pitch goes with it, on the whole, as it does in people."""
    tract = rng.uniform(0.84, 1.2)
    return Change(
        tract=tract,
        pitch=2 ** (2.0 * (tract - 1.0) + rng.uniform(-0.3, 0.3)),
        melody=rng.uniform(0.5, 1.5),
        tempo=rng.uniform(0.82, 1.22),
        tilt_db=rng.uniform(-9.0, 6.0),
    )


def changed(wave: NDArray[np.float32], change: Change) -> NDArray[np.float32]:
    """The same words by another mouth; ``1 / tempo`` times as long."""
    sound = np.asarray(wave, np.float64)
    pitch_hz, at_s = pyworld.dio(
        sound, SAMPLE_RATE_HZ, f0_floor=_LOWEST_HZ, f0_ceil=_HIGHEST_HZ, frame_period=_FRAME_MS
    )
    pitch_hz = pyworld.stonemask(sound, pitch_hz, at_s, SAMPLE_RATE_HZ)
    power = pyworld.cheaptrick(sound, pitch_hz, at_s, SAMPLE_RATE_HZ)
    noisiness = pyworld.d4c(sound, pitch_hz, at_s, SAMPLE_RATE_HZ)

    voiced = pitch_hz > 0
    if voiced.any():
        middle_hz = np.exp(np.log(pitch_hz[voiced]).mean())
        pitch_hz[voiced] = middle_hz * change.pitch * (pitch_hz[voiced] / middle_hz) ** change.melody
    log_power = _along(np.log(power), change.tract, axis=1)
    log_power += np.linspace(0.0, change.tilt_db * np.log(10) / 10, log_power.shape[1])
    noisiness = _along(noisiness, change.tract, axis=1)

    # Time: frame k of the copy is what was at k * tempo.
    source = np.minimum(np.arange(int(len(pitch_hz) / change.tempo)) * change.tempo, len(pitch_hz) - 1)
    nearest = np.rint(source).astype(np.int64)
    nearest = np.minimum(nearest, len(pitch_hz) - 1)
    said = pyworld.synthesize(
        np.ascontiguousarray(pitch_hz[nearest]),
        np.ascontiguousarray(np.exp(log_power[nearest])),
        np.ascontiguousarray(np.clip(noisiness[nearest], 1e-4, 1.0)),
        SAMPLE_RATE_HZ,
        _FRAME_MS,
    )
    count = int(len(wave) / change.tempo)
    return np.asarray(np.pad(said, (0, max(0, count - len(said))))[:count], np.float32)


def changed_times(phones: PhoneTimes, change: Change) -> Times:
    """When the sounds of the copy are heard."""
    return warped(phones, lambda at_s: at_s / change.tempo)


def _along(values: NDArray[np.float64], factor: float, *, axis: int) -> NDArray[np.float64]:
    """Stretched along an axis: what was at x is at ``factor * x``."""
    count = values.shape[axis]
    source = np.minimum(np.arange(count) / factor, count - 1)
    low = source.astype(np.int64)
    high = np.minimum(low + 1, count - 1)
    share = source - low
    return (1 - share) * np.take(values, low, axis) + share * np.take(values, high, axis)
