"""A text with markup as what a session is handed: sound, and acts at their places in it.

Markup between sentences stands between their sounds. Within a sentence, the sentence is spoken in one go, or it would
sound like two, and the place is told by its share of the letters: right to some 0.15 s.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from visavis.acting import Act, Script
from visavis.placement import Piece, Sound
from visavis.voice import VoiceHost

AUDIBLE: Final = 300
"""-40 dBFS: a voice, and not the silence around it."""
# A comma takes about as long as three letters.
_PAUSES: Final = dict.fromkeys(",;:–—，、；：", 3.0)
_SENTENCE_END: Final = re.compile(r"(?<=[.!?…。！？\n])\s*$")


@dataclass(frozen=True, slots=True)
class _Stretch:
    """What is spoken in one go, and the acts within it by the share of it that comes before them."""

    text: str
    acts: tuple[tuple[float, Act], ...]


async def read_aloud(
    script: Script, voices: VoiceHost, *, language: str | None, voice: str | None
) -> AsyncGenerator[Piece]:
    """The pieces of one utterance, as they are made.

    Raises:
        VisavisError: what the voice refuses, such as a language it lacks.
    """
    if not script.marks:
        async with contextlib.aclosing(_sounds(voices, script.text, language, voice)) as sounds:
            async for sound in sounds:
                yield sound
        return
    for item in _stretches(script):
        if not isinstance(item, _Stretch):
            yield item
            continue
        async with contextlib.aclosing(_sounds(voices, item.text, language, voice)) as sounds:
            if not item.acts:
                async for sound in sounds:
                    yield sound
                continue
            whole = [sound async for sound in sounds]
        for piece in _with_acts(whole, item.acts):
            yield piece


async def _sounds(voices: VoiceHost, text: str, language: str | None, voice: str | None) -> AsyncGenerator[Sound]:
    async with contextlib.aclosing(voices.speak(text, language=language, voice=voice)) as chunks:
        async for chunk in chunks:
            yield Sound(chunk.pcm, chunk.sample_rate_hz, chunk.phones)


def _stretches(script: Script) -> Iterator[_Stretch | Act]:
    """A script cut at the marks that stand where a sentence ends, and what is between."""
    text, begin = script.text, 0
    within: list[tuple[int, Act]] = []
    for mark in script.marks:
        before = text[begin : mark.at_char]
        if not _has_words(before) or _SENTENCE_END.search(before) or not _has_words(text[mark.at_char :]):
            yield from _stretch(before, begin, within)
            begin, within = mark.at_char, []
            yield mark.act
        else:
            within.append((mark.at_char, mark.act))
    yield from _stretch(text[begin:], begin, within)


def _stretch(text: str, begin: int, within: list[tuple[int, Act]]) -> Iterator[_Stretch]:
    if _has_words(text):
        total = _length(text)
        yield _Stretch(text, tuple((_length(text[: at - begin]) / total, act) for at, act in within))


def _has_words(text: str) -> bool:
    return any(character.isalnum() for character in text)


def _length(text: str) -> float:
    return sum(1.0 if character.isalnum() else _PAUSES.get(character, 0.0) for character in text)


def _with_acts(sounds: list[Sound], acts: tuple[tuple[float, Act], ...]) -> Iterator[Piece]:
    """Sound of one stretch cut where its acts stand."""
    whole = Sound.joined(sounds)
    heard = np.flatnonzero(np.abs(whole.pcm.astype(np.int32)) > AUDIBLE)
    first, last = (int(heard[0]), int(heard[-1])) if len(heard) else (0, len(whole.pcm))
    begin = 0
    for share, act in acts:
        end = first + round(share * (last - first))
        if end > begin:
            yield whole.part(begin, end)
            begin = end
        yield act
    yield whole.part(begin)
