"""What a source of the corpus is, and how its folder is filled."""

from __future__ import annotations

import random
import re
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from training.corpus.shelf import Shelf, Split, Utterance

Report = Callable[[str], None]


class Source(Protocol):
    """Where utterances come from."""

    @property
    def name(self) -> str:
        """Names the folder."""
        ...

    def fill(self, shelf: Shelf, scale: float, report: Report) -> None:
        """Puts on the shelf what is not there yet.

        Args:
            shelf: the source's folder.
            scale: how much of each synthetic source to make; 1 is the size of the published network's corpus.
            report: is told of the progress.
        """
        ...


@dataclass(frozen=True, slots=True)
class Voices:
    """Voices of a program, which can say as much as is asked of them."""

    name: str
    hours: Mapping[Split, float]
    """At scale 1."""
    say: Callable[[Split, random.Random], list[Utterance]]
    """A batch of utterances, without regard to their ids. The random numbers decide everything."""

    def fill(self, shelf: Shelf, scale: float, report: Report) -> None:
        for split, hours in self.hours.items():
            self._fill_split(shelf, split, hours * scale, report)

    def _fill_split(self, shelf: Shelf, split: Split, hours: float, report: Report) -> None:
        # The last batch may have been cut off; made again, it is the same.
        batch = max((int(id.split("-")[1]) for id in shelf.ids if id.startswith(f"{split}-")), default=0)
        began, told = time.monotonic(), 0.0
        while shelf.seconds[split] < hours * 3600:
            rng = random.Random(zlib.crc32(f"{self.name}/{split}/{batch}".encode()))
            for number, utterance in enumerate(self.say(split, rng)):
                shelf.put(_renamed(utterance, f"{split}-{batch:06d}-{number:02d}"))
            batch += 1
            if time.monotonic() - told > 20:
                told = time.monotonic()
                report(f"{split}: {shelf.seconds[split] / 3600:.2f} of {hours:.2f} h, {told - began:.0f} s")


@dataclass(frozen=True, slots=True)
class Recordings:
    """Recordings, of which there are as many as there are."""

    name: str
    utterances: Callable[[Path, frozenset[str]], Iterator[Utterance]]
    """All that are not among the ids given; the folder is for unpacked packages (:mod:`training.corpus.packages`)."""

    def fill(self, shelf: Shelf, scale: float, report: Report) -> None:
        told = 0.0
        packages = shelf.folder.parents[1] / "packages"
        for utterance in self.utterances(packages, frozenset(shelf.ids)):
            shelf.put(utterance)
            if time.monotonic() - told > 20:
                told = time.monotonic()
                report(", ".join(f"{split} {seconds / 3600:.2f} h" for split, seconds in shelf.seconds.items()))


def safe_id(name: str) -> str:
    """A name of a recording as an id: what is no letter or digit becomes a dash."""
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")


def fill_folder(source: Source, data: Path, scale: float, report: Report) -> Shelf:
    """Makes what a source's folder lacks."""
    shelf = Shelf(data / "corpus" / source.name)
    source.fill(shelf, scale, report)
    return shelf


def _renamed(utterance: Utterance, id: str) -> Utterance:
    return replace(utterance, id=id)
