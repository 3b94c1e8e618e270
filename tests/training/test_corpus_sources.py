"""What the sources read and make: texts kept apart, the games' files, noise that is noise."""

import struct
from pathlib import Path

import numpy as np
import pytest

from training.corpus import texts
from training.corpus.amazon_queen import archive_files, dialogue_texts, scene_texts
from training.corpus.drascula import PARTS, english_texts
from training.corpus.espeak import TRAIN_LANGUAGES, VALIDATION_LANGUAGES, VALIDATION_VARIANTS, phone_times
from training.corpus.noise import NOISES
from training.corpus.prompts import READERS


def test_no_text_is_in_two_splits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = [f"This is sentence {chr(97 + number % 26)}{chr(97 + number // 26)} of many." for number in range(600)]
    (tmp_path / "quotes").write_text("\n%\n".join(sentences))
    monkeypatch.setattr(texts, "FORTUNES", tmp_path)
    texts.prose.cache_clear()
    parts = [set(texts.prose("en", split)) for split in ("train", "validation", "test")]
    texts.prose.cache_clear()

    assert sum(map(len, parts)) == len(set.union(*parts)) == len(sentences)
    assert len(parts[0]) > 0.8 * len(sentences) and min(map(len, parts)) > 10


def test_no_speaker_of_the_prompts_is_in_two_splits() -> None:
    splits = {
        reader.speaker: {other.split for other in READERS if other.speaker == reader.speaker} for reader in READERS
    }
    assert all(len(found) == 1 for found in splits.values())
    assert splits["allison"] == {"test"}


def test_some_languages_are_never_trained_on() -> None:
    assert len({name for name, _ in VALIDATION_LANGUAGES} - {name for name, _ in TRAIN_LANGUAGES}) >= 3
    assert len(VALIDATION_VARIANTS) >= 5


def test_espeak_closes_before_it_bursts() -> None:
    marks = [(0.0, "_"), (0.1, "a"), (0.3, "p"), (0.35, "(en)"), (0.35, "i"), (0.45, "ʲ")]
    phones = phone_times(marks, 0.6)

    assert [ipa for ipa, *_ in phones if ipa] == ["a", "p", "iʲ"]
    closing_s = next(start_s for ipa, start_s, _ in phones if ipa == "p")
    assert closing_s == pytest.approx(0.26, abs=0.015)


def drascula_file(lists: dict[str, list[str]]) -> bytes:
    data = b"DRASCULA\x06tables"
    for part in PARTS:
        said = lists.get(part, [""])
        block = b"".join(struct.pack(">H", len(text) + 4) + text.encode() + b"\0\0" for text in said)
        count, size = (501, 20034) if part == "" else (len(said), len(block) + 2)
        data += struct.pack(">HH", count, size) + (b"\0\0" + block).ljust(size, b"\0")
        data += 5 * struct.pack(">H", 0)
    return data


def test_the_parts_of_drascula_are_told_apart() -> None:
    found = english_texts(drascula_file({"": ["", "HELLO DOOR"], "D": ["", "IGOR!", "COME HERE"]}))
    assert found[""][1] == "HELLO DOOR"
    assert found["D"] == ["", "IGOR!", "COME HERE"]


def test_the_archive_of_the_queen_gives_its_files_by_name() -> None:
    heading = b"QTBLCEM10\0" + b"\0\0\x01" + struct.pack(">H", 2)
    start = len(heading) + 2 * 21
    entries = struct.pack(">12sBII", b"A.SB", 1, start, 3) + struct.pack(">12sBII", b"B.DOG", 1, start + 3, 2)
    assert archive_files(heading + entries + b"onetw") == {"A.SB": b"one", "B.DOG": b"tw"}


def padded_string(at: int, heading: bytes, text: bytes, alignment: int) -> bytes:
    string = heading + bytes([len(text)]) + text
    return string + b"\0" * (-(at + len(string)) % alignment)


def test_a_dialogue_of_the_queen_names_its_sounds() -> None:
    body = bytearray(128)
    struct.pack_into(">5h", body, 0, 1, 0, 7, 2, 1)
    for id, text in ((0x1E, b"You don't.*03I've got questions*16*02"), (0x0A, b"Bye")):
        body += padded_string(len(body), struct.pack(">2H", 0, id), text, 4)
    struct.pack_into(">H", body, 22, len(body))
    body += padded_string(len(body), struct.pack(">2H", 0, 0x0A), b"See you.", 4)

    assert dialogue_texts(bytes(20) + bytes(body)) == {
        "07001EJ1": "You don't.",
        "07001EJ2": "I've got questions",
        "07000AJ1": "Bye",
        "07000AP1": "See you.",
    }


def test_a_scene_of_the_queen_names_its_sounds() -> None:
    body = bytearray(30)
    struct.pack_into(">h", body, 2, -2)
    struct.pack_into(">H", body, 8, len(body))
    body += b"\0"
    for text in (b"*FLHey!*01", b"Oh, you.*15Again?*16"):
        body += padded_string(len(body), b"", text, 2)

    assert scene_texts("c14A.CUT", bytes(20) + bytes(body)) == {
        "C14A_012": "Hey!",
        "C14A_021": "Oh, you.",
        "C14A_022": "Again?",
    }


@pytest.mark.parametrize("name", NOISES)
def test_noises_are_the_same_for_the_same_seed_and_differ_for_others(name: str) -> None:
    first, again, other = (NOISES[name](np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.isfinite(first).all() and np.abs(first).max() > 0
