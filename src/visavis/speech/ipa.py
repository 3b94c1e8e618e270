"""The International Phonetic Alphabet as a table of mouths.

A vowel's mouth follows from its height, backness and rounding, a consonant's from its place and manner; diacritics
change either. The numbers are controls of the face (:mod:`visavis.face`), scaled as the rig shows them: jawOpen 1 is
20 mm between the teeth, and the vowels of running speech open 3-12 mm (Lindblom and Sundberg 1971, Erickson 2002).
How far a sound insists on its number against its neighbours is its dominance (Cohen and Massaro 1993): sibilants
insist on a nearly shut jaw, k and g leave the lips to their neighbours, h leaves everything to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

Closure: TypeAlias = Literal["bilabial", "labiodental", "interdental"]
"""Lips together (p b m), lower lip under the upper teeth (f v), tongue between the teeth (th)."""

SHAPE_CONTROLS: Final = (
    "jawOpen", "mouthPucker", "mouthFunnel", "mouthStretch", "mouthUpperUp", "mouthLowerDown",
    "tongueTipUp", "tongueBodyUp",
)  # fmt: skip
"""What the neighbours of a sound blend with; closures are laid over it."""


@dataclass(frozen=True, slots=True)
class Gesture:
    """What a face does for one simple sound."""

    targets: tuple[float, ...]
    """0..1, in the order of :data:`SHAPE_CONTROLS`."""
    dominance: tuple[float, ...]
    """How much the sound insists on each, 0 (not at all) upwards; a full vowel insists with 1."""
    closure: Closure | None = None
    strength: float = 1.0
    """How complete the closure is."""
    hold: float = 1.0
    """The part of the sound, from its start, for which the closure is held: a p is let go before it ends."""
    weight: float = 1.0
    """Its share of the time where several sounds are written as one."""


def _vowel(openness: float, backness: float, rounding: float, *, jaw: float, dominance: float = 1.0) -> Gesture:
    """
    Args:
        openness: 0 close .. 1 open.
        backness: 0 front .. 1 back.
        rounding: 0 spread .. 1 rounded.
        jaw: the control's value.
        dominance: less for reduced vowels, which lean on their neighbours.
    """
    front, spread = 1 - backness, 1 - rounding
    # Lips round less the wider the mouth is (Linker 1982), and make a tube (pucker) of close vowels, a ring (funnel)
    # of open ones.
    pucker = rounding * (0.80 - 0.55 * openness)
    funnel = rounding * (0.44 + 0.14 * openness * (1 - openness) * 4 - 0.06 * openness)
    stretch = spread * (0.04 + 0.38 * front * (1 - 0.5 * openness))
    # The upper teeth show most in the half open front vowels.
    upper_up = spread * (0.14 + 0.26 * front * (1 - ((openness - 0.67) / 0.67) ** 2)) + rounding * 0.06 * openness
    lower_down = spread * (0.10 + 0.18 * front * (1 - 0.6 * openness)) + rounding * 0.04
    tongue_body = (1 - openness) * (0.5 * front + 0.3 * backness)
    targets = (jaw, pucker, funnel, stretch, upper_up, lower_down, 0.0, tongue_body)
    full = (1.0, 0.25 + 0.75 * rounding, 0.25 + 0.75 * rounding, 0.9, 0.9, 0.9, 0.25, 0.4)
    return Gesture(tuple(targets), tuple(dominance * value for value in full))


def _consonant(closure: Closure | None = None, *, strength: float = 1.0, hold: float = 1.0,
               **controls: tuple[float, float]) -> Gesture:  # fmt: skip
    """Each control as (target, dominance); what is not named is left to the neighbours."""
    chosen = [controls.get(name, (0.0, _LEFT_TO_NEIGHBOURS)) for name in _SHORT_NAMES]
    return Gesture(tuple(t for t, _ in chosen), tuple(d for _, d in chosen), closure, strength, hold)


_SHORT_NAMES: Final = ("jaw", "pucker", "funnel", "stretch", "upper", "lower", "tip", "body")
_LEFT_TO_NEIGHBOURS: Final = 0.03

# openness, backness, rounding and jaw of each vowel of the IPA chart, row by row.
VOWELS: Final[Mapping[str, Gesture]] = MappingProxyType(
    {
        "i": _vowel(0.0, 0.0, 0, jaw=0.16), "y": _vowel(0.0, 0.0, 1, jaw=0.16),
        "ɨ": _vowel(0.0, 0.5, 0, jaw=0.18), "ʉ": _vowel(0.0, 0.5, 1, jaw=0.17),
        "ɯ": _vowel(0.0, 1.0, 0, jaw=0.18), "u": _vowel(0.0, 1.0, 1, jaw=0.16),
        "ɪ": _vowel(0.17, 0.15, 0, jaw=0.22, dominance=0.7), "ʏ": _vowel(0.17, 0.15, 1, jaw=0.22, dominance=0.8),
        "ʊ": _vowel(0.17, 0.85, 0.85, jaw=0.23, dominance=0.7),
        "e": _vowel(0.33, 0.0, 0, jaw=0.34), "ø": _vowel(0.33, 0.0, 1, jaw=0.32),
        "ɘ": _vowel(0.33, 0.5, 0, jaw=0.32), "ɵ": _vowel(0.33, 0.5, 1, jaw=0.31),
        "ɤ": _vowel(0.33, 1.0, 0, jaw=0.35), "o": _vowel(0.33, 1.0, 1, jaw=0.36),
        "ə": _vowel(0.5, 0.5, 0.1, jaw=0.28, dominance=0.5),
        "ɛ": _vowel(0.67, 0.0, 0, jaw=0.46), "œ": _vowel(0.67, 0.0, 1, jaw=0.43),
        "ɜ": _vowel(0.67, 0.5, 0.1, jaw=0.40), "ɞ": _vowel(0.67, 0.5, 1, jaw=0.42),
        "ʌ": _vowel(0.67, 1.0, 0, jaw=0.50), "ɔ": _vowel(0.67, 1.0, 1, jaw=0.50),
        "æ": _vowel(0.83, 0.0, 0, jaw=0.60), "ɐ": _vowel(0.83, 0.5, 0, jaw=0.50, dominance=0.75),
        # The letter a stands for a central vowel in nearly every language that is written with it.
        "a": _vowel(1.0, 0.5, 0, jaw=0.68), "ɶ": _vowel(1.0, 0.0, 1, jaw=0.60),
        "ɑ": _vowel(1.0, 1.0, 0, jaw=0.67), "ɒ": _vowel(1.0, 1.0, 0.8, jaw=0.58),
        # The apical vowels of Mandarin: a hissing held as a vowel, teeth nearly shut and shown.
        "ɿ": _vowel(0.0, 0.3, 0, jaw=0.10), "ʅ": _vowel(0.0, 0.4, 0.15, jaw=0.13),
        "ʮ": _vowel(0.0, 0.3, 0.9, jaw=0.10), "ʯ": _vowel(0.0, 0.4, 0.9, jaw=0.13),
    }
)  # fmt: skip

NEUTRAL: Final = replace(VOWELS["ə"], dominance=tuple(0.5 * value for value in VOWELS["ə"].dominance))

_ALVEOLAR_STOP: Final = _consonant(
    jaw=(0.14, 0.75), stretch=(0.12, 0.10), upper=(0.16, 0.25), lower=(0.24, 0.35), tip=(1.0, 0.9)
)
_ALVEOLAR_NASAL: Final = _consonant(
    jaw=(0.17, 0.55), stretch=(0.10, 0.06), upper=(0.08, 0.20), lower=(0.14, 0.25), tip=(1.0, 0.9)
)
_LATERAL: Final = _consonant(
    jaw=(0.23, 0.50), stretch=(0.10, 0.06), upper=(0.12, 0.20), lower=(0.16, 0.25), tip=(1.0, 0.9)
)
_HISS: Final = _consonant(
    jaw=(0.05, 1.4), pucker=(0.0, 0.25), funnel=(0.0, 0.25),
    stretch=(0.34, 0.50), upper=(0.30, 0.70), lower=(0.42, 0.80), tip=(0.6, 0.6),
)  # fmt: skip
_HUSH: Final = _consonant(
    jaw=(0.09, 1.3), pucker=(0.30, 0.75), funnel=(0.80, 1.1),
    stretch=(0.0, 0.40), upper=(0.10, 0.50), lower=(0.16, 0.50), tip=(0.3, 0.4), body=(0.3, 0.4),
)  # fmt: skip
_RETROFLEX_HUSH: Final = _consonant(
    jaw=(0.10, 1.3), pucker=(0.20, 0.50), funnel=(0.50, 0.80),
    stretch=(0.0, 0.30), upper=(0.14, 0.50), lower=(0.24, 0.50), tip=(0.6, 0.6),
)  # fmt: skip
_PALATAL_HISS: Final = _consonant(
    jaw=(0.07, 1.3), pucker=(0.0, 0.30), funnel=(0.16, 0.50),
    stretch=(0.28, 0.50), upper=(0.22, 0.60), lower=(0.32, 0.70), body=(0.7, 0.5),
)  # fmt: skip
_INTERDENTAL: Final = _consonant(
    "interdental", jaw=(0.18, 1.0), stretch=(0.12, 0.10), upper=(0.22, 0.50), lower=(0.34, 0.60), tip=(0.8, 0.7)
)
_TRILL: Final = _consonant(
    jaw=(0.20, 0.80), stretch=(0.10, 0.05), upper=(0.14, 0.20), lower=(0.18, 0.25), tip=(1.0, 0.8)
)
_VELAR: Final = _consonant(jaw=(0.25, 0.35), upper=(0.06, 0.06), lower=(0.08, 0.06), tip=(0.0, 0.1), body=(1.0, 0.9))
_UVULAR: Final = _consonant(jaw=(0.28, 0.35), upper=(0.06, 0.05), lower=(0.08, 0.05), tip=(0.0, 0.1), body=(0.6, 0.7))
_PALATAL: Final = _consonant(
    jaw=(0.17, 0.65), pucker=(0.0, 0.20), funnel=(0.0, 0.20), stretch=(0.32, 0.45),
    upper=(0.14, 0.30), lower=(0.24, 0.35), body=(0.9, 0.8),
)  # fmt: skip
_PHARYNGEAL: Final = _consonant(jaw=(0.38, 0.55), tip=(0.0, 0.2), body=(0.0, 0.3))
_GLIDE_W: Final = _consonant(
    jaw=(0.15, 1.0), pucker=(0.82, 1.4), funnel=(0.44, 1.2), stretch=(0.0, 0.60),
    upper=(0.0, 0.6), lower=(0.03, 0.6), body=(0.3, 0.3),
)  # fmt: skip
_ENGLISH_R: Final = _consonant(
    jaw=(0.20, 0.65), pucker=(0.32, 0.55), funnel=(0.42, 0.60), stretch=(0.0, 0.20),
    upper=(0.08, 0.25), lower=(0.12, 0.25), tip=(0.3, 0.3), body=(0.5, 0.5),
)  # fmt: skip
_LABIAL_JAW: Final = (0.08, 1.0)
_LABIODENTAL: Final = _consonant("labiodental", jaw=(0.10, 1.0), stretch=(0.08, 0.2), upper=(0.14, 0.6))
_TRANSPARENT: Final = Gesture((0.0,) * len(_SHORT_NAMES), (0.01,) * len(_SHORT_NAMES))

# How long a stop is held, as a part of the time from its closing to the next sound: the rest is the burst and the
# breath (Klatt 1975: 60-80 ms of closure; 47 ms from the burst of an English p to the voice, 11 ms from that of a b).
_VOICELESS_HOLD: Final = 0.70
_VOICED_HOLD: Final = 0.85
_NASAL_HOLD: Final = 0.92
_ASPIRATED_HOLD: Final = 0.60

STOPS: Final = frozenset("pbtdʈɖcɟkɡqɢʔɓɗʄɠʛ")

GESTURES: Final[Mapping[str, Gesture]] = MappingProxyType(
    {
        **VOWELS,
        "p": _consonant("bilabial", hold=_VOICELESS_HOLD, jaw=_LABIAL_JAW),
        **dict.fromkeys("bɓʙ", _consonant("bilabial", hold=_VOICED_HOLD, jaw=_LABIAL_JAW)),
        "m": _consonant("bilabial", hold=_NASAL_HOLD, jaw=_LABIAL_JAW),
        "ʘ": _consonant("bilabial", hold=_VOICELESS_HOLD, jaw=_LABIAL_JAW, pucker=(0.5, 0.8), body=(1.0, 0.5)),
        **dict.fromkeys("ɸβ", _consonant("bilabial", strength=0.55, jaw=(0.10, 1.2), pucker=(0.2, 0.4))),
        **dict.fromkeys("fvɱ", _LABIODENTAL),
        **dict.fromkeys("ʋⱱ", replace(_LABIODENTAL, strength=0.7)),
        "θ": _INTERDENTAL, "ð": replace(_INTERDENTAL, strength=0.85),
        **dict.fromkeys("tdɗǀ", _ALVEOLAR_STOP),
        **dict.fromkeys("ʈɖ", _ALVEOLAR_STOP),
        "ǃ": _consonant(jaw=(0.30, 0.8), tip=(1.0, 0.9), body=(0.8, 0.5)),
        **dict.fromkeys("ǂǁ", _consonant(jaw=(0.22, 0.6), stretch=(0.2, 0.2), tip=(1.0, 0.9), body=(0.8, 0.5))),
        **dict.fromkeys("nɳ", _ALVEOLAR_NASAL),
        **dict.fromkeys("lɭɺ", _LATERAL),
        **dict.fromkeys("ɬɮ", replace(_LATERAL, targets=(0.14, 0, 0, 0.2, 0.2, 0.3, 0.9, 0))),
        **dict.fromkeys("sz", _HISS),
        **dict.fromkeys("ʃʒɧ", _HUSH),
        **dict.fromkeys("ʂʐ", _RETROFLEX_HUSH),
        **dict.fromkeys("ɕʑ", _PALATAL_HISS),
        "r": _TRILL,
        **dict.fromkeys("ɾɽ", replace(_TRILL, dominance=tuple(0.6 * value for value in _TRILL.dominance))),
        **dict.fromkeys("ɹɻ", _ENGLISH_R),
        **dict.fromkeys("cɟʄçʝɲʎ", _PALATAL), "j": _PALATAL,
        **dict.fromkeys("kɡɠxɣŋɰʟ", _VELAR),
        **dict.fromkeys("qɢʛχʁʀɴ", _UVULAR),
        **dict.fromkeys("ħʕʜʢʡ", _PHARYNGEAL),
        **dict.fromkeys("hɦʔ", _TRANSPARENT),
        **dict.fromkeys("wʍ", _GLIDE_W),
        "ɥ": replace(_GLIDE_W, targets=(0.15, 0.80, 0.42, 0.0, 0.0, 0.03, 0.0, 0.9)),
    }
)  # fmt: skip

SPELT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "g": "ɡ", "ʦ": "ts", "ʣ": "dz", "ʧ": "tʃ", "ʤ": "dʒ", "ʨ": "tɕ", "ʥ": "dʑ", "ꭧ": "tʂ", "ꭦ": "dʐ",
        "ɚ": "ə˞", "ɝ": "ɜ˞", "ᵻ": "ɪ", "ᵿ": "ʊ", "ᵊ": "ə", "ɫ": "lˠ", "ᴀ": "a", "ɩ": "ɪ", "ɷ": "ʊ", "ı": "ɪ",
        "ȵ": "nʲ", "ȶ": "tʲ", "ȡ": "dʲ", "ƥ": "p", "ƭ": "t", "ƙ": "k", "ʠ": "q", "ʆ": "ɕ", "ʓ": "ʑ", "ɼ": "r",
        "ⁿ": "n", "ᵐ": "m", "ᵑ": "ŋ", "ʇ": "ǀ", "ʗ": "ǃ", "ʖ": "ǁ", "!": "ǃ", "α": "ɑ", "ε": "ɛ",
        "S": "ʃ", "Z": "ʒ",
    }
)  # fmt: skip


def _changed(gesture: Gesture, **controls: tuple[float, float]) -> Gesture:
    """The gesture with other (target, dominance) of some controls."""
    targets, dominance = list(gesture.targets), list(gesture.dominance)
    for name, (target, insistence) in controls.items():
        index = _SHORT_NAMES.index(name)
        targets[index], dominance[index] = min(max(target, 0.0), 1.0), insistence
    return replace(gesture, targets=tuple(targets), dominance=tuple(dominance))


def _insistent(gesture: Gesture, factor: float) -> Gesture:
    return replace(gesture, dominance=tuple(factor * value for value in gesture.dominance))


def _scaled(gesture: Gesture, **factors: float) -> Gesture:
    """The gesture with some targets times a factor."""
    targets = {name: gesture.targets[_SHORT_NAMES.index(name)] for name in factors}
    dominance = {name: gesture.dominance[_SHORT_NAMES.index(name)] for name in factors}
    return _changed(gesture, **{name: (factors[name] * targets[name], dominance[name]) for name in factors})


def _long(gesture: Gesture, letter: str) -> Gesture:
    return _insistent(gesture, 1.25) if letter in VOWELS else gesture


def _short(gesture: Gesture, letter: str) -> Gesture:
    return _insistent(gesture, 0.7)


def _aspirated(gesture: Gesture, letter: str) -> Gesture:
    return replace(gesture, hold=min(gesture.hold, _ASPIRATED_HOLD)) if letter in STOPS else gesture


def _unreleased(gesture: Gesture, letter: str) -> Gesture:
    return replace(gesture, hold=1.0)


def _ejective(gesture: Gesture, letter: str) -> Gesture:
    return replace(gesture, hold=0.8) if letter in STOPS else gesture


def _labialised(gesture: Gesture, letter: str) -> Gesture:
    return _changed(gesture, pucker=(0.65, 1.0), funnel=(0.40, 0.9), stretch=(0.0, 0.4))


def _palatalised(gesture: Gesture, letter: str) -> Gesture:
    return _changed(gesture, stretch=(max(gesture.targets[3], 0.26), 0.25), body=(0.8, 0.6))


def _velarised(gesture: Gesture, letter: str) -> Gesture:
    return _changed(gesture, stretch=(0.0, 0.12), body=(0.5, 0.4))


def _pharyngealised(gesture: Gesture, letter: str) -> Gesture:
    # The emphatics of Arabic: the tongue's root drawn back, the lips a little rounded and forward.
    jaw, insistence = gesture.targets[0], gesture.dominance[0]
    return _changed(gesture, jaw=(jaw + 0.03, insistence), funnel=(0.18, 0.45), stretch=(0.06, 0.30))


def _nasalised(gesture: Gesture, letter: str) -> Gesture:
    # Where vowels contrast by nasality the open back ones are rounder and the front ones opener (French: Zerling 1984).
    if letter in "ɔo":
        return _scaled(gesture, jaw=0.85, pucker=1.25, funnel=1.1)
    if letter in "ɑɒ":
        return _changed(gesture, jaw=(0.58, 1.0), pucker=(0.20, 0.6), funnel=(0.35, 0.7))
    return _scaled(gesture, jaw=1.08) if letter in VOWELS else gesture


def _rhotic(gesture: Gesture, letter: str) -> Gesture:
    return _changed(gesture, pucker=(0.24, 0.5), funnel=(0.34, 0.55), stretch=(0.04, 0.4), body=(0.4, 0.4))


def _syllabic(gesture: Gesture, letter: str) -> Gesture:
    apical = {"s": "ɿ", "z": "ɿ", "ʂ": "ʅ", "ʐ": "ʅ", "ɻ": "ʅ"}.get(letter)
    return VOWELS[apical] if apical else _insistent(gesture, 1.25)


def _retroflex(gesture: Gesture, letter: str) -> Gesture:
    # espeak-ng's way of writing Mandarin.
    return GESTURES.get({"s": "ʂ", "z": "ʐ", "i": "ʅ"}.get(letter, ""), gesture)


def _raised(gesture: Gesture, letter: str) -> Gesture:
    if letter == "r":
        return _RETROFLEX_HUSH  # the Czech ř, a trill that hisses
    return _scaled(gesture, jaw=0.87) if letter in VOWELS else gesture


def _lowered(gesture: Gesture, letter: str) -> Gesture:
    return _scaled(gesture, jaw=1.13) if letter in VOWELS else replace(gesture, strength=0.7 * gesture.strength)


def _centralised(gesture: Gesture, letter: str) -> Gesture:
    return _scaled(gesture, stretch=0.6, upper=0.75)


def _more_rounded(gesture: Gesture, letter: str) -> Gesture:
    return _scaled(gesture, pucker=1.25, funnel=1.15, stretch=0.7)


def _less_rounded(gesture: Gesture, letter: str) -> Gesture:
    return _scaled(gesture, pucker=0.65, funnel=0.75)


MARKS: Final[Mapping[str, Callable[[Gesture, str], Gesture]]] = MappingProxyType(
    {
        "ː": _long, ":": _long, "ˑ": _long, "\u0306": _short, "\u032f": _short,
        "ʰ": _aspirated, "ʱ": _aspirated, "ʼ": _ejective, "`": _ejective, "\u2019": _ejective, "\u031a": _unreleased,
        "ʷ": _labialised, "\u032b": _labialised, "ʲ": _palatalised, "ˠ": _velarised, "\u0334": _velarised,
        "ˤ": _pharyngealised, "\u0303": _nasalised, "˞": _rhotic, "\u0329": _syllabic, "\u030d": _syllabic,
        ".": _retroflex,
        "\u031d": _raised, "\u031e": _lowered, "\u0308": _centralised, "\u033d": _centralised,
        "\u0339": _more_rounded, "\u031c": _less_rounded,
    }
)  # fmt: skip
