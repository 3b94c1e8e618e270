"""Forced alignment, judged by a voice that tells when each of its sounds begins."""

import numpy as np
import pytest

from training.corpus.alignment import Aligned, align
from training.corpus.espeak import library
from training.corpus.pronunciation import nearest_arpabet, words_in_ipa
from training.corpus.sound import pcm_of

ENGLISH = "My mother bought a big piece of brown paper for Paul."
GERMAN = "Meine Mutter kaufte ein großes Stück braunes Papier."
TOLERANCE_S = 0.03


def aligned(text: str, said: str, voice: str) -> tuple[Aligned | None, list[tuple[str, float, float]]]:
    heard = library().say(said, voice)
    assert heard is not None
    wave, phones = heard
    return align(pcm_of(wave, library().sample_rate_hz), text, voice), phones


@pytest.mark.parametrize(("text", "voice"), [(ENGLISH, "en-us"), (GERMAN, "de")])
def test_lips_close_where_the_voice_closes_them(text: str, voice: str) -> None:
    found, told = aligned(text, text, voice)

    assert found is not None and found.is_sound
    closures = [[start_s for ipa, start_s, _ in phones if ipa and ipa[0] in "pbm"] for phones in (found.phones, told)]
    assert len(closures[0]) == len(closures[1]) >= 5
    assert np.median(np.abs(np.subtract(*closures))) < TOLERANCE_S


def test_what_is_not_said_is_not_believed() -> None:
    found, _ = aligned("The weather in Norway will be rather warm, with rain over the weekend.", ENGLISH, "en-us")
    assert found is None or not found.is_sound


def test_a_word_that_the_text_lacks_is_noticed() -> None:
    lacking, _ = aligned("My mother bought a big piece of brown paper.", ENGLISH + " Absolutely wonderful!", "en-us")
    whole, _ = aligned(ENGLISH, ENGLISH, "en-us")
    assert whole is not None and whole.loud_silence_s < 0.05
    assert lacking is None or not lacking.is_sound


def test_phones_fill_the_sound_without_gaps() -> None:
    found, _ = aligned(ENGLISH, ENGLISH, "en-us")

    assert found is not None
    assert found.phones[0][1] == 0
    for before, after in zip(found.phones, found.phones[1:], strict=False):
        assert before[2] == pytest.approx(after[1])


def test_words_are_read_as_the_language_reads_them() -> None:
    assert [len(word) for word in words_in_ipa("pot, chat", "fr")] == [2, 2]
    with pytest.raises(ValueError, match="no voice"):
        words_in_ipa("hello", "nowhere")


@pytest.mark.parametrize(
    ("ipa", "names"),
    [("pʰ", ("P",)), ("tʃ", ("CH",)), ("ˈaɪ", ("AY",)), ("ts", ("T", "S")), ("y", ("IY",)), ("ʔ", ()), ("ç", ("HH",))],
)
def test_every_sound_has_a_nearest_english_one(ipa: str, names: tuple[str, ...]) -> None:
    assert nearest_arpabet(ipa) == names
