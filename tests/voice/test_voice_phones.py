"""The built-in voices tell which sound is heard when."""

import json
import struct
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.speech.articulation import closures
from visavis.speech.phones import Phone, cut_phones, gestures, phone_values, phones_of_values
from visavis.voice import AudioChunk, VoiceHost
from visavis.voice.alignment import falls_silent_s, put_right
from visavis.voice.catalogue import Catalogue
from visavis.voice.espeak import CLOSURE_S, phones_of
from visavis.voice.worker import Worker

SENTENCE = "Keep the happy puppy in the upper pocket of a bottomless backpack."
CLOSURE_COUNT = 10


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue()


def said(catalogue: Catalogue, text: str, language: str, voice: str | None = None) -> AudioChunk:
    (chunk,) = catalogue.synthesise(text, language=language, voice=voice)
    return chunk


def phones_in(chunk: AudioChunk) -> tuple[Phone, ...]:
    assert chunk.phones is not None
    return chunk.phones


def level_db(chunk: AudioChunk, start_s: float, end_s: float) -> float:
    """Of what is heard above the murmur of a voice behind closed lips (700 Hz)."""
    pcm = chunk.pcm[round(start_s * chunk.sample_rate_hz) : round(end_s * chunk.sample_rate_hz)] / 32768
    power = np.abs(np.fft.rfft(pcm * np.hanning(len(pcm)))) ** 2 / len(pcm)
    return float(10 * np.log10(power[np.fft.rfftfreq(len(pcm), 1 / chunk.sample_rate_hz) > 700].sum() + 1e-9))


@pytest.mark.parametrize(
    ("language", "voice", "text"),
    [
        ("en", None, SENTENCE),
        ("en", "female", SENTENCE),
        ("de", None, "Ich möchte sechs Pflaumen und zwei Äpfel, bitte."),
        ("fr", "male", "Un bon vin blanc pour mon père, s'il vous plaît."),
        ("zh", None, "妈妈买了苹果"),
        ("ar", None, "صباح الخير"),
        ("hi", None, "फल पपीता भाभी"),
    ],
)
def test_phones_follow_each_other_through_the_whole_sound(
    catalogue: Catalogue, language: str, voice: str | None, text: str
) -> None:
    chunk = said(catalogue, text, language, voice)
    phones = phones_in(chunk)
    assert phones[-1].end_s == pytest.approx(chunk.duration_s, abs=0.01)
    assert all(phone.end_s > phone.start_s for phone in phones)
    for before, after in zip(phones[:-1], phones[1:], strict=True):
        assert after.start_s == pytest.approx(before.end_s)
    assert sum(1 for phone in phones if gestures(phone.ipa)) >= 8
    assert not any("(" in phone.ipa for phone in phones)


@pytest.mark.parametrize("voice", [None, "female", "male"])
def test_the_sound_is_quiet_where_lips_are_said_to_be_closed(catalogue: Catalogue, voice: str | None) -> None:
    chunk = said(catalogue, SENTENCE, "en", voice)
    found = [(start_s, end_s) for start_s, end_s, kind in closures(phones_in(chunk)) if kind == "bilabial"]
    assert len(found) == CLOSURE_COUNT
    vowels = [phone for phone in phones_in(chunk) if phone.ipa[:1] in "aæɑʌieɪ" and phone.ipa]
    loud_db = np.median([level_db(chunk, vowel.start_s, vowel.end_s) for vowel in vowels])
    for start_s, end_s in found:
        middle_s = (start_s + end_s) / 2
        assert level_db(chunk, middle_s - 0.01, middle_s + 0.01) < loud_db - 8


@pytest.mark.parametrize("voice", [None, "female"])
@pytest.mark.parametrize("text", ["Are you there?", "This is the end.", "See you tomorrow."])
def test_the_last_phone_ends_with_its_sound(catalogue: Catalogue, voice: str | None, text: str) -> None:
    chunk = said(catalogue, text, "en", voice)
    last = [phone for phone in phones_in(chunk) if gestures(phone.ipa)][-1]
    envelope = np.abs(chunk.pcm.astype(np.int32))
    heard_s = float(np.flatnonzero(envelope > envelope.max() * 0.03)[-1]) / chunk.sample_rate_hz
    assert last.end_s == pytest.approx(heard_s, abs=0.06)


def test_where_a_sound_falls_silent() -> None:
    sound = np.concatenate((tone(0.3, 300, 0.3), tone(0.3, 300, 0.0005), tone(0.2, 300, 0.3)))
    assert falls_silent_s(0.1, 0.5, sound, 16_000) == pytest.approx(0.3, abs=0.006)
    assert falls_silent_s(0.1, 0.2, sound, 16_000) == 0.2
    assert falls_silent_s(0.4, 0.5, sound, 16_000) == 0.4
    assert falls_silent_s(0.1, 0.2, np.zeros(0, np.float32), 16_000) == 0.1


