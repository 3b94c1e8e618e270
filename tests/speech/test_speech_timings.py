"""What voices and aligners tell about when they say what."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from visavis.errors import AudioError
from visavis.face import MOUTH_CONTROLS, VISEMES
from visavis.speech.phonemes import phoneme_track
from visavis.speech.phones import Phone
from visavis.speech.timings import (
    AZURE_VISEMES,
    phones_of_arpabet,
    phones_of_azure,
    phones_of_ipa,
    phones_of_oculus,
    phones_of_polly,
    read_phones,
)

POLLY = """{"time":0,"type":"sentence","start":0,"end":11,"value":"Mary bought"}
{"time":6,"type":"word","start":0,"end":4,"value":"Mary"}
{"time":6,"type":"viseme","value":"p"}
{"time":73,"type":"viseme","value":"E"}
{"time":180,"type":"viseme","value":"r"}
{"time":292,"type":"viseme","value":"i"}
{"time":373,"type":"viseme","value":"sil"}
"""

LABELS = [Phone("m", 0.1, 0.2), Phone("aɪ", 0.2, 0.4)]


def closed_at(phones: tuple[Phone, ...], time_s: float) -> float:
    _, track = phoneme_track(phones, 1.0)
    return float(track[round(time_s * 100), MOUTH_CONTROLS.index("mouthClose")])


def test_azure_tells_ticks_and_viseme_ids() -> None:
    phones = phones_of_azure([(500_000, 0), (1_000_000, 21), (2_000_000, 2), (3_500_000, 0)])
    assert [(phone.start_s, phone.end_s) for phone in phones] == [(0.1, 0.2), (0.2, 0.35)]
    assert closed_at(phones, 0.15) == 1
    assert closed_at(phones, 0.28) == 0


def test_every_azure_viseme_but_silence_is_a_sound() -> None:
    assert len(AZURE_VISEMES) == 22
    assert [viseme for viseme in range(22) if not AZURE_VISEMES[viseme]] == [0]


def test_polly_tells_a_json_object_per_line() -> None:
    phones = phones_of_polly(POLLY)
    assert [phone.ipa for phone in phones] == ["b", "ɛ", "ɹ", "i"]
    assert phones[0] == Phone("b", 0.006, 0.073)
    assert phones[-1].end_s == 0.373


def test_oculus_visemes_are_named_or_numbered() -> None:
    by_name = phones_of_oculus([(0.1, "PP"), (0.2, "aa"), (0.4, "sil")])
    by_number = phones_of_oculus([(0.1, VISEMES.index("PP")), (0.2, VISEMES.index("aa")), (0.4, 0)])
    assert by_name == by_number
    assert closed_at(by_name, 0.15) == 1


def test_all_oculus_visemes_are_known() -> None:
    assert len(phones_of_oculus([(0.1 * index, name) for index, name in enumerate(VISEMES)], 1.5)) == 14


def test_a_last_viseme_ends_with_the_sound_or_soon() -> None:
    assert phones_of_oculus([(0.5, "aa")], 0.6)[0].end_s == 0.6
    assert phones_of_oculus([(0.5, "aa")])[0].end_s == pytest.approx(0.8)


def test_arpabet_names_are_read_in_any_case() -> None:
    phones = phones_of_arpabet([("HH", 0.0, 0.1), ("ah0", 0.1, 0.2), ("sil", 0.2, 0.3)])
    assert [phone.ipa for phone in phones] == ["h", "ʌ", ""]


def test_phones_are_put_in_order() -> None:
    assert [phone.ipa for phone in phones_of_ipa([("b", 0.2, 0.3), ("a", 0.0, 0.2)])] == ["a", "b"]


TEXTGRID = """File type = "ooTextFile"
Object class = "TextGrid"

xmin = 0
xmax = 1
tiers? <exists>
size = 2
item []:
    item [1]:
        class = "IntervalTier"
        name = "words"
        xmin = 0
        xmax = 1
        intervals: size = 1
        intervals [1]:
            xmin = 0.1
            xmax = 0.4
            text = "my"
    item [2]:
        class = "IntervalTier"
        name = "phones"
        xmin = 0
        xmax = 1
        intervals: size = 2
        intervals [1]:
            xmin = 0.1
            xmax = 0.2
            text = "m"
        intervals [2]:
            xmin = 0.2
            xmax = 0.4
            text = "aɪ"
"""


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("audacity.txt", "0.1\t0.2\tm\n0.2\t0.4\taɪ\n"),
        ("blanks.lab", "0.1 0.2 m\n\n0.2 0.4 aɪ"),
        ("table.csv", "start,end,sound\n0.1,0.2,m\n0.2,0.4,aɪ\n"),
        ("list.json", json.dumps([["m", 0.1, 0.2], ["aɪ", 0.2, 0.4]])),
        ("aligner.TextGrid", TEXTGRID),
        ("bom.txt", "\ufeff0.1 0.2 m\n0.2 0.4 aɪ\n"),
    ],
)
def test_files_of_labels_are_read_whatever_their_form(tmp_path: Path, name: str, text: str) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    assert list(read_phones(path)) == LABELS


def test_files_of_visemes_are_read_too(tmp_path: Path) -> None:
    polly, azure = tmp_path / "marks.json", tmp_path / "azure.json"
    polly.write_text(POLLY)
    azure.write_text('[{"audio_offset": 1000000, "viseme_id": 21}, {"audio_offset": 2000000, "viseme_id": 2}]')
    assert read_phones(polly) == phones_of_polly(POLLY)
    assert [phone.ipa for phone in read_phones(azure, 0.3)] == ["b", "ɑ"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  \n",
        "hello there my friend",
        "0.1 m",
        "0.2 0.1 m",
        "-1 0.1 m",
        "0 nan m",
        "[",
        "[[1, 2, 3]]",
        '[["m", 0.1]]',
        '["m", "a"]',
        '[{"offset": 3}]',
        '[{"audio_offset": 3, "viseme_id": 22}]',
        "{",
        '{"time": 1}',
        '{"time": 1, "type": "word", "value": "a"}',
        '{"time": "soon", "type": "viseme", "value": "a"}',
        '{"time": 1, "type": "viseme", "value": "xx"}',
        '{"time": 1, "type": "viseme", "value": ["a"]}',
        'File type = "ooTextFile"\n',
    ],
)
def test_files_that_tell_no_times_are_refused_with_a_hint(tmp_path: Path, text: str) -> None:
    path = tmp_path / "times"
    path.write_text(text)
    with pytest.raises(AudioError) as caught:
        read_phones(path)
    assert caught.value.code == "timings_invalid"
    assert caught.value.hint


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "sound.wav").write_bytes(np.arange(200, dtype=np.uint8).tobytes())
    for path in (tmp_path / "sound.wav", tmp_path / "missing.txt", tmp_path):
        with pytest.raises(AudioError) as caught:
            read_phones(path)
        assert caught.value.code == "timings_unreadable"


@pytest.mark.parametrize(
    "refuse",
    [
        lambda: phones_of_azure([(0, 22)]),
        lambda: phones_of_azure([(-1, 2)]),
        lambda: phones_of_oculus([(0.0, "zz")]),
        lambda: phones_of_oculus([(0.0, 15)]),
        lambda: phones_of_arpabet([("QQ", 0.0, 0.1)]),
    ],
)
def test_visemes_that_do_not_exist_are_refused(refuse: Callable[[], object]) -> None:
    with pytest.raises(AudioError):
        refuse()
