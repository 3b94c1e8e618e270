"""The languages that the built-in voice lacks: espeak-ng, a hundred of them, clear and robotic."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

import numpy as np

from visavis.errors import ServiceError
from visavis.speech.phones import Phone, gestures
from visavis.voice import espeak_program
from visavis.voice.engine import AudioChunk, sentences

VARIANTS: Final = {"female": "f2", "male": "m3"}
"""Our voice names and espeak-ng's variants."""

ALIASES: Final = {
    "en": "en-us", "en-gb": "en", "fr": "fr", "fr-fr": "fr", "zh": "cmn", "no": "nb", "chr-us-qaaa-x-west": "chr",
}  # fmt: skip
"""Tags people use that espeak-ng does not list, and its own that are not the name of a voice: they take no variant."""

CLOSURE_S: Final = 0.040
"""The event of a voiceless stop is its burst; so long before it the sound is silent and the mouth is closed."""

_PROGRAM: Final = "espeak-ng"
_SPEAKING: Final = (sys.executable, "-I", "-S", espeak_program.__file__)
_AMPLITUDE: Final = 60
"""Of 0..200, 100 usual: as loud as the English voice."""
_WORDS_PER_MINUTE: Final = 160
_PATIENCE_S: Final = 20.0
_LEAST_PHONE_S: Final = 0.015
_VOICELESS_STOPS: Final = frozenset("ptkcqʈ")


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
    table = _run([_PROGRAM, "--voices"], "").decode("utf-8", "replace").splitlines()[1:]
    tags = {columns[1].lower() for line in table if len(columns := line.split()) > 1}
    return tuple(sorted(tags | ALIASES.keys()))


def phones_of(events: Sequence[tuple[float, str]], duration_s: float) -> tuple[Phone, ...]:
    """Phones of espeak-ng's phoneme events, each its time in seconds and its IPA; no IPA is a pause.

    Where another language begins there is an event that names it in brackets, and some marks have one of their own:
    no phones.
    """
    named = ((at_s, ipa.strip("ˈˌ")) for at_s, ipa in events)
    sounds = [(at_s, ipa) for at_s, ipa in named if not ipa or (gestures(ipa) and not ipa.startswith("("))]
    starts_s: list[float] = []
    for at_s, ipa in sounds:
        start_s = at_s - CLOSURE_S if ipa[:1] in _VOICELESS_STOPS else at_s
        starts_s.append(max(start_s, starts_s[-1] + _LEAST_PHONE_S if starts_s else 0.0))
    ends_s = [*starts_s[1:], duration_s]
    return tuple(
        Phone(ipa, start_s, end_s)
        for (_, ipa), start_s, end_s in zip(sounds, starts_s, ends_s, strict=True)
        if end_s > start_s
    )


def _speak(sentence: str, name: str) -> AudioChunk:
    output = _run([*_SPEAKING, name, str(_AMPLITUDE), str(_WORDS_PER_MINUTE)], sentence)
    header, _, sound = output.partition(b"\n")
    told = json.loads(header)
    sample_rate_hz = told["sample_rate_hz"]
    pcm = np.frombuffer(sound, "<i2").astype(np.int16)
    return AudioChunk(pcm, sample_rate_hz, phones_of(told["phonemes"], len(pcm) / sample_rate_hz))


def _run(command: list[str], text: str) -> bytes:
    try:
        done = subprocess.run(command, input=text.encode(), capture_output=True, timeout=_PATIENCE_S, check=True)
    except FileNotFoundError as error:
        raise _missing() from error
    except subprocess.CalledProcessError as error:
        if error.returncode == espeak_program.NO_LIBRARY:
            raise _missing() from error
        raise _failed(error) from error
    except subprocess.TimeoutExpired as error:
        raise _failed(error) from error
    return done.stdout


def _missing() -> ServiceError:
    return ServiceError(
        "voice_engine_missing",
        "espeak-ng is not installed: only English can be spoken.",
        "Install it: apt install espeak-ng.",
        status=503,
    )


def _failed(error: Exception) -> ServiceError:
    return ServiceError(
        "voice_failed", f"espeak-ng failed: {type(error).__name__}.", "Try another text or voice.", status=502
    )
