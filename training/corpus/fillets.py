"""The dialogues of the game Fish Fillets, acted in Czech and Dutch by several people each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from training.corpus.alignment import align
from training.corpus.packages import debian_package
from training.corpus.shelf import SAMPLE_RATE_HZ, Split, Utterance
from training.corpus.sound import read_pcm
from training.corpus.source import Recordings, safe_id

LICENCE: Final = "GPL-2.0-only"
CAST: Final[Mapping[tuple[str, str], Split]] = MappingProxyType({("nl", "font_big"): "validation"})
"""By language and the colour a part's subtitles are written in; parts that are not named here are trained on. Only
the two fish speak unaltered, so the others' parts are left out: font_small is the little fish, font_big the big one."""
_FISH: Final = ("font_small", "font_big")
_GAME: Final = "usr/share/games/fillets-ng"


def _utterances(packages: Path, done: frozenset[str]) -> Iterator[Utterance]:
    scripts = debian_package("fillets-ng-data", packages) / _GAME / "script"
    for language in ("nl", "cs"):
        sounds = debian_package(f"fillets-ng-data-{language}", packages) / _GAME / "sound"
        lines = _dialogues(scripts, language)
        for path in sorted(sounds.rglob("*.ogg")):
            name = path.stem
            if name not in lines:
                continue
            font, text = lines[name]
            id = safe_id(f"{language}-{path.parts[-3]}-{name}")
            if font not in _FISH or id in done:
                continue
            pcm = read_pcm(path)
            if not 0.4 < len(pcm) / SAMPLE_RATE_HZ < 20.0:
                continue
            split = CAST.get((language, font), "train")
            aligned = align(pcm, text, language)
            good = aligned is not None and aligned.is_sound
            if split != "train" and not good:
                continue
            yield Utterance(
                id, pcm, "recording", f"fillets-{language}-{font.removeprefix('font_')}", language, split,
                style="acted", licence=LICENCE, text=text, alignment="pocketsphinx" if good else None,
                phones=aligned.phones if aligned is not None and good else None,
            )  # fmt: skip


def _dialogues(scripts: Path, language: str) -> dict[str, tuple[str, str]]:
    """By the name of the sound: the part's font, and what it says."""
    found = {}
    entry = re.compile(r'dialogId\("([^"]+)",\s*"(\w+)"[^\n]*\)\s*dialogStr\("((?:[^"\\]|\\.)*)"\)')
    for path in sorted(scripts.rglob(f"dialogs_{language}.lua")):
        for name, font, text in entry.findall(path.read_text("utf-8", "replace")):
            found[name] = (font, text.replace('\\"', '"'))
    return found


SOURCE: Final = Recordings("real-fillets", _utterances)
