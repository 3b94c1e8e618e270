"""Which engine speaks which language."""

from __future__ import annotations

from collections.abc import Iterator

from visavis.errors import ServiceError
from visavis.voice.engine import AudioChunk, Voice
from visavis.voice.espeak import VARIANTS, EspeakVoice, resolve_language
from visavis.voice.hibari import HibariVoice


class Catalogue:
    """All engines behind one: English by the built-in neural voice, everything else by espeak-ng.

    A voice named ``male`` or ``female`` is espeak-ng's in every language, English included.
    """

    def __init__(self) -> None:
        self._english = HibariVoice()
        self._others = EspeakVoice()

    def synthesise(self, text: str, *, language: str, voice: str | None) -> Iterator[AudioChunk]:
        """See :class:`visavis.voice.engine.Voice`; ends with an error where the text made no sound."""
        spoken = False
        for chunk in self._engine(language, voice).synthesise(text, language=language, voice=voice):
            if len(chunk.pcm):
                spoken = True
                yield chunk
        if not spoken:
            raise ServiceError(
                "text_empty",
                f"Nothing in the text can be spoken in {language!r}.",
                "Send words, or name their language.",
            )

    def warm_up(self, language: str) -> None:
        """See :class:`visavis.voice.engine.Voice`."""
        self._engine(language, None).warm_up(language)

    def _engine(self, language: str, voice: str | None) -> Voice:
        if _is_english(language) and voice not in VARIANTS:
            return self._english
        resolve_language(language)
        return self._others


def _is_english(language: str) -> bool:
    return language.lower().replace("_", "-").partition("-")[0] == "en"
