"""The built-in English voice: Hibari, a neural engine that needs no network and a hundredth of real time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import lru_cache

from hibari import SAMPLE_RATE, Hibari
from hibari.voices import DEFAULT, VOICES, voice_path

from visavis.errors import ServiceError
from visavis.media import to_int16
from visavis.voice.engine import AudioChunk, shortened


class HibariVoice:
    """Speaks English. Voices other than ``heart`` are used where their file is on this machine; none is fetched."""

    def synthesise(self, text: str, *, language: str, voice: str | None) -> Iterator[AudioChunk]:
        """See :class:`visavis.voice.engine.Voice`."""
        name = voice or DEFAULT
        if name not in self.voices():
            raise ServiceError(
                "voice_unknown",
                f"There is no English voice {name!r}.",
                f"Known here: {', '.join(self.voices())}.",
                status=422,
            )
        speaker = _speaker(name)
        for sentence in Hibari.split_sentences(text):
            for piece in shortened(sentence):
                for sound in speaker.stream(piece):
                    yield AudioChunk(to_int16(sound), SAMPLE_RATE)

    def warm_up(self, language: str) -> None:
        """Load the model and its dictionary: half a second."""
        _speaker(DEFAULT)("Yes.")

    def voices(self) -> tuple[str, ...]:
        """The voices whose files are here."""
        return tuple(name for name in VOICES if _is_here(name))


def _is_here(name: str) -> bool:
    try:
        return os.path.exists(voice_path(name, download_missing=False))
    except FileNotFoundError:
        return False


@lru_cache(maxsize=4)
def _speaker(name: str) -> Hibari:
    return Hibari(voice=name, threads=1)
