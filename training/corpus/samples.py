"""Short recordings of real talk that Python and Debian packages carry for their own tests: for tests here, too.

People on the telephone, in meetings, in a lecture and reading aloud: as the world sounds, and never trained on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.corpus.alignment import align
from training.corpus.packages import debian_package, python_package
from training.corpus.shelf import SAMPLE_RATE_HZ, Utterance
from training.corpus.sound import read_pcm
from training.corpus.source import Recordings, safe_id
from training.corpus.transcription import sentences_in


@dataclass(frozen=True, slots=True)
class _Sample:
    distribution: str
    """Of PyPI; its source distribution."""
    pattern: str
    speaker: str
    style: str
    licence: str


SAMPLES: Final = (
    _Sample("pyannote-audio", "**/src/pyannote/audio/sample/sample.wav", "telephone", "telephone", "MIT package"),
    _Sample("pyannote-audio", "**/tests/data/tst00.wav", "ami-tst00", "meeting", "CC-BY-4.0 (AMI)"),
    _Sample("pyannote-audio", "**/tests/data/tst01.wav", "ami-tst01", "meeting", "CC-BY-4.0 (AMI)"),
    _Sample("silero-vad", "**/examples/c++/aepyx.wav", "aepyx", "lecture", "MIT package"),
)
_SHORTEST_S: Final = 1.0


def _utterances(packages: Path, done: frozenset[str]) -> Iterator[Utterance]:
    yield from _read_aloud(packages, done)
    for sample in SAMPLES:
        path = next(python_package(sample.distribution, packages, source=True).glob(sample.pattern), None)
        if path is None or any(id.startswith(f"{sample.speaker}-") for id in done):
            continue
        for said in sentences_in(read_pcm(path)):
            aligned = align(said.pcm, said.text, "en-us")
            if aligned is None or not aligned.is_sound or len(said.pcm) < _SHORTEST_S * SAMPLE_RATE_HZ:
                continue
            yield Utterance(
                f"{sample.speaker}-{said.start_s:06.1f}".replace(".", "-"), said.pcm, "recording",
                f"samples-{sample.speaker}", "en", "test", style=sample.style, licence=sample.licence, text=said.text,
                alignment="pocketsphinx", phones=aligned.phones,
            )  # fmt: skip


def _read_aloud(packages: Path, done: frozenset[str]) -> Iterator[Utterance]:
    """What the aligner itself is tested on: a page of an audio book, and playing cards."""
    root = debian_package("pocketsphinx-testdata", packages) / "usr/share/pocketsphinx/test/data"
    for folder, texts, style in (
        ("librivox", "transcription", "audiobook"),
        ("cards", "cards.transcription", "prompt"),
    ):
        for line in (root / folder / texts).read_text(encoding="utf-8").splitlines():
            match = re.match(r"(.*)\(([^)]*)\)\s*$", line.strip())
            path = root / folder / f"{match[2]}.wav" if match else root
            id = safe_id(f"{folder}-{path.stem}")
            if match is None or not path.is_file() or id in done:
                continue
            pcm, text = read_pcm(path), re.sub(r"</?s>", "", match[1]).strip()
            aligned = align(pcm, text, "en-us")
            if aligned is not None and aligned.is_sound:
                yield Utterance(
                    id, pcm, "recording", f"samples-{folder}", "en", "test", style=style,
                    licence="BSD-style (CMU)", text=text, alignment="pocketsphinx", phones=aligned.phones,
                )  # fmt: skip


SOURCE: Final = Recordings("real-samples", _utterances)
