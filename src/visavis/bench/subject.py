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


def onset_s(pcm: NDArray[np.int16], sample_rate_hz: int) -> float:
    """When a sound begins: its first sample beyond a tenth of its peak."""
    loud = np.abs(pcm.astype(np.int32))
    return float(np.argmax(loud > loud.max() * ONSET_SHARE)) / sample_rate_hz


ONSET_SHARE: float = 0.1
