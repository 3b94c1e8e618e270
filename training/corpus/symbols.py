"""The phone names of festival's voices, as IPA."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from visavis.speech.phones import ipa_of_arpabet

_FLITE_ONLY: Final[Mapping[str, str]] = MappingProxyType({"pau": "", "brth": "", "ssil": "", "sil": ""})

_SAMPA: Final[Mapping[str, str]] = MappingProxyType(
    {
        "S": "ʃ", "Z": "ʒ", "tS": "t͡ʃ", "dZ": "d͡ʒ", "L": "ʎ", "J": "ɲ", "O": "ɔ", "E": "ɛ", "@": "ə", "2": "ø",
        "{": "æ", "N": "ŋ", "g": "ɡ", "#": "", "_": "", "D": "ð", "T": "θ", "ts": "t͡s", "dz": "d͡z", "pau": "",
        "F": "ɱ", "ng": "ŋ",
    }
)  # fmt: skip

_CZECH: Final[Mapping[str, str]] = MappingProxyType(
    {
        "c": "t͡s", "ch": "x", "cz": "t͡ʃ", "s~": "ʃ", "d~": "ɟ", "t~": "c", "n~": "ɲ", "r~": "r̝", "r*": "r̝̊",
        "z~": "ʒ", "tS": "t͡ʃ", "dZ": "d͡ʒ", "dz": "d͡z", "h": "ɦ", "N": "ŋ", "M": "ɱ", "e": "ɛ", "e:": "ɛː", "i": "ɪ",
        "i:": "iː", "U": "u", "g": "ɡ", "#": "", "_": "", "pau": "",
    }
)  # fmt: skip

_FINNISH: Final[Mapping[str, str]] = MappingProxyType(
    {"a": "ɑ", "@": "æ", "7": "ø", "9": "ø", "{": "æ", "A": "ɑ", "N": "ŋ", "g": "ɡ", "v": "ʋ", "#": "", "pau": ""}
)


def ipa_of_arctic(name: str) -> str:
    """The IPA of a name of flite's and festival's English voices.

    Raises:
        KeyError: no such name.
    """
    return _FLITE_ONLY[name] if name in _FLITE_ONLY else ipa_of_arpabet(name)


def ipa_of_festival(name: str, language: str) -> str:
    """The IPA of a name of festival's other voices; letters that are no exception stand for themselves."""
    table = {"cs": _CZECH, "fi": _FINNISH}.get(language, _SAMPA)
    if name in table:
        return table[name]
    plain = re.sub(r"[1:~]", "", name)
    return table.get(plain, plain) + ("ː" if ":" in name else "")
