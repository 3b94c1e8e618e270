"""What the synthetic voices say: Debian's fortunes and word list and, in many languages, translated programs.

The packages are fortunes and fortunes-*, wamerican, iso-codes (names of countries and languages) and gnupg-l10n
(sentences).
"""

from __future__ import annotations

import gettext
import random
import re
import zlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from training.corpus.shelf import Split

FORTUNES: Final = Path("/usr/share/games/fortunes")
WORD_LIST: Final = Path("/usr/share/dict/american-english")

_HELD_OUT_SHARE: Final[Mapping[Split, range]] = MappingProxyType(
    {"test": range(0, 6), "validation": range(6, 12), "train": range(12, 100)}
)
_NOT_ENGLISH: Final = frozenset(
    {
        "ascii-art", "banner", "brasil", "chinese", "cookie", "definizioni", "formiche", "italia", "itatrek", "jackfr",
        "leggi", "luttazzi", "paolotedeschi", "song100", "tang300", "tao", "translate-me", "zuse",
    }
)  # fmt: skip
_FORTUNE_FILES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "en": ("*", "utf-8"), "de": ("de/*", "utf-8"), "es": ("es/*", "utf-8"), "it": ("it/*", "utf-8"),
        "ru": ("ru/*", "utf-8"), "pl": ("pl/*", "utf-8"), "cs": ("cs/*", "utf-8"), "sk": ("sk/*", "utf-8"),
        "bg": ("bg/*", "utf-8"), "eo": ("eo/*", "utf-8"), "ga": ("ga/*", "utf-8"), "pt": ("brasil", "utf-8"),
        "cmn": ("chinese", "utf-8"),
    }
)  # fmt: skip
_LOCALES: Final[Mapping[str, str]] = MappingProxyType(
    {"cmn": "zh_CN", "yue": "zh_HK", "nb": "nb", "pt-br": "pt_BR", "fr-be": "fr", "fr-ch": "fr"}
)


def sentence(language: str, split: Split, rng: random.Random) -> str | None:
    """A line to say, from a part of the texts that no other split sees; None if there is no text in this language.

    Args:
        language: BCP 47, as espeak-ng names its languages.
    """
    base = language.split("-")[0]
    proses = prose(base, split) or messages(language, split) or messages(base, split)
    names = terms(language, split) or terms(base, split)
    if base == "en" and rng.random() < 0.25:
        names, proses = words(split), ()
    if proses and (not names or rng.random() < 0.8):
        return rng.choice(proses)
    if not names:
        return None
    return ", ".join(" ".join(rng.choices(names, k=rng.randint(1, 4))) for _ in range(rng.randint(1, 3))) + "."


@lru_cache(maxsize=128)
def prose(base: str, split: Split) -> Sequence[str]:
    """Sentences of 3 to 22 words (or 4 to 40 Chinese signs) of Debian's fortunes."""
    if base not in _FORTUNE_FILES:
        return ()
    pattern, encoding = _FORTUNE_FILES[base]
    found: set[str] = set()
    for path in sorted(FORTUNES.glob(pattern)):
        if not path.is_file() or path.suffix in (".dat", ".u8", ".pos"):
            continue
        if base == "en" and path.name in _NOT_ENGLISH:
            continue
        found.update(_sentences(path.read_bytes().decode(encoding, "replace"), base))
    return tuple(line for line in sorted(found) if _split_of(line) == split)


@lru_cache(maxsize=8)
def words(split: Split) -> Sequence[str]:
    """English words, rare ones too: they bring the neighbourhoods of sounds that prose seldom has."""
    lines = WORD_LIST.read_text("utf-8").split()
    return tuple(word for word in lines if re.fullmatch("[a-z]{2,12}", word) and _split_of(word) == split)


@lru_cache(maxsize=512)
def messages(language: str, split: Split) -> Sequence[str]:
    """What a program says to its user, translated: sentences of 3 to 22 words."""
    found: set[str] = set()
    for message in _translations("gnupg2", language):
        for line in re.split(r"\n|(?<=[.!?])\s+", message):
            if 3 <= len(line.split()) <= 22 and not re.search(r"[%<>{}\[\]|@#*_=\\/^~$&\d]|--", line):
                found.add(line.strip(" \"'"))
    return tuple(line for line in sorted(found) if _split_of(line) == split)


@lru_cache(maxsize=512)
def terms(language: str, split: Split) -> Sequence[str]:
    """Names of countries and languages in a language, which most languages have."""
    found = {
        name
        for domain in ("iso_3166-1", "iso_639-3", "iso_639-2")
        for name in _translations(domain, language)
        if len(name) < 40 and not re.search(r"[()\d;/]", name)
    }
    return tuple(name for name in sorted(found) if _split_of(name) == split) if len(found) > 100 else ()


def _translations(domain: str, language: str) -> list[str]:
    """What a program's catalogue has in a language, without what is the same in English."""
    locale = _LOCALES.get(language, language.replace("-", "_"))
    path = gettext.find(domain, "/usr/share/locale", [locale])
    if path is None:
        return []
    with open(path, "rb") as file:
        catalogue: Mapping[object, object] = vars(gettext.GNUTranslations(file))["_catalog"]
    return [value for key, value in catalogue.items() if key and isinstance(value, str) and value != key]


def _sentences(text: str, base: str) -> list[str]:
    found = []
    for fortune in re.split(r"\n%+\n", re.sub("[\x1b\x08].?", "", text)):
        said = re.sub(r"\s+", " ", re.sub(r"\s--.*", "", fortune, flags=re.S))
        for line in re.split(r"(?<=[.!?。！？])\s*" if base == "cmn" else r"(?<=[.!?])\s+", said):
            line = line.strip(" \"'")
            if re.search(r"[<>{}\[\]|@#*_=\\/^~$%&\ufffd]|\d{3}", line):
                continue
            if base == "en" and not re.fullmatch(r"[A-Za-z0-9 ,.;:!?'\"()\-]+", line):
                continue
            length = len(line) / 2 if base == "cmn" else len(line.split())
            if 3 <= length <= 22:
                found.append(line)
    return found


def _split_of(text: str) -> Split:
    bucket = zlib.crc32(text.encode()) % 100
    return next(split for split, buckets in _HELD_OUT_SHARE.items() if bucket in buckets)
