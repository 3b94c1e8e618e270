"""Utterances, and the folder of one source that keeps them."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray

SAMPLE_RATE_HZ: Final = 16_000

Pcm: TypeAlias = NDArray[np.int16]
"""Mono, 16 kHz."""
Split: TypeAlias = Literal["train", "validation", "test"]
Kind: TypeAlias = Literal["speech", "noise", "music", "nonspeech"]
PhoneTimes: TypeAlias = Sequence[tuple[str, float, float]]
"""IPA, start and end in seconds; silences are left out or have an empty IPA."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A piece of sound and what is known of it."""

    id: str
    """Unique in its source; names the file."""
    pcm: Pcm
    engine: str
    speaker: str
    language: str
    """BCP 47; ``und`` where there is none."""
    split: Split
    kind: Kind = "speech"
    style: str = "tts"
    licence: str = ""
    text: str | None = None
    alignment: Literal["engine", "pocketsphinx", "self"] | None = None
    """Where the times of the phones come from."""
    phones: PhoneTimes | None = None

    @property
    def duration_s(self) -> float:
        return len(self.pcm) / SAMPLE_RATE_HZ


class Shelf:
    """The folder of one source. A line is added to its index once the sound is whole, so that a run can be cut off
    at any moment and taken up again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._index = folder / "index.jsonl"
        self.ids: set[str] = set()
        self.seconds: dict[str, float] = defaultdict(float)
        """By split."""
        folder.mkdir(parents=True, exist_ok=True)
        for line in read_index(folder):
            self._count(line)

    def put(self, utterance: Utterance) -> None:
        if utterance.id in self.ids:
            return
        name = f"{utterance.id}.flac"
        unfinished = self.folder / f"{utterance.id}.part"
        soundfile.write(unfinished, utterance.pcm, SAMPLE_RATE_HZ, format="FLAC", subtype="PCM_16")
        os.replace(unfinished, self.folder / name)
        line = _index_line(utterance, name)
        with self._index.open("a", encoding="utf-8") as index:
            index.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._count(line)

    def _count(self, line: Mapping[str, Any]) -> None:
        self.ids.add(line["id"])
        self.seconds[line["split"]] += line["duration_s"]


def read_index(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of a source's index; a last line that was cut off is passed over."""
    path = folder / "index.jsonl"
    if not path.exists():
        return
    text = path.read_text("utf-8")
    if text and not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
        path.write_text(text, "utf-8")
    for line in text.splitlines():
        yield json.loads(line)


def _index_line(utterance: Utterance, audio: str) -> dict[str, Any]:
    phones = utterance.phones
    return {
        "id": utterance.id,
        "audio": audio,
        "duration_s": round(utterance.duration_s, 4),
        "engine": utterance.engine,
        "speaker": utterance.speaker,
        "language": utterance.language,
        "split": utterance.split,
        "kind": utterance.kind,
        "style": utterance.style,
        "licence": utterance.licence,
        "text": utterance.text,
        "alignment": utterance.alignment,
        "phones": None if phones is None else [[ipa, round(a, 4), round(b, 4)] for ipa, a, b in phones],
    }
