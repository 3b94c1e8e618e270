"""A text with markup: which sounds and acts a session is handed, and in which order."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import numpy as np
import pytest

from visavis.acting import Act, Emotion, Gesture, read_script
from visavis.errors import ServiceError
from visavis.placement import Piece, Sound
from visavis.service.reading import read_aloud
from visavis.voice import AudioChunk

RATE_HZ = 1000
LEAD_S = 0.1


class SpelledVoice:
    """Says each letter for a tenth of a second, with silence around every text."""

    def __init__(self) -> None:
        self.spoken: list[str] = []

    async def speak(
        self, text: str, *, language: str | None = None, voice: str | None = None
    ) -> AsyncGenerator[AudioChunk, None]:
        if not any(character.isalnum() for character in text):
            raise ServiceError("text_empty", "There is nothing to say.")
        self.spoken.append(" ".join(text.split()))
        silence = np.zeros(round(LEAD_S * RATE_HZ), np.int16)
        letters = np.full(round(0.1 * RATE_HZ) * sum(c.isalnum() for c in text), 5000, np.int16)
        for part in (silence, letters, silence):
            yield AudioChunk(part, RATE_HZ)


async def read(text: str) -> tuple[list[str], list[tuple[float, Act]]]:
    """What was given to the voice, and when the acts come, in seconds of sound."""
    voice = SpelledVoice()
    acts: list[tuple[float, Act]] = []
    at_s = 0.0
    piece: Piece
    async for piece in read_aloud(read_script(text), voice, language=None, voice=None):  # type: ignore[arg-type]
        if isinstance(piece, Sound):
            at_s += piece.duration_s
        else:
            acts.append((round(at_s, 3), piece))
    return voice.spoken, acts


async def test_markup_between_sentences_stands_between_their_sounds() -> None:
    spoken, acts = await read("[happy] Good to see you! [nod] Shall we?")
    assert spoken == ["Good to see you!", "Shall we?"]
    assert acts == [(0.0, Emotion("happy")), (1.4, Gesture("nod"))]


async def test_a_sentence_is_not_torn_by_markup_within_it() -> None:
    spoken, acts = await read("Good [nod] to see you.")
    assert spoken == ["Good to see you."]
    assert acts == [(pytest.approx(LEAD_S + 0.4, abs=0.01), Gesture("nod"))]


async def test_markup_at_the_end_comes_when_all_was_said() -> None:
    spoken, acts = await read("Bye [wink][neutral]")
    assert spoken == ["Bye"]
    assert acts == [(0.5, Gesture("wink")), (0.5, Emotion("neutral"))]


async def test_a_text_without_words_is_acted() -> None:
    assert await read("[laugh]") == ([], [(0.0, Gesture("laugh"))])


async def test_a_text_without_markup_is_given_to_the_voice_as_it_is() -> None:
    assert await read("One. Two, three?") == (["One. Two, three?"], [])
    with pytest.raises(ServiceError):
        await read("...")


async def test_a_comma_takes_its_time() -> None:
    _, acts = await read("Well, [tilt] abc def")
    ((at_s, _),) = acts
    assert at_s > LEAD_S + 0.4 + 0.05  # later than four letters of ten
