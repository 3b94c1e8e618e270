"""The languages that the built-in voice lacks: espeak-ng, a hundred of them, clear and robotic."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import numpy as np

from visavis.errors import ServiceError
from visavis.voice.engine import AudioChunk, sentences

VARIANTS: Final = {"female": "f2", "male": "m3"}
"""Our voice names and espeak-ng's variants."""

ALIASES: Final = {"en": "en-us", "fr": "fr-fr", "zh": "cmn", "no": "nb"}
"""Tags people use that espeak-ng does not list."""

_PROGRAM: Final = "espeak-ng"
_AMPLITUDE: Final = 60
"""Of 0..200, 100 usual: as loud as the English voice."""
_WORDS_PER_MINUTE: Final = 160
_PATIENCE_S: Final = 20.0
_WAV_HEADER_BYTES: Final = 44


class EspeakVoice:
    """Speaks any language espeak-ng knows; one short-lived process per sentence."""

    def synthesise(self, text: str, *, language: str, voice: str | None) -> Iterator[AudioChunk]:
        """See :class:`visavis.voice.engine.Voice`."""
        tag = resolve_language(language)
        if voice is not None and voice not in VARIANTS:
            raise ServiceError(
                "voice_unknown",
                f"There is no voice {voice!r} for the language {tag!r}.",
                f"Known: {', '.join(VARIANTS)}.",
                status=422,
            )
        name = f"{tag}+{VARIANTS[voice]}" if voice else tag
        for sentence in sentences(text):
            yield _speak(sentence, name)

    def warm_up(self, language: str) -> None:
        """Look up the languages; nothing is kept loaded."""
        resolve_language(language)


def resolve_language(language: str) -> str:
    """espeak-ng's own tag for a language tag: ``pt-BR`` -> ``pt-br``, ``de-CH`` -> ``de``, ``zh`` -> ``cmn``.

    Raises:
        ServiceError: ``voice_language_unknown``.
    """
    known = known_languages()
    tag = language.lower().replace("_", "-")
    while tag and tag not in known:
        tag = tag.rpartition("-")[0]
    if not tag:
        raise ServiceError(
            "voice_language_unknown",
            f"No voice speaks {language[:40]!r}.",
            f"Known: {', '.join(known)}.",
            status=422,
        )
    return ALIASES.get(tag, tag)


@lru_cache(maxsize=1)
def known_languages() -> tuple[str, ...]:
    """Language tags in alphabetical order.

    Raises:
        ServiceError: ``voice_engine_missing``.
    """
    table = _run(["--voices"], "").decode("utf-8", "replace").splitlines()[1:]
    tags = {columns[1].lower() for line in table if len(columns := line.split()) > 1}
    return tuple(sorted(tags | ALIASES.keys()))


def _speak(sentence: str, name: str) -> AudioChunk:
    options = ["-v", name, "-a", str(_AMPLITUDE), "-s", str(_WORDS_PER_MINUTE), "-b", "1", "--stdin", "--stdout"]
    wav = _run(options, sentence)
    sample_rate_hz = int.from_bytes(wav[24:28], "little")
    if wav[:4] != b"RIFF" or not sample_rate_hz:
        raise ServiceError("voice_failed", "espeak-ng gave no sound.", "See the log of the server.", status=502)
    # What is written to a pipe states a length it cannot know; the sound is all that follows the header.
    sound = wav[_WAV_HEADER_BYTES : len(wav) - len(wav) % 2]
    return AudioChunk(np.frombuffer(sound, "<i2").astype(np.int16), sample_rate_hz)


def _run(arguments: list[str], text: str) -> bytes:
    try:
        done = subprocess.run(
            [_PROGRAM, *arguments], input=text.encode(), capture_output=True, timeout=_PATIENCE_S, check=True
        )
    except FileNotFoundError as error:
        raise ServiceError(
            "voice_engine_missing",
            "espeak-ng is not installed: only English can be spoken.",
            "Install it: apt install espeak-ng.",
            status=503,
        ) from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise ServiceError(
            "voice_failed", f"espeak-ng failed: {type(error).__name__}.", "Try another text or voice.", status=502
        ) from error
    return done.stdout
