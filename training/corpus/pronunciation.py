"""How a text is said, by espeak-ng, and which of the English aligner's sounds are nearest to those of any language."""

from __future__ import annotations

import ctypes
import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from training.corpus.espeak import library
from visavis.speech.phones import gestures

NEAREST: Final[Mapping[str, str]] = MappingProxyType(
    {
        "p": "P", "b": "B", "t": "T", "d": "D", "k": "K", "ɡ": "G", "g": "G", "q": "K", "c": "K", "ɟ": "G", "ʈ": "T",
        "ɖ": "D", "ɓ": "B", "ɗ": "D", "ɠ": "G", "ɢ": "G", "f": "F", "v": "V", "ʋ": "V", "ɱ": "M", "ɸ": "F", "β": "V",
        "θ": "TH", "ð": "DH", "s": "S", "z": "Z", "ʃ": "SH", "ʒ": "ZH", "ʂ": "SH", "ʐ": "ZH", "ɕ": "SH", "ʑ": "ZH",
        "h": "HH", "ɦ": "HH", "x": "HH", "χ": "HH", "ç": "HH", "ħ": "HH", "ɣ": "G", "ʕ": "AA", "ʝ": "Y", "m": "M",
        "n": "N", "ɲ": "N", "ɳ": "N", "ŋ": "NG", "ɴ": "NG", "l": "L", "ɫ": "L", "ʎ": "L", "ɭ": "L", "ɬ": "L",
        "r": "R", "ɹ": "R", "ɻ": "R", "ʁ": "R", "ʀ": "R", "ɾ": "D", "ɽ": "D", "j": "Y", "ɥ": "Y", "w": "W", "ʍ": "W",
        "ɰ": "G", "a": "AA", "ä": "AA", "ɑ": "AA", "ɐ": "AH", "æ": "AE", "ʌ": "AH", "ə": "AH", "ɘ": "AH", "ɵ": "UH",
        "ɜ": "ER", "ɚ": "ER", "ɝ": "ER", "e": "EH", "ɛ": "EH", "i": "IY", "ɪ": "IH", "ᵻ": "IH", "ɨ": "IH", "y": "IY",
        "ʏ": "IH", "ø": "ER", "œ": "ER", "ɶ": "AE", "o": "OW", "ɔ": "AO", "ɒ": "AA", "u": "UW", "ʊ": "UH", "ɯ": "UW",
        "ʉ": "UW", "ɤ": "AH",
    }
)  # fmt: skip
"""ARPAbet by letter of the IPA."""
_TOGETHER: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "aɪ": ("AY",), "aʊ": ("AW",), "eɪ": ("EY",), "oʊ": ("OW",), "əʊ": ("OW",), "ɔɪ": ("OY",), "tʃ": ("CH",),
        "dʒ": ("JH",), "tɕ": ("CH",), "dʑ": ("JH",), "ʈʂ": ("CH",), "əl": ("AH", "L"),
    }
)  # fmt: skip

_TEXT_IN_UTF8: Final = 1
_IPA_PARTED_BY_UNDERSCORE: Final = 2 | ord("_") << 8


def words_in_ipa(text: str, voice: str) -> list[list[str]]:
    """The sounds of each word, as one of espeak-ng's voices reads the text.

    Raises:
        ValueError: no such voice.
    """
    raw = library().raw
    if raw.espeak_SetVoiceByName(voice.encode()) != 0:
        raise ValueError(f"espeak-ng has no voice {voice!r}")
    raw.espeak_TextToPhonemes.restype = ctypes.c_char_p
    data = ctypes.create_string_buffer(text.encode())
    rest = ctypes.c_void_p(ctypes.addressof(data))
    said = []
    while rest.value:
        clause = raw.espeak_TextToPhonemes(ctypes.byref(rest), _TEXT_IN_UTF8, _IPA_PARTED_BY_UNDERSCORE)
        said.append((clause or b"").decode("utf-8", "ignore"))
    words = re.sub(r"\([a-z-]+\)", "", " ".join(said)).split()
    parted = [[sound for sound in re.split("_", word.strip("_")) if gestures(sound)] for word in words]
    return [word for word in parted if word]


def nearest_arpabet(ipa: str) -> tuple[str, ...]:
    """What the English aligner looks for where a sound is said; may be nothing (a glottal stop)."""
    letters = "".join(letter for letter in unicodedata.normalize("NFC", ipa) if letter in NEAREST or letter == "\u0327")
    if letters in _TOGETHER:
        return _TOGETHER[letters]
    return tuple(NEAREST[letter] for letter in letters)


def aligner_words(words: Sequence[Sequence[str]]) -> list[tuple[list[str], list[int]]]:
    """For each word the aligner's sounds, and how many of them stand for each sound of the word."""
    return [
        ([name for sound in word for name in nearest_arpabet(sound)], [len(nearest_arpabet(sound)) for sound in word])
        for word in words
    ]
