"""The dialogues of the game Flight of the Amazon Queen, acted in English, with what is said from the game's own texts.

The layout is that which ScummVM reads: ``queen.1c`` is one archive; each ``.DOG`` in it is a dialogue between the hero
(J) and another (P), whose texts are parted by ``*nn``; the part n of the text id is the sound ``<dialogue><id><J or
P>n.SB``, an MP3 of 16 kb/s. Each ``.CUT`` is a scene; the part n of its text m is ``<scene><m>n.SB``.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import soundfile

from training.corpus.alignment import align
from training.corpus.packages import debian_package
from training.corpus.shelf import SAMPLE_RATE_HZ, Utterance
from training.corpus.sound import pcm_of
from training.corpus.source import Recordings

LICENCE: Final = "Flight-of-the-Amazon-Queen-License (DFSG-free: use, change, redistribution)"

_ARCHIVE_HEADING: Final = 15
_ENTRY: Final = struct.Struct(">12sBII")
_DIALOGUE_HEADING: Final = 20
_TREE_START, _TREE_LEVEL_BYTES = 32, 96


def _utterances(packages: Path, done: frozenset[str]) -> Iterator[Utterance]:
    path = next((debian_package("flight-of-the-amazon-queen", packages) / "usr/share/scummvm").rglob("queen.1c"))
    files = archive_files(path.read_bytes())
    said: dict[str, tuple[str, str]] = {}
    for name, data in files.items():
        if name.endswith(".DOG"):
            said.update({sound: (name.removesuffix(".DOG"), text) for sound, text in dialogue_texts(data).items()})
        elif name.endswith(".CUT"):
            said.update({sound: ("scene", text) for sound, text in scene_texts(name, data).items()})
    for name, (dialogue, text) in sorted(said.items(), key=lambda line: line[0][::-1]):
        if name in done or f"{name}.SB" not in files or not re.search("[a-z]", text):
            continue
        try:
            wave, rate_hz = soundfile.read(io.BytesIO(files[f"{name}.SB"]), dtype="float32")
        except soundfile.LibsndfileError:
            continue
        pcm = pcm_of(wave, rate_hz)
        aligned = align(pcm, text, "en-us") if 0.6 < len(pcm) / SAMPLE_RATE_HZ < 20 else None
        if aligned is None or not aligned.is_sound:
            continue
        speaker = "hero" if dialogue != "scene" and name[6] == "J" else dialogue.rstrip("0123456789").lower()
        yield Utterance(
            name, pcm, "recording", f"amazon-queen-{speaker}", "en-US", "train", style="acted", licence=LICENCE,
            text=text, alignment="pocketsphinx", phones=aligned.phones,
        )  # fmt: skip


def archive_files(data: bytes) -> Mapping[str, bytes]:
    """The files in the game's archive, by name."""
    (count,) = struct.unpack_from(">H", data, _ARCHIVE_HEADING - 2)
    files = {}
    for number in range(count):
        name, _, offset, size = _ENTRY.unpack_from(data, _ARCHIVE_HEADING + number * _ENTRY.size)
        files[name.split(b"\0")[0].decode("latin-1")] = data[offset : offset + size]
    return files


def dialogue_texts(data: bytes) -> Mapping[str, str]:
    """What is said in a dialogue, by the names of the sounds."""
    body = data[_DIALOGUE_HEADING:]
    levels, _, key, hero_count, other_count = struct.unpack_from(">5h", body, 0)
    (other_offset,) = struct.unpack_from(">H", body, 22)
    hero_offset = _TREE_START + abs(levels) * _TREE_LEVEL_BYTES
    found = {}
    for letter, offset, count in (("J", hero_offset, hero_count), ("P", other_offset, other_count)):
        for id, text in _strings(body, offset, count):
            found.update(_parts(f"{key:02d}{id:04X}{letter}", text))
    return found


def scene_texts(name: str, data: bytes) -> Mapping[str, str]:
    """What is said in a scene, by the names of the sounds.

    Args:
        name: of the scene's file.
        data: the file.
    """
    body = data[_DIALOGUE_HEADING:]
    (count,) = struct.unpack_from(">h", body, 2)
    (at,) = struct.unpack_from(">H", body, 8)
    scene = name.removesuffix(".CUT").upper().ljust(5, "_")
    found: dict[str, str] = {}
    at += 1
    for number in range(1, abs(count) + 1):
        if at >= len(body):
            break
        size = body[at]
        found.update(_parts(f"{scene}{number:02d}", body[at + 1 : at + 1 + size].decode("latin-1")))
        at += 1 + size
        at += at % 2 if size else 0
    return found


def _parts(prefix: str, text: str) -> dict[str, str]:
    parts = enumerate(re.split(r"\*\d\d|\*[A-Z]{2}|\*", text), 1)
    return {f"{prefix}{number}": part.strip() for number, part in parts if part.strip()}


def _strings(body: bytes, at: int, count: int) -> Iterator[tuple[int, str]]:
    for _ in range(count):
        if at + 5 > len(body):
            return
        (id,) = struct.unpack_from(">H", body, at + 2)
        size = body[at + 4]
        text = body[at + 5 : at + 5 + size].decode("latin-1")
        yield id, text
        at += 5 + size
        at += -at % 4


SOURCE: Final = Recordings("real-amazon-queen", _utterances)
