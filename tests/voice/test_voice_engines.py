"""The real engines: what they say, in which language, with which voice."""

import sys

import numpy as np
import pytest

from visavis.errors import ServiceError
from visavis.voice import espeak, espeak_program
from visavis.voice.catalogue import Catalogue
from visavis.voice.engine import AudioChunk


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def speak(catalogue: Catalogue, text: str, language: str = "en", voice: str | None = None) -> list[AudioChunk]:
    return list(catalogue.synthesise(text, language=language, voice=voice))


def active_level_db(chunk: AudioChunk) -> float:
    """RMS of the louder frames, dB re full scale."""
    sound = chunk.pcm / 32768
    frame_power = (sound[: len(sound) // 400 * 400].reshape(-1, 400) ** 2).mean(axis=1)
    return float(10 * np.log10(frame_power[frame_power > 0.01 * frame_power.max()].mean()))


def test_english_is_spoken_sentence_by_sentence(catalogue: Catalogue) -> None:
    chunks = speak(catalogue, "Good morning. This is the second sentence. Dr. Smith is the third.")
    assert len(chunks) == 3
    assert {chunk.sample_rate_hz for chunk in chunks} == {24_000}
    assert all(chunk.pcm.dtype == np.int16 and chunk.pcm.ndim == 1 for chunk in chunks)
    assert all(0.4 < chunk.duration_s < 6 for chunk in chunks)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Guten Morgen, wie geht es dir?"),
        ("de-CH", "Guten Morgen, wie geht es dir?"),
        ("fr", "Bonjour tout le monde."),
        ("pt_BR", "Bom dia, tudo bem?"),
        ("ru", "Доброе утро."),
        ("zh", "早上好"),
        ("ar", "صباح الخير"),
    ],
)
def test_other_languages_are_spoken(catalogue: Catalogue, language: str, text: str) -> None:
    chunks = speak(catalogue, text, language)
    assert sum(chunk.duration_s for chunk in chunks) > 0.4


@pytest.mark.parametrize(("language", "voice"), [("en", None), ("en", "male"), ("de", None), ("it", "female")])
def test_voices_are_equally_loud(catalogue: Catalogue, language: str, voice: str | None) -> None:
    text = "Maria canta una canzone molto bella domani mattina."
    assert active_level_db(speak(catalogue, text, language, voice)[0]) == pytest.approx(-24, abs=3)


def test_male_and_female_differ(catalogue: Catalogue) -> None:
    def brightness(voice: str) -> float:
        (chunk,) = speak(catalogue, "Guten Morgen", "de", voice)
        power = np.abs(np.fft.rfft(chunk.pcm)) ** 2
        low = power[np.fft.rfftfreq(len(chunk.pcm), 1 / chunk.sample_rate_hz) < 160].sum()
        return float(low / power.sum())

    assert brightness("male") > 2 * brightness("female")


@pytest.mark.parametrize("language", ["de", "en-GB", "fr", "fr-FR", "zh", "chr-US-Qaaa-x-west"])
def test_every_language_takes_both_voices(catalogue: Catalogue, language: str) -> None:
    male, female = (speak(catalogue, "Papa, 1 2 3", language, voice)[0] for voice in ("male", "female"))
    assert len(male.pcm) != len(female.pcm) or not np.array_equal(male.pcm, female.pcm)


@pytest.mark.parametrize("language", ["xx", "klingon-language", "../../etc/passwd", "--version", "english please"])
def test_an_unknown_language_is_refused_with_the_known_ones(catalogue: Catalogue, language: str) -> None:
    with pytest.raises(ServiceError) as caught:
        speak(catalogue, "Hello there.", language)
    assert caught.value.code == "voice_language_unknown"
    assert "de" in caught.value.hint
    assert "zh" in caught.value.hint


@pytest.mark.parametrize(("language", "voice"), [("en", "nobody"), ("de", "heart"), ("de", "../x")])
def test_an_unknown_voice_is_refused_with_the_known_ones(catalogue: Catalogue, language: str, voice: str) -> None:
    with pytest.raises(ServiceError) as caught:
        speak(catalogue, "Hello there.", language, voice)
    assert caught.value.code == "voice_unknown"
    assert caught.value.hint


@pytest.mark.parametrize("text", ["--help", "-v de hallo", "<speak>hello</speak>", "$(ls); `id`", "[[h@'loU]] you"])
def test_texts_are_only_ever_spoken(catalogue: Catalogue, text: str) -> None:
    for language in ("en", "de"):
        assert speak(catalogue, text, language)


@pytest.mark.parametrize(
    ("exit_code", "code"),
    [
        (espeak_program.NO_LIBRARY, "voice_engine_missing"),
        (espeak_program.NO_VOICE, "voice_failed"),
        (-11, "voice_failed"),
    ],
)
def test_a_program_that_cannot_speak_is_an_error_with_a_hint(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, exit_code: int, code: str
) -> None:
    ending = "import os, signal; os.kill(os.getpid(), 11)" if exit_code < 0 else f"raise SystemExit({exit_code})"
    monkeypatch.setattr(espeak, "_SPEAKING", (sys.executable, "-c", ending))
    with pytest.raises(ServiceError) as caught:
        speak(catalogue, "Hallo.", "de")
    assert caught.value.code == code
    assert caught.value.hint
