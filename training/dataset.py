"""The corpus as arrays: what the network hears and what it shall say, utterance after utterance."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile as sf
from numpy.typing import NDArray
from rich.progress import track

from visavis.speech.articulation import TARGETS, articulation_track
from visavis.speech.features import BAND_COUNT, HOP_SAMPLES, SAMPLE_RATE_HZ, SILENCE_LOG_POWER, MelStream
from visavis.speech.phones import Phone

CLASS_LETTERS: Final = (
    "", "pʙɓ", "b", "mɱ", "fv", "θð", "tʈ", "dɖɗ", "nɳ", "ɲ", "ŋɴ", "k", "ɡgq", "cɟ", "sz", "ʃʒɕʑʂʐ", "ɾr", "ɹɻɚɝ",
    "ʁʀχɣxħʕ", "ç", "l", "ɫʎɭɬɮ", "wʍ", "jɥ", "hɦʔ", "βɸʋ", "iɪ", "yʏ", "eɛ", "øœ", "æ", "aɐ", "ɑɒ", "ʌəɜɘɤ",
    "ɔ", "oɵ", "uʊʉ", "ɨɯ",
)  # fmt: skip
"""Classes of sounds that the network is asked for while it learns; the empty one is silence."""

UNKNOWN_CLASS: Final = 255
_CLASS_OF: Final = {letter: index for index, letters in enumerate(CLASS_LETTERS) for letter in letters}
_SHARD_UTTERANCES: Final = 400
_GAP_ROWS: Final = (20, 60)
"""Silence between two utterances of a stream."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A line of a source's index."""

    id: str
    source: str
    audio: Path
    engine: str
    speaker: str
    language: str
    split: str
    kind: str
    style: str
    phones: tuple[Phone, ...] | None
    text: str | None


@dataclass(frozen=True, slots=True)
class Stream:
    """Utterances of one source, one after the other with silence between."""

    source: str
    mel: NDArray[np.float16]
    """``[rows, BAND_COUNT]``, log10 power; row k ends at ``k`` hops."""
    targets: NDArray[np.float16]
    """``[rows, len(TARGETS)]``; zero where nobody speaks."""
    classes: NDArray[np.uint8]
    """``[rows]``, see :data:`CLASS_LETTERS`."""

    @property
    def hours(self) -> float:
        return len(self.mel) * HOP_SAMPLES / SAMPLE_RATE_HZ / 3600


def read_index(data: Path, *, splits: tuple[str, ...], kinds: tuple[str, ...] = ("speech",)) -> list[Utterance]:
    """All utterances of a data folder in some splits, in the order of the index files."""
    found = []
    for index in sorted((data / "corpus").glob("*/index.jsonl")):
        for line in index.read_text(encoding="utf-8").splitlines():
            fields = json.loads(line)
            if fields["split"] in splits and fields["kind"] in kinds:
                found.append(_utterance(index.parent, fields))
    return found


def load_streams(data: Path, *, split: str, kinds: tuple[str, ...] = ("speech",)) -> list[Stream]:
    """The streams of a split, one per source; computed once, then read from ``data/features``."""
    by_source: dict[str, list[Utterance]] = {}
    for utterance in read_index(data, splits=(split,), kinds=kinds):
        if utterance.phones is not None or utterance.kind != "speech":
            by_source.setdefault(utterance.source, []).append(utterance)
    return [
        _stream(data / "features" / f"{source}-{split}-{'-'.join(kinds)}", source, utterances)
        for source, utterances in by_source.items()
    ]


