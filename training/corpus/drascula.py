"""The dialogues of the game Drascula, acted in English, with what is said from the game's own texts.

The layout is that which ScummVM reads: ``drascula.dat`` holds lists of texts, each for six languages; the line n of a
part is the sound ``<part>n.ALS``, bare unsigned bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np

from training.corpus.alignment import align
from training.corpus.packages import debian_package
from training.corpus.shelf import SAMPLE_RATE_HZ, Utterance
from training.corpus.sound import pcm_of
from training.corpus.source import Recordings

LICENCE: Final = "Drascula-License (DFSG-free: use, change, redistribution)"
PARTS: Final = ("", "D", "B", "BJ", "E", "I", "L", "P", "T", "VB")
"""What the names of the sounds of each list of texts begin with; the hero's with nothing."""
NATIVE_RATE_HZ: Final = 11_025

_LANGUAGES: Final = 6
_HEADING: Final = b"\x01\xf5NB"
"""The first list: 501 texts, 20034 bytes in English."""


def _utterances(packages: Path, done: frozenset[str]) -> Iterator[Utterance]:
    folder = debian_package("drascula", packages) / "usr/share/scummvm/drascula/en"
    for part, texts in english_texts((folder / "drascula.dat").read_bytes()).items():
        for number, text in enumerate(texts):
            path = folder / f"{part}{number}.ALS"
            id = f"{part or 'hero'}-{number:03d}"
            if id in done or not text or not path.is_file():
                continue
            wave = (np.frombuffer(path.read_bytes(), np.uint8).astype(np.float32) - 128) / 128
            pcm = pcm_of(wave, NATIVE_RATE_HZ)
            aligned = align(pcm, text.lower(), "en-us") if 0.5 < len(pcm) / SAMPLE_RATE_HZ < 20 else None
            if aligned is None or not aligned.is_sound:
                continue
            yield Utterance(
                id, pcm, "recording", f"drascula-{part or 'hero'}", "en-US", "validation", style="acted",
                licence=LICENCE, text=text, alignment="pocketsphinx", phones=aligned.phones,
            )  # fmt: skip


def english_texts(data: bytes) -> Mapping[str, list[str]]:
    """What each part says, by the part's letters."""
    at = data.index(_HEADING)
    found = {}
    for part in PARTS:
        (count,) = struct.unpack_from(">H", data, at)
        at += 2
        for language in range(_LANGUAGES):
            (size,) = struct.unpack_from(">H", data, at)
            if language == 0:
                found[part] = _texts(data[at + 4 : at + 2 + size], count)
            at += 2 + size
    return MappingProxyType(found)


def _texts(block: bytes, count: int) -> list[str]:
    texts = []
    at = 0
    while len(texts) < count and at + 2 <= len(block):
        (size,) = struct.unpack_from(">H", block, at)
        texts.append(block[at + 2 : at + size].split(b"\0")[0].decode("cp850"))
        at += max(size, 2)
    return texts


SOURCE: Final = Recordings("real-drascula", _utterances)
