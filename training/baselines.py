"""Simpler ways to move a mouth by sound, to compare with: loudness, Gaussians over cepstra, and pylipsync."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.signal import lfilter

from training.dataset import CLASS_LETTERS, UNKNOWN_CLASS, load_streams, mel_rows
from visavis.face import VISEMES, viseme_controls
from visavis.speech.articulation import TARGETS
from visavis.speech.features import HOP_SAMPLES, SAMPLE_RATE_HZ

LOUDNESS_RANGE_DB: Final = 35.0
CEPSTRA: Final = 13
FITTED_ROWS: Final = 400_000

_JAW: Final = TARGETS.index("jawOpen")
_PYLIPSYNC_VISEMES: Final = {"aa": "aa", "ee": "E", "ih": "ih", "oh": "oh", "ou": "ou"}


def tracks(data: Path) -> dict[str, Callable[[NDArray[np.float32]], NDArray[np.float32]]]:
    """Every baseline by name."""
    return {"loudness": loudness, "Gaussians": Gaussians(data).track, "pylipsync": pylipsync}


def loudness(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """The jaw by loudness, from 35 dB below the recording's loudest, which a live one could not know."""
    padded = np.concatenate((np.zeros(HOP_SAMPLES, np.float32), pcm, np.zeros(-len(pcm) % HOP_SAMPLES, np.float32)))
    level_db = 10 * np.log10(np.mean(padded.reshape(-1, HOP_SAMPLES) ** 2, axis=1) + 1e-10)
    opening = np.clip(1 + (level_db - level_db.max()) / LOUDNESS_RANGE_DB, 0, 1)
    rows = np.zeros((len(opening), len(TARGETS)), np.float32)
    rows[:, _JAW] = lfilter([0.4], [1, -0.6], opening)
    return rows


class Gaussians:
    """One Gaussian of 13 cepstra for each class of sounds, smoothed forwards (as HeadAudio does)."""

    def __init__(self, data: Path) -> None:
        streams = load_streams(data, split="train")
        mel = np.concatenate([stream.mel for stream in streams])
        classes = np.concatenate([stream.classes for stream in streams])
        targets = np.concatenate([stream.targets for stream in streams])
        chosen = np.random.default_rng(0).choice(len(mel), min(FITTED_ROWS, len(mel)), replace=False)
        cepstra, classes, targets = _cepstra(mel[chosen]), classes[chosen], targets[chosen].astype(np.float64)
        known = [index for index in range(len(CLASS_LETTERS)) if np.sum(classes == index) > 200]
        assert UNKNOWN_CLASS not in known
        self._means = np.stack([cepstra[classes == index].mean(axis=0) for index in known])
        covariances = [np.cov(cepstra[classes == index].T) + 1e-3 * np.eye(CEPSTRA) for index in known]
        self._inverses = np.stack([np.linalg.inv(covariance) for covariance in covariances])
        shares = np.array([np.mean(classes == index) for index in known])
        self._bias = np.log(shares) - 0.5 * np.array([np.linalg.slogdet(covariance)[1] for covariance in covariances])
        self._targets = np.stack([targets[classes == index].mean(axis=0) for index in known])

    def track(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mean shape of the likeliest sounds."""
        away = _cepstra(mel_rows(pcm))[:, None] - self._means
        score = self._bias - 0.5 * np.einsum("nki,kij,nkj->nk", away, self._inverses, away)
        odds = np.exp(score - score.max(axis=1, keepdims=True))
        rows = (odds / odds.sum(axis=1, keepdims=True)) @ self._targets
        return np.asarray(lfilter([0.35], [1, -0.65], rows, axis=0), np.float32)


def pylipsync(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """The Python port of uLipSync with its own templates: five vowels and silence."""
    import pylipsync as package

    analyzer: Any = package.PhonemeAnalyzer()
    segments = analyzer.extract_phoneme_segments(pcm, SAMPLE_RATE_HZ, fps=SAMPLE_RATE_HZ // HOP_SAMPLES)
    shapes = {name: _shape(viseme) for name, viseme in _PYLIPSYNC_VISEMES.items()}
    rows = np.zeros((len(segments) + 1, len(TARGETS)), np.float32)
    for row, segment in zip(rows, segments, strict=False):
        for phoneme in segment.phonemes:
            if phoneme.name in shapes:
                row += phoneme.target * shapes[phoneme.name]
    return rows


def _shape(viseme: str) -> NDArray[np.float32]:
    assert viseme in VISEMES
    controls = viseme_controls(viseme)
    return np.array([controls.get(name, controls.get(name + "Left", 0.0)) for name in TARGETS], np.float32)


def _cepstra(mel: NDArray[Any]) -> NDArray[np.float64]:
    return np.asarray(dct(mel.astype(np.float64), axis=1, norm="ortho")[:, :CEPSTRA])
