"""Music without words: hold music, and the music of games. And the sounds of things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from training.corpus.packages import debian_package
from training.corpus.shelf import SAMPLE_RATE_HZ, Kind, Split, Utterance
from training.corpus.sound import read_pcm
from training.corpus.source import Recordings, safe_id

PIECE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class _Album:
    package: str
    pattern: str
    licence: str
    validation: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    kind: Kind = "music"
    style: str = "music"
    longest_s: float = 120.0
    """Of each file; its beginning."""


ALBUMS: Final = (
    _Album(
        "asterisk-moh-opsound-g722", "usr/share/asterisk/moh/*.g722", "CC-BY-SA-3.0", style="hold",
        validation=("macroform-cold_day",), test=("reno_project-system", "manolo_camp-morning_coffee"),
    ),
    _Album(
        "fillets-ng-data", "usr/share/games/fillets-ng/music/*.ogg", "GPL-2.0-or-later", validation=("rybky1",),
        test=("rybky4",), longest_s=60.0,
    ),
    _Album(
        "fretsonfire-songs-sectoid", "usr/share/games/fretsonfire/data/songs/**/*.ogg", "GPL-2.0-or-later",
        test=("Feelings",),
    ),
    _Album(
        "frozen-bubble-data", "usr/share/games/frozen-bubble/snd/*.ogg", "GPL-2.0-only", kind="noise", style="effects",
    ),
    _Album("sound-icons", "usr/share/sounds/sound-icons/*.wav", "LGPL-2.1-or-later", kind="noise", style="effects"),
    _Album("tuxpaint-data", "usr/share/tuxpaint/sounds/*.*", "GPL-2.0-or-later", kind="noise", style="effects"),
)  # fmt: skip


def _utterances(packages: Path, done: frozenset[str]) -> Iterator[Utterance]:
    for album in ALBUMS:
        root = debian_package(album.package, packages)
        for path in sorted(root.glob(album.pattern)):
            name = safe_id(f"{album.package}-{path.relative_to(root).parts[-2]}-{path.stem}")
            split: Split = "train"
            for held_out, names in (("validation", album.validation), ("test", album.test)):
                if any(part in str(path) for part in names):
                    split = held_out  # type: ignore[assignment]
            if any(id.startswith(f"{name}-") for id in done):
                continue
            pcm = read_pcm(path, container="g722" if path.suffix == ".g722" else None)
            pcm = pcm[: int(album.longest_s * SAMPLE_RATE_HZ)]
            pieces = np.array_split(pcm, max(1, round(len(pcm) / (PIECE_S * SAMPLE_RATE_HZ))))
            for number, piece in enumerate(pieces):
                if len(piece) < 0.3 * SAMPLE_RATE_HZ:
                    continue
                yield Utterance(
                    f"{name}-{number:02d}", piece, "recording", safe_id(f"{album.package}-{path.stem}"), "und", split,
                    kind=album.kind, style=album.style, licence=album.licence,
                )  # fmt: skip


SOURCE: Final = Recordings("music", _utterances)
