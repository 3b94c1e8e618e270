"""Who speaks and what is said in the benchmarks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavis.avatar import Avatar
from visavis.service.demos import DEMOS
from visavis.voice.espeak import EspeakVoice

SYLLABLE: str = "pah"
"""A closed mouth, then a wide open one, at once."""

TALK: str = (
    "Everybody knows the feeling: you open your mouth, and nothing comes out. "
    "But a large number of people have found that practice, above all, makes it better."
)


def demo_photo() -> bytes:
    """The portrait of the first demo agent."""
    return DEMOS[0].photo()


def demo_avatar() -> Avatar:
    """Its avatar."""
    return Avatar.from_photo(demo_photo())


def said(text: str) -> tuple[NDArray[np.int16], int]:
    """A text as sound: ``int16 [n]`` mono and its rate."""
    chunks = list(EspeakVoice().synthesise(text, language="en", voice=None))
    return np.concatenate([chunk.pcm for chunk in chunks]), chunks[0].sample_rate_hz


def held_vowel(duration_s: float) -> tuple[NDArray[np.int16], int]:
    """A voice that holds the syllable's vowel: ``int16 [n]`` mono and its rate. The mouth stays open."""
    pcm, rate_hz = said(SYLLABLE)
    grain = pcm[round(_VOWEL_FROM_S * rate_hz) : round(_VOWEL_TO_S * rate_hz)].astype(np.float64)
    fade = round(_VOWEL_FADE_S * rate_hz)
    ramp = np.minimum(1, (np.minimum(np.arange(len(grain)), np.arange(len(grain))[::-1]) + 1) / fade)
    vowel = np.zeros(round(duration_s * rate_hz) + len(grain))
    for start in range(0, len(vowel) - len(grain), len(grain) - fade):
        vowel[start : start + len(grain)] += grain * ramp
    return vowel[: round(duration_s * rate_hz)].astype(np.int16), rate_hz


def onset_s(pcm: NDArray[np.int16], sample_rate_hz: int) -> float:
    """When a sound begins: its first sample beyond a tenth of its peak."""
    loud = np.abs(pcm.astype(np.int32))
    return float(np.argmax(loud > loud.max() * ONSET_SHARE)) / sample_rate_hz


ONSET_SHARE: float = 0.1
_VOWEL_FROM_S: float = 0.13
_VOWEL_TO_S: float = 0.28
"""Where the syllable's vowel is loudest; repeated, with a"""
_VOWEL_FADE_S: float = 0.02
"""fade from each to the next."""
