"""Forced alignment of recorded speech with what is said: when each sound begins and ends.

The aligner is pocketsphinx with its English model. For other languages each sound is looked for as the English one
nearest to it: closures, friction and vowels are where they are in any language.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from pocketsphinx import Decoder

from training.corpus.pronunciation import aligner_words, words_in_ipa
from training.corpus.shelf import SAMPLE_RATE_HZ, Pcm
from training.corpus.timeline import Times, fitted

PADDING_S: Final = 0.2
"""Of silence on either side: the aligner wants some."""
_FRAME_S: Final = 0.01
_BEAM: Final = 1e-80
_TRIES: Final = 3
_NEAR_S: Final = 0.08
_LOUD_DB: Final = 15.0
"""Below the louder sounds: breath and rooms are softer."""


LEAST_SCORE: Final = -42.0
MOST_SHORTEST: Final = 0.3
MOST_LOUD_SILENCE_S: Final = 0.1
"""Texts that are said score -10 to -22 in English and -17 to -40 in French and Russian, with some 5 and 15 % of the
shortest sounds; texts that are not, -20 to -70 and 10 to 60 %."""


@dataclass(frozen=True, slots=True)
class Aligned:
    """Sounds and when they are heard."""

    phones: Times
    score: float
    """Mean of the logarithm of the likelihood per frame, against the likeliest sound; 0 is best."""
    shortest_share: float
    """Share of the sounds that have the least length the aligner knows: many where text and sound do not agree."""
    loud_silence_s: float
    """Time in which somebody is heard and nothing is said: a word that the text lacks, or sounds put elsewhere."""

    @property
    def is_sound(self) -> bool:
        """Whether the text is likely what is said."""
        return (
            self.score > LEAST_SCORE
            and self.shortest_share < MOST_SHORTEST
            and self.loud_silence_s < MOST_LOUD_SILENCE_S
        )


def align(pcm: Pcm, text: str, voice: str) -> Aligned | None:
    """When the sounds of a text are heard; None where the aligner finds no way through.

    Args:
        pcm: what is heard, up to some twenty seconds.
        text: what is said.
        voice: espeak-ng's voice that reads texts of this language and accent.
    """
    words = words_in_ipa(text, voice)
    parts = aligner_words(words)
    said = [(word, names, counts) for word, (names, counts) in zip(words, parts, strict=True) if names]
    if not said:
        return None
    decoder = _decoder()
    for _, names, _ in said:
        spelled = "_".join(names)
        if decoder.lookup_word(spelled) is None:
            decoder.add_word(spelled, " ".join(names), True)
    padding = np.zeros(int(PADDING_S * SAMPLE_RATE_HZ), np.int16)
    padded = np.concatenate([padding, pcm, padding])
    # Digital silence has no spectrum. And a search that found no way through may find one with other noise.
    for seed in range(_TRIES):
        noise = np.random.default_rng(seed).normal(0, 3 + 2 * seed, len(padded))
        found = _search(decoder, (padded + noise).astype(np.int16).tobytes(), ["_".join(names) for _, names, _ in said])
        if found is not None:
            return _aligned(said, found, pcm)
    return None


def _search(decoder: Decoder, data: bytes, words: list[str]) -> list[tuple[str, int, int, int]] | None:
    """Name, start, length (in frames) and score of each of the aligner's sounds."""
    try:
        decoder.set_align_text(" ".join(words))
        _decode(decoder, data)
        if decoder.hyp() is None:
            return None
        decoder.set_alignment()
        _decode(decoder, data)
        return [
            (phone.name, phone.start, phone.duration, phone.score) for word in decoder.get_alignment() for phone in word
        ]
    except RuntimeError:
        return None


def _decode(decoder: Decoder, data: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(data, full_utt=True)
    decoder.end_utt()


def _aligned(
    said: list[tuple[list[str], list[str], list[int]]], found: list[tuple[str, int, int, int]], pcm: Pcm
) -> Aligned | None:
    sounds = [part for part in found if part[0] not in ("SIL", "+NSN+", "+SPN+", "+NOISE+", "(NULL)")]
    if [name for name, *_ in sounds] != [name for _, names, _ in said for name in names]:
        return None
    phones: Times = []
    at = 0
    for word, _, counts in said:
        for ipa, count in zip(word, counts, strict=True):
            if count:
                start, end = sounds[at][1], sounds[at + count - 1][1] + sounds[at + count - 1][2]
                if phones and phones[-1][2] < start * _FRAME_S - PADDING_S - 1e-6:
                    phones.append(("", phones[-1][2], start * _FRAME_S - PADDING_S))
                phones.append((ipa, start * _FRAME_S - PADDING_S, end * _FRAME_S - PADDING_S))
            at += count
    frames = sum(duration for _, _, duration, _ in sounds)
    score = sum(part[3] for part in sounds) / max(frames, 1)
    shortest = sum(duration <= 3 for _, _, duration, _ in sounds) / len(sounds)
    fitting = fitted(phones, len(pcm) / SAMPLE_RATE_HZ)
    return Aligned(fitting, score, shortest, _loud_silence_s(pcm, fitting))


def _loud_silence_s(pcm: Pcm, phones: Times) -> float:
    """How long it is about as loud as the speech, away from any sound that is told."""
    step = int(_FRAME_S * SAMPLE_RATE_HZ)
    frames = pcm[: len(pcm) // step * step].reshape(-1, step).astype(np.float64)
    level_db = 10 * np.log10((frames**2).mean(axis=1) + 1)
    told, near = np.zeros(len(frames), bool), np.zeros(len(frames), bool)
    for ipa, start_s, end_s in phones:
        if ipa:
            told[int(start_s / _FRAME_S) : int(end_s / _FRAME_S)] = True
            near[max(int((start_s - _NEAR_S) / _FRAME_S), 0) : int((end_s + _NEAR_S) / _FRAME_S)] = True
    if not told.any():
        return 0.0
    loud = level_db > np.percentile(level_db[told], 70) - _LOUD_DB
    return float((loud & ~near).sum() * _FRAME_S)


@cache
def _decoder() -> Decoder:
    # The search for the best path in the lattice of words loses words that were only just found.
    return Decoder(lm=None, loglevel="FATAL", beam=_BEAM, pbeam=_BEAM, wbeam=_BEAM, bestpath=False)
