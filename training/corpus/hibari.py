"""Hibari: a neural voice of PyPI that hands out its spectra, so that other mouths can be made of it before it sounds.

The network tells magnitudes per frequency and the pitch; both are changed ahead of the synthesis, which leaves no trace
of a filter: a longer or shorter vocal tract, another pitch, a livelier or flatter melody, more or less breath.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from hibari import Hibari, dsp
from hibari.g2p import G2P
from hibari.voices import voice_path
from numpy.typing import NDArray

from training.corpus.calibration import CALIBRATION
from training.corpus.neural import heard, session
from training.corpus.shelf import Split, Utterance
from training.corpus.sound import pcm_of, scaled_to_peak
from training.corpus.source import Voices
from training.corpus.texts import sentence

LICENCE: Final = "Apache-2.0"

_DURATIONS: Final = "/Clip_output_0"
_VOICED_HZ: Final = 40.0


@dataclass(frozen=True, slots=True)
class _Mouth:
    """How a copy of the voice differs from it."""

    tract: float
    """Frequencies of the formants, relative: 0.8 a large man, 1.2 a child."""
    pitch: float
    melody: float
    """How much the pitch moves, relative."""
    breath: float
    """Of the noise, in nepers."""
    tilt: float
    """Of the spectrum at 8 kHz against 0 Hz, in nepers."""


@cache
def _speaker() -> Hibari:
    speaker = Hibari(threads=1)
    speaker.sess = session(Path(voice_path("heart", download_missing=False)), _DURATIONS)
    return speaker


@cache
def _phonemes_of(british: bool) -> G2P:
    return G2P(british=british)


def _mouth(rng: random.Random) -> _Mouth:
    if rng.random() < 0.3:
        return _Mouth(1.0, 1.0, 1.0, 0.0, 0.0)
    tract = rng.uniform(0.80, 1.18)
    # The voice is a woman's, about 190 Hz: a longer tract goes with a deeper pitch, on the whole.
    pitch = 2 ** (2.6 * (tract - 1.0) + rng.uniform(-0.35, 0.25))
    return _Mouth(tract, pitch, rng.uniform(0.4, 1.5), rng.gauss(0.0, 0.5), rng.uniform(-1.0, 0.6))


def _changed(parts: list[NDArray[np.float32]], mouth: _Mouth) -> list[NDArray[np.float32]]:
    harmonic, angle, noise, rest, phase, pitch_hz = parts
    bins = len(harmonic)
    source = np.arange(bins) / mouth.tract
    low = np.minimum(source.astype(np.int64), bins - 1)
    high = np.minimum(low + 1, bins - 1)
    share = np.float32(1) * (source - np.floor(source)).astype(np.float32)[:, None]
    tilt = (mouth.tilt * np.arange(bins, dtype=np.float32) / 400)[:, None]

    def warped(spectrum: NDArray[np.float32]) -> NDArray[np.float32]:
        return (1 - share) * spectrum[low] + share * spectrum[high] + tilt

    voiced = pitch_hz > _VOICED_HZ
    changed_hz = pitch_hz.copy()
    if voiced.any():
        centre = float(np.exp(np.log(pitch_hz[voiced]).mean()))
        changed_hz[voiced] = centre * mouth.pitch * (pitch_hz[voiced] / centre) ** mouth.melody
    breath = np.float32(mouth.breath)
    return [warped(harmonic), angle[low], warped(noise) + breath, warped(rest), phase[low], changed_hz]


def _say(split: Split, rng: random.Random) -> list[Utterance]:
    british = rng.random() < 0.35
    text = sentence("en", split, rng)
    mouth, speed, peak = _mouth(rng), rng.uniform(0.75, 1.35), rng.uniform(0.15, 0.9)
    noise = np.random.default_rng(rng.randrange(2**32))
    if text is None:
        return []
    speaker = _speaker()
    symbols = [symbol for symbol in _phonemes_of(british)(text) or "" if symbol in speaker.vocab]
    if len(symbols) < 6 or len(symbols) > 220:
        return []
    ids = np.asarray([speaker.ids("".join(symbols))], np.int64)
    outputs = speaker.sess.run(None, {"ids": ids, "speed": np.array([speed], np.float32)})
    parts = [output[0] for output in outputs[:6]]
    plain = dsp.synth(*parts, noise)
    duration_s = len(plain) / dsp.SR
    if not 0.5 < duration_s < 14.0:
        return []
    # The times are of the plain voice: where a sound begins does not depend on whose mouth says it.
    phones = heard(["$", *symbols, "$"], outputs[6].ravel(), CALIBRATION["hibari"].shift_s, plain, dsp.SR)
    wave = dsp.synth(*_changed(parts, mouth), noise)
    return [
        Utterance("", pcm_of(scaled_to_peak(wave, peak), dsp.SR), "hibari", "hibari-heart",
                  "en-GB" if british else "en-US", split, licence=LICENCE, text=text, alignment="engine",
                  phones=phones)
    ]  # fmt: skip


SOURCE: Final = Voices("hibari", {"train": 3.5}, _say)
