"""What every voice engine is: text in, sound out, sentence by sentence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from visavis.errors import ServiceError
from visavis.speech.phones import Phone

MAX_TEXT_CHARS: Final = 5_000
"""About six minutes of speech."""
MAX_SENTENCE_CHARS: Final = 300
"""What is spoken in one go at most: 20 s of speech, so that others get their turn."""


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """A piece of speech: a sentence, or part of a very long one."""

    pcm: NDArray[np.int16]
    """Mono, ``[n]``."""
    sample_rate_hz: int
    phones: tuple[Phone, ...] | None = None
    """Its sounds, with times from its first sample; None where the engine does not tell."""

    @property
    def duration_s(self) -> float:
        return len(self.pcm) / self.sample_rate_hz


class Voice(Protocol):
    """An engine that speaks."""

    def synthesise(self, text: str, *, language: str, voice: str | None) -> Iterator[AudioChunk]:
        """Speak a text that :func:`clean_text` has passed; each chunk comes as soon as it is ready.

        Args:
            language: a tag such as ``en``, ``de`` or ``pt-BR``.
            voice: a name from :meth:`voices`; None for the usual one.

        Raises:
            ServiceError: ``voice_language_unknown``, ``voice_unknown``, ``voice_engine_missing``, ``voice_failed``.
        """
        ...

    def warm_up(self, language: str) -> None:
        """Load what the first sentence needs."""
        ...


def clean_text(text: str) -> str:
    """The text without control characters and runs of blanks.

    Raises:
        ServiceError: ``text_empty``, ``text_too_long``.
    """
    if len(text) > 4 * MAX_TEXT_CHARS:
        raise _too_long(len(text))
    visible = "".join(
        character if _is_speakable(character) else " " for character in unicodedata.normalize("NFC", text)
    )
    lines = (" ".join(line.split()) for line in visible.split("\n"))
    clean = "\n".join(line for line in lines if line)
    if not any(character.isalnum() for character in clean):
        raise ServiceError("text_empty", "There is nothing to say.", "Send a text with words in it.")
    if len(clean) > MAX_TEXT_CHARS:
        raise _too_long(len(clean))
    return clean


def sentences(text: str) -> list[str]:
    """A clean text cut where a speaker pauses; none is longer than :data:`MAX_SENTENCE_CHARS`."""
    cut = (sentence for line in text.split("\n") for sentence in _SENTENCE_END.split(line))
    return [piece for sentence in cut for piece in shortened(sentence) if piece.strip()]


def shortened(sentence: str) -> Iterator[str]:
    """A sentence cut after a comma, else between words, else anywhere, where it is too long."""
    while len(sentence) > MAX_SENTENCE_CHARS:
        head = sentence[:MAX_SENTENCE_CHARS]
        clause_end = max(head.rfind(mark) + 1 for mark in ",;:，、；：—")
        word_end = head.rfind(" ") + 1
        end = next(end for end in (clause_end, word_end, MAX_SENTENCE_CHARS) if end > MAX_SENTENCE_CHARS // 3)
        yield sentence[:end].strip()
        sentence = sentence[end:]
    yield sentence.strip()


# After a full stop only where a word of three letters or more stood before it: "Dr. No" and "J. S. Bach" hold together.
_SENTENCE_END: Final = re.compile(r"(?<=[!?…])\s+|(?<=\w\w\w\.)\s+(?=\S)|(?<=[。！？])\s*")

_KEPT_FORMAT_CHARACTERS: Final = "\u200c\u200d"
# Joiners change how Persian and Indic words are read.


def _is_speakable(character: str) -> bool:
    return (
        character == "\n"
        or character in _KEPT_FORMAT_CHARACTERS
        or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )


def _too_long(length: int) -> ServiceError:
    return ServiceError(
        "text_too_long",
        f"The text has {length} characters.",
        f"Send {MAX_TEXT_CHARS} at most, one after another.",
        status=413,
    )
