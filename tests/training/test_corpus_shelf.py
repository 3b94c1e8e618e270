"""A source's folder: what is in its index is whole, and a run that was cut off is taken up where it was."""

import json
import random
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training.corpus.shelf import SAMPLE_RATE_HZ, Shelf, Split, Utterance, read_index
from training.corpus.source import Recordings, Voices, fill_folder


def utterance(id: str = "a", split: Split = "train") -> Utterance:
    pcm = np.arange(-800, 800, dtype=np.int16)
    return Utterance(
        id,
        pcm,
        "engine",
        "somebody",
        "de",
        split,
        text="ja",
        alignment="engine",
        phones=[("j", 0, 0.04), ("a", 0.04, 0.1)],
    )


def test_the_index_tells_what_is_in_the_file(tmp_path: Path) -> None:
    Shelf(tmp_path).put(utterance())

    (line,) = read_index(tmp_path)
    samples, rate_hz = soundfile.read(tmp_path / line["audio"], dtype="int16")
    assert rate_hz == SAMPLE_RATE_HZ
    np.testing.assert_array_equal(samples, utterance().pcm)
    assert line["duration_s"] == 0.1
    assert line["phones"] == [["j", 0, 0.04], ["a", 0.04, 0.1]]
    assert (line["speaker"], line["language"], line["split"], line["kind"]) == ("somebody", "de", "train", "speech")


def test_what_is_there_is_not_written_again(tmp_path: Path) -> None:
    Shelf(tmp_path).put(utterance())
    again = Shelf(tmp_path)
    again.put(utterance())

    assert len(list(read_index(tmp_path))) == 1
    assert again.seconds["train"] == pytest.approx(0.1)


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    Shelf(tmp_path).put(utterance())
    with (tmp_path / "index.jsonl").open("a") as index:
        index.write('{"id": "b", "au')

    assert Shelf(tmp_path).ids == {"a"}
    Shelf(tmp_path).put(utterance("b"))
    assert [line["id"] for line in read_index(tmp_path)] == ["a", "b"]


def say(split: Split, rng: random.Random) -> list[Utterance]:
    pcm = np.full(SAMPLE_RATE_HZ, rng.randint(0, 1000), np.int16)
    return [Utterance("", pcm, "engine", "somebody", "de", split) for _ in range(2)]


def content(data: Path) -> list[tuple[str, int]]:
    folder = data / "corpus" / "voices"
    lines = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    return [(line["id"], int(soundfile.read(folder / line["audio"], dtype="int16")[0][0])) for line in lines]


def test_a_corpus_made_in_two_runs_is_the_same_as_one_made_in_one(tmp_path: Path) -> None:
    source = Voices("voices", {"train": 10 / 3600}, say)
    fill_folder(source, tmp_path / "one", 1.0, lambda line: None)
    fill_folder(source, tmp_path / "two", 0.3, lambda line: None)
    fill_folder(source, tmp_path / "two", 1.0, lambda line: None)

    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert len(content(tmp_path / "one")) == 10


def test_recordings_that_are_there_are_not_asked_for_again(tmp_path: Path) -> None:
    asked: list[frozenset[str]] = []

    def utterances(packages: Path, done: frozenset[str]):  # type: ignore[no-untyped-def]
        asked.append(done)
        yield from (utterance(id) for id in ("a", "b") if id not in done)

    source = Recordings("recordings", utterances)
    fill_folder(source, tmp_path, 1.0, lambda line: None)
    fill_folder(source, tmp_path, 1.0, lambda line: None)
    assert asked == [frozenset(), frozenset({"a", "b"})]
