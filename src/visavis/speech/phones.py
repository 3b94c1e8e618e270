"""Sounds of speech and their times, and what a face does for each sound, however it is written."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

from visavis.speech.ipa import GESTURES, MARKS, NEUTRAL, SPELT, STOPS, VOWELS, Gesture


@dataclass(frozen=True, slots=True)
class Phone:
    """One sound and when it is heard."""

    ipa: str
    """In IPA, diacritics and all: ``a``, ``t͡ʃ``, ``aɪ``, ``kʷʰ``; ARPAbet in capitals (``AA1``) is read too.
    Empty is silence."""
    start_s: float
    end_s: float


def phone_values(phones: Iterable[Phone]) -> list[list[str | float]]:
    """Phones as plain values for JSON, ``[ipa, start_s, end_s]`` each, to a tenth of a millisecond."""
    return [[phone.ipa, round(phone.start_s, 4), round(phone.end_s, 4)] for phone in phones]


def phones_of_values(values: Iterable[Sequence[Any]]) -> tuple[Phone, ...]:
    """What :func:`phone_values` gave, as phones again."""
    return tuple(Phone(ipa, start_s, end_s) for ipa, start_s, end_s in values)


def cut_phones(phones: Iterable[Phone], from_s: float, to_s: float = math.inf) -> tuple[Phone, ...]:
    """The phones of a part of the sound, with times from its beginning."""
    return tuple(
        Phone(phone.ipa, max(phone.start_s, from_s) - from_s, min(phone.end_s, to_s) - from_s)
        for phone in phones
        if phone.end_s > from_s and phone.start_s < to_s
    )


@lru_cache(maxsize=8192)
def gestures(ipa: str) -> tuple[Gesture, ...]:
    """What a face does for a sound, in order: two for a diphthong or an affricate, none for silence.

    Never fails: a letter that is no IPA is taken for the sound it looks like, else for a neutral vowel; what has no
    letter in it is silence.
    """
    symbol = _arpabet_as_ipa(ipa) if ipa.isascii() else ipa
    if symbol.strip(_SILENCE_MARKS) == "" or symbol in _SILENCE_NAMES:
        return ()
    return tuple(_parsed(symbol))


def ipa_of_arpabet(name: str) -> str:
    """The IPA of an ARPAbet name in any case, with or without its stress digit; empty for its silences.

    Raises:
        KeyError: no such name.
    """
    return _ARPABET[name.rstrip("012").upper()]


def _arpabet_as_ipa(symbol: str) -> str:
    return _ARPABET.get(symbol.rstrip("012"), symbol)


def _parsed(symbol: str) -> Iterator[Gesture]:
    """Letters become gestures, marks change the gesture before (or, for prenasalisation, stand before it)."""
    spelt = "".join(SPELT.get(character, character) for character in unicodedata.normalize("NFC", symbol))
    # The letter ç is no c with a mark under it.
    characters = unicodedata.normalize("NFD", spelt).replace("c\u0327", "ç")
    current: Gesture | None = None
    letter = ""
    tied = False
    for character in characters:
        if character in _TIES:
            tied = True
            continue
        if (change := MARKS.get(character)) is not None:
            if current is not None:
                current = change(current, letter)
            continue
        following = _letter(character)
        if following is None:
            continue
        if current is not None:
            if tied and (both := _doubly_articulated(current, following)) is not None:
                current, letter, tied = both, character, False
                continue
            yield _first_of_two(current, letter, character)
        current, letter, tied = following, character, False
    if current is not None:
        yield current


def _letter(character: str) -> Gesture | None:
    """The gesture of a letter; None for marks that say nothing of the mouth (stress, tone, punctuation)."""
    gesture = GESTURES.get(character)
    if gesture is not None:
        return gesture
    if not character.isalpha() or unicodedata.category(character) in ("Lm", "Mn", "Sk"):
        return None
    plain = unicodedata.normalize("NFKD", character)[0].lower()
    if plain in GESTURES:
        return GESTURES[plain]
    # "LATIN SMALL LETTER T WITH CURL" and the like: the letter it was made from.
    words = unicodedata.name(character, "").split()
    if words[:1] == ["LATIN"] and "LETTER" in words:
        rest = words[words.index("LETTER") + 1 :]
        base = next((word.lower() for word in rest if len(word) == 1), "")
        return GESTURES.get(base, NEUTRAL)
    return NEUTRAL


def _doubly_articulated(first: Gesture, second: Gesture) -> Gesture | None:
    """k͡p and its like: two closures at once. None where the tie joins one after the other (t͡s)."""
    if second.closure != "bilabial" or first.closure is not None:
        return None
    targets = tuple(max(a, b) for a, b in zip(first.targets, second.targets, strict=True))
    dominance = tuple(max(a, b) for a, b in zip(first.dominance, second.dominance, strict=True))
    return replace(second, targets=(second.targets[0], *targets[1:]), dominance=dominance)


def _first_of_two(gesture: Gesture, letter: str, following: str) -> Gesture:
    if letter in VOWELS and following in VOWELS:
        return replace(gesture, weight=1.2 * gesture.weight)
    if letter in STOPS and following not in VOWELS:
        # Of an affricate the stop is the shorter part, and its closure lasts until the friction begins.
        return replace(gesture, weight=0.8 * gesture.weight, hold=1.0)
    return gesture


_TIES: Final = "\u0361\u035c"
_SILENCE_MARKS: Final = " _|‖.,;:!?#$^\"'-–—…\t\n"
_SILENCE_NAMES: Final = frozenset({"sil", "SIL", "SP", "spn", "SPN", "pau", "PAU", "NSN", "<sil>", "<eps>"})

_ARPABET: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AA": "ɑ", "AE": "æ", "AH": "ʌ", "AO": "ɔ", "AW": "aʊ", "AX": "ə", "AXR": "ɚ", "AY": "aɪ", "EH": "ɛ",
        "ER": "ɝ", "EY": "eɪ", "IH": "ɪ", "IX": "ɨ", "IY": "i", "OW": "oʊ", "OY": "ɔɪ", "UH": "ʊ", "UW": "u",
        "UX": "ʉ", "B": "b", "CH": "t͡ʃ", "D": "d", "DH": "ð", "DX": "ɾ", "EL": "l̩", "EM": "m̩", "EN": "n̩",
        "F": "f", "G": "ɡ", "HH": "h", "H": "h", "HV": "ɦ", "JH": "d͡ʒ", "K": "k", "L": "l", "M": "m", "N": "n",
        "NG": "ŋ", "NX": "ɾ", "P": "p", "Q": "ʔ", "R": "ɹ", "S": "s", "SH": "ʃ", "T": "t", "TH": "θ", "V": "v",
        "W": "w", "WH": "ʍ", "Y": "j", "Z": "z", "ZH": "ʒ", "SIL": "", "PAU": "", "SP": "", "SPN": "",
    }
)  # fmt: skip