def test_espeak_tells_the_burst_of_a_voiceless_stop_and_its_closure_is_before() -> None:
    phones = phones_of([(0.05, "ˈa"), (0.2, "p"), (0.24, "ə"), (0.3, "b"), (0.36, ""), (0.5, "tʃ")], 0.6)
    assert [phone.ipa for phone in phones] == ["a", "p", "ə", "b", "", "tʃ"]
    assert [phone.start_s for phone in phones] == pytest.approx(
        [0.05, 0.2 - CLOSURE_S, 0.24, 0.3, 0.36, 0.5 - CLOSURE_S]
    )
    assert phones[-1].end_s == 0.6


def test_espeak_names_of_languages_are_no_phones() -> None:
    phones = phones_of([(0.0, "(en)"), (0.01, "b"), (0.1, "ɒ"), (0.2, "(de)"), (0.21, "")], 0.3)
    assert [phone.ipa for phone in phones] == ["b", "ɒ", ""]
    assert phones[1].end_s == 0.21


def test_espeak_marks_that_come_alone_belong_to_what_was_before() -> None:
    phones = phones_of([(0.0, "a"), (0.1, "ː"), (0.2, "n"), (0.3, "")], 0.4)
    assert [phone.ipa for phone in phones] == ["a", "n", ""]
    assert phones[0].end_s == 0.2


def test_a_stop_right_after_the_start_begins_with_the_sound() -> None:
    assert phones_of([(0.01, "t"), (0.05, "a")], 0.2)[0].start_s == 0.0


def tone(duration_s: float, frequency_hz: float, level: float) -> NDArray[np.float32]:
    time_s = np.arange(round(duration_s * 16_000)) / 16_000
    return (level * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.float32)


def test_boundaries_move_to_where_the_sound_changes() -> None:
    changes_s = np.array([0.0, 0.2, 0.26, 0.4, 0.6])
    sound = np.concatenate((tone(0.2, 300, 0.3), tone(0.06, 300, 0.001), tone(0.14, 2500, 0.2), tone(0.2, 500, 0.3)))
    told_s = changes_s + np.array([0.0, 0.025, -0.02, 0.03, 0.0])
    np.testing.assert_allclose(put_right(told_s, sound, 16_000), changes_s, atol=0.0101)


def test_boundaries_stay_where_the_sound_tells_nothing() -> None:
    told_s = np.array([0.0, 0.11, 0.25, 0.5])
    np.testing.assert_allclose(put_right(told_s, np.zeros(8_000, np.float32), 16_000), told_s, atol=0.0026)


def test_boundaries_that_leave_no_room_stay_in_order() -> None:
    told_s = np.array([0.0, 0.1, 0.1, 0.1, 0.1, 0.4])
    right_s = put_right(told_s, tone(0.4, 300, 0.3), 16_000)
    assert np.all(np.diff(right_s) >= 0)
    assert right_s[0] == 0
    assert right_s[-1] == 0.4


class Output:
    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes, /) -> None:
        self.written += data

    def flush(self) -> None:
        pass


class Mute:
    """Speaks without telling when it says what."""

    def synthesise(self, text: str, *, language: str, voice: str | None) -> Iterator[AudioChunk]:
        yield AudioChunk(np.ones(10, np.int16), 8_000)

    def warm_up(self, language: str) -> None:
        pass


def test_an_engine_may_tell_no_times() -> None:
    output = Output()
    worker = Worker(Mute(), output)
    worker.obey({"do": "speak", "id": 1, "text": "a", "language": "en", "voice": None})
    worker.step()
    content_bytes, _ = struct.unpack_from("<II", output.written)
    assert json.loads(output.written[8 : 8 + content_bytes])["phones"] is None


@pytest.mark.parametrize(("language", "text"), [("en", "Bob sleeps."), ("it", "Buongiorno papà.")])
async def test_times_come_through_the_voices_process(language: str, text: str) -> None:
    async with VoiceHost() as voices:
        chunks = [chunk async for chunk in voices.speak(text, language=language)]
    phones = phones_in(chunks[0])
    assert {"b", "p"} <= {phone.ipa for phone in phones}
    assert phones[-1].end_s == pytest.approx(chunks[0].duration_s, abs=0.01)


def test_phones_survive_json() -> None:
    phones = (Phone("t͡ʃ", 0.1, 0.25), Phone("", 0.25, 0.5))
    assert phones_of_values(json.loads(json.dumps(phone_values(phones)))) == phones


def test_phones_are_cut_with_their_sound() -> None:
    phones = (Phone("b", 0.0, 0.1), Phone("a", 0.1, 0.3), Phone("m", 0.3, 0.4))
    first, second = cut_phones(phones, 0.2)
    assert (first.ipa, second.ipa) == ("a", "m")
    assert (first.start_s, first.end_s, second.end_s) == pytest.approx((0.0, 0.1, 0.2))
    assert [phone.ipa for phone in cut_phones(phones, 0.0, 0.1)] == ["b"]
