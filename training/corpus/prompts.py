"""The recorded prompts of Asterisk: people in studios, reading for telephone systems."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.corpus.alignment import align
from training.corpus.packages import debian_package
from training.corpus.shelf import SAMPLE_RATE_HZ, Split, Utterance
from training.corpus.sound import read_pcm
from training.corpus.source import Recordings, safe_id


@dataclass(frozen=True, slots=True)
class _Reader:
    speaker: str
    package: str
    folder: str
    suffix: str
    language: str
    split: Split
    licence: str
    style: str
    texts: str | None = None
    """The package that carries what is said."""
    voice: str = ""
    """Of espeak-ng, which reads it."""


# Allison reads English and Spanish: both are tests. Carlo is heard when choices are made.
READERS: Final = (
    _Reader("carlo", "asterisk-core-sounds-it-g722", "it_IT_m_Carlo", "g722", "it-IT", "validation", "CC-BY-3.0",
            "prompt", "asterisk-core-sounds-it", "it"),
    _Reader("june", "asterisk-core-sounds-fr-g722", "fr_CA_f_June", "g722", "fr-CA", "train", "CC-BY-SA-3.0",
            "prompt", "asterisk-core-sounds-fr", "fr"),
    _Reader("ivrvoice-ru", "asterisk-core-sounds-ru-g722", "ru_RU_f_IvrvoiceRU", "g722", "ru-RU", "train",
            "CC-BY-3.0", "prompt", "asterisk-core-sounds-ru", "ru"),
    _Reader("allison", "asterisk-core-sounds-en-g722", "en_US_f_Allison", "g722", "en-US", "test", "CC-BY-SA-3.0",
            "prompt", "asterisk-core-sounds-en", "en-us"),
    _Reader("allison", "asterisk-core-sounds-es-g722", "es_MX_f_Allison", "g722", "es-MX", "test", "CC-BY-SA-3.0",
            "prompt", "asterisk-core-sounds-es", "es-419"),
    _Reader("menardi", "asterisk-prompt-it-menardi-wav", "it_IT_f_Menardi", "wav", "it-IT", "train", "CC-BY-SA-3.0",
            "prompt"),
    _Reader("armelle", "asterisk-prompt-fr-armelle", "fr", "gsm", "fr-FR", "train", "BSD-style", "telephone"),
    _Reader("es-co", "asterisk-prompt-es-co", "es", "gsm", "es-CO", "train", "GPL-2.0-or-later", "telephone"),
)  # fmt: skip

SHORTEST_S: Final = 0.4
LONGEST_S: Final = 25.0
_SPELLED: Final = ("letters", "phonetic", "digits")
"""Folders whose texts tell what is meant, not what is said."""


def _utterances(packages: Path, done: frozenset[str]) -> Iterator[Utterance]:
    for reader in READERS:
        root = debian_package(reader.package, packages) / "usr/share/asterisk/sounds" / reader.folder
        texts = _texts(reader, packages)
        for path in sorted(root.rglob(f"*.{reader.suffix}")):
            name = str(path.relative_to(root).with_suffix(""))
            id = safe_id(f"{reader.speaker}-{reader.language}-{name}")
            if id in done or "silence" in name:
                continue
            pcm = read_pcm(path, container=None if reader.suffix == "wav" else reader.suffix)
            if not SHORTEST_S < len(pcm) / SAMPLE_RATE_HZ < LONGEST_S:
                continue
            text = None if name.startswith(_SPELLED) and reader.language != "en-US" else texts.get(name)
            aligned = align(pcm, text, reader.voice) if text else None
            good = aligned is not None and aligned.is_sound
            if reader.split != "train" and not good:
                continue
            yield Utterance(
                id, pcm, "recording", f"prompts-{reader.speaker}", reader.language, reader.split, style=reader.style,
                licence=reader.licence, text=text, alignment="pocketsphinx" if good else None,
                phones=aligned.phones if aligned is not None and good else None,
            )  # fmt: skip


def _texts(reader: _Reader, packages: Path) -> dict[str, str]:
    """What is said in each file. Brackets are remarks, such as the name of a sound effect."""
    if reader.texts is None:
        return {}
    path = debian_package(reader.texts, packages) / "usr/share/doc" / reader.texts
    found = {}
    with gzip.open(next(path.glob("core-sounds-*.txt.gz")), "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            match = re.match(r"([\w/-]+): *(.+)", line)
            if match and not re.search(r"[\[(<]", match[2]):
                found[match[1]] = re.sub(r"^[\w-]+: ", "", match[2]).strip(' "“”')
    return found


SOURCE: Final = Recordings("real-prompts", _utterances)