def mel_rows(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the network hears of a recording; row k ends at ``k`` hops, so row 0 is the silence before it."""
    mel, _ = MelStream().push(pcm)
    return np.concatenate((np.full((1, BAND_COUNT), SILENCE_LOG_POWER, np.float32), mel))


def read_pcm(path: Path) -> NDArray[np.float32]:
    """A recording of the corpus, ``float32 [samples]`` at 16 kHz."""
    pcm, rate_hz = sf.read(path, dtype="float32")
    if rate_hz != SAMPLE_RATE_HZ or pcm.ndim != 1:
        raise ValueError(f"{path} is not mono at {SAMPLE_RATE_HZ} Hz")
    return np.asarray(pcm, np.float32)


def class_rows(phones: tuple[Phone, ...], row_count: int) -> NDArray[np.uint8]:
    """The class of the sound at each row."""
    classes = np.zeros(row_count, np.uint8)
    for phone in phones:
        letters = [letter for letter in unicodedata.normalize("NFD", phone.ipa) if letter in _CLASS_OF]
        edges = np.linspace(phone.start_s, phone.end_s, max(len(letters), 1) + 1)
        rows = np.clip(np.ceil(edges * SAMPLE_RATE_HZ / HOP_SAMPLES), 0, row_count).astype(int)
        if not letters and phone.ipa:
            classes[rows[0] : rows[-1]] = UNKNOWN_CLASS
        for letter, start, end in zip(letters, rows, rows[1:], strict=False):
            classes[start:end] = _CLASS_OF[letter]
    return classes


def _utterance(folder: Path, fields: dict[str, Any]) -> Utterance:
    phones = fields["phones"]
    return Utterance(
        id=fields["id"],
        source=folder.name,
        audio=folder / fields["audio"],
        engine=fields["engine"],
        speaker=fields["speaker"],
        language=fields["language"],
        split=fields["split"],
        kind=fields["kind"],
        style=fields["style"],
        phones=None if phones is None else tuple(Phone(ipa, start_s, end_s) for ipa, start_s, end_s in phones),
        text=fields["text"],
    )


def _stream(folder: Path, source: str, utterances: list[Utterance]) -> Stream:
    folder.mkdir(parents=True, exist_ok=True)
    parts = []
    starts = range(0, len(utterances), _SHARD_UTTERANCES)
    for start in track(starts, description=f"hearing {folder.name}", disable=len(starts) < 2):
        chosen = utterances[start : start + _SHARD_UTTERANCES]
        # A shard at the end of a growing index is named by what it holds.
        file = folder / f"{start:06d}-{len(chosen)}.npz"
        if not file.exists():
            for older in folder.glob(f"{start:06d}-*.npz"):
                older.unlink()
            arrays = _shard(chosen, seed=start)
            np.savez(file.with_suffix(".part.npz"), **arrays)
            file.with_suffix(".part.npz").rename(file)
        parts.append(dict(np.load(file)))
    return Stream(source, *(np.concatenate([part[name] for part in parts]) for name in ("mel", "targets", "classes")))


def _shard(utterances: list[Utterance], seed: int) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(seed)
    mels, targets, classes = [], [], []
    for mel, target, sound in map(_rows, utterances):
        gap = int(random.integers(*_GAP_ROWS))
        mels += [mel, np.full((gap, BAND_COUNT), SILENCE_LOG_POWER, np.float16)]
        targets += [target, np.zeros((gap, len(TARGETS)), np.float16)]
        classes += [sound, np.zeros(gap, np.uint8)]
    return {"mel": np.concatenate(mels), "targets": np.concatenate(targets), "classes": np.concatenate(classes)}


def _rows(utterance: Utterance) -> tuple[NDArray[np.float16], NDArray[np.float16], NDArray[np.uint8]]:
    mel = mel_rows(read_pcm(utterance.audio)).astype(np.float16)
    phones = utterance.phones or ()
    return mel, articulation_track(phones, len(mel)).astype(np.float16), class_rows(phones, len(mel))


def crops(streams: list[Stream], weights: NDArray[np.float64], rows: int, seed: int) -> Iterator[Crop]:
    """Random pieces of the streams for ever, each at its own tempo.

    Args:
        weights: how often each stream is chosen, sums to 1.
        rows: of a crop.
    """
    random = np.random.default_rng(seed)
    while True:
        stream = streams[random.choice(len(streams), p=weights)]
        tempo = random.uniform(0.85, 1.2)
        taken = int(rows * tempo) + 2
        start = int(random.integers(0, max(len(stream.mel) - taken, 1)))
        yield _at_tempo(stream, start, rows, tempo)


@dataclass(frozen=True, slots=True)
class Crop:
    """A piece of a stream."""

    mel: NDArray[np.float32]
    targets: NDArray[np.float32]
    classes: NDArray[np.uint8]


def _at_tempo(stream: Stream, start: int, rows: int, tempo: float) -> Crop:
    position = np.minimum(start + np.arange(rows) * tempo, len(stream.mel) - 1.001)
    low = position.astype(np.int64)
    share = (position - low).astype(np.float32)[:, None]

    def between(array: NDArray[np.float16]) -> NDArray[np.float32]:
        return np.asarray(array[low] * (1 - share) + array[low + 1] * share, np.float32)

    return Crop(between(stream.mel), between(stream.targets), stream.classes[low])
