"""``python -m training.corpus``: makes the corpus, or what it still lacks."""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from training.corpus.source import Source, fill_folder

SOURCES: Final = (
    "noise",
    "music",
    "drascula",
    "prompts",
    "amazon_queen",
    "fillets",
    "klettres",
    "samples",
    "espeak",
    "flite",
    "festival",
    "hibari",
    "kokoro",
    "piper",
    "copies",
)
"""Modules of this package, in the order they are made."""

HOURS: Final = 30.0
"""What the sources make at scale 1, roughly, recordings included."""


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m training.corpus", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".cache/training"), help="where the corpus is kept")
    parser.add_argument(
        "--hours", type=float, default=HOURS, help="how much to make; recordings are always taken whole"
    )
    parser.add_argument("--only", default=",".join(SOURCES), help="names of sources, parted by commas")
    options = parser.parse_args(arguments)
    for name in options.only.split(","):
        if name not in SOURCES:
            parser.error(f"no source {name!r}; there are {', '.join(SOURCES)}")
        began = time.monotonic()
        source: Source = importlib.import_module(f"training.corpus.{name}").SOURCE
        shelf = fill_folder(
            source, options.data, options.hours / HOURS, lambda line, name=name: print(f"{name}: {line}", flush=True)
        )
        hours = ", ".join(f"{split} {seconds / 3600:.2f} h" for split, seconds in sorted(shelf.seconds.items()))
        print(
            f"{name}: {hours or 'nothing'}, {len(shelf.ids)} utterances, {time.monotonic() - began:.0f} s", flush=True
        )


if __name__ == "__main__":
    main()
