"""Changes of the times of sounds."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from training.corpus.shelf import PhoneTimes
from visavis.speech.phones import gestures

Times: TypeAlias = list[tuple[str, float, float]]

VOICELESS_CLOSURE_S: Final = 0.040
"""espeak-ng tells of p, t and k when they burst; the 35-40 ms before it are 50-64 dB below the speech: the closure."""

_SHORTEST_S: Final = 0.010
_VOICELESS_STOPS: Final = frozenset("ptkcqʈ")


def is_voiceless_stop(ipa: str) -> bool:
    """Whether a sound begins with the closure of a stop without voice (affricates too)."""
    letters = [character for character in unicodedata.normalize("NFD", ipa) if character not in "ˈˌ"]
    return bool(letters) and letters[0] in _VOICELESS_STOPS and "\u0327" not in letters[1:2]


def early_closures(phones: PhoneTimes, closure_s: float = VOICELESS_CLOSURE_S) -> Times:
    """Moves the beginning of voiceless stops back, at the cost of the sound before: half of it remains, of a pause
    nothing need remain."""
    moved: Times = []
    for ipa, start_s, end_s in phones:
        if moved and is_voiceless_stop(ipa):
            before, before_start_s, before_end_s = moved[-1]
            earliest_s = 0.5 * (before_start_s + before_end_s) if before else before_start_s
            start_s = max(start_s - closure_s, earliest_s)
            moved[-1] = (before, before_start_s, min(before_end_s, start_s))
        moved.append((ipa, start_s, end_s))
    return moved


def shifted(phones: PhoneTimes, by_s: float) -> Times:
    """All of them later by ``by_s``."""
    return [(ipa, start_s + by_s, end_s + by_s) for ipa, start_s, end_s in phones]


def warped(phones: PhoneTimes, time_of_s: Callable[[float], float]) -> Times:
    """All of them where ``time_of_s`` puts their ends."""
    return [(ipa, time_of_s(start_s), time_of_s(end_s)) for ipa, start_s, end_s in phones]


def from_ends(ends: Iterable[tuple[str, float]]) -> Times:
    """Gapless times of sounds that are known by their ends."""
    times: Times = []
    for ipa, end_s in ends:
        times.append((ipa, times[-1][2] if times else 0.0, end_s))
    return times


def from_durations(durations: Iterable[tuple[str, float]]) -> Times:
    """Gapless times of sounds of known lengths."""
    times: Times = []
    for ipa, duration_s in durations:
        start_s = times[-1][2] if times else 0.0
        times.append((ipa, start_s, start_s + duration_s))
    return times


def fitted(phones: PhoneTimes, duration_s: float) -> Times:
    """Gapless times from 0 to the end of the sound: pauses named alike and joined, nothing shorter than 10 ms."""
    joined: Times = []
    for ipa, start_s, end_s in phones:
        ipa = ipa if gestures(ipa) else ""
        if not joined and start_s > 1e-4:
            joined.append(("", 0.0, start_s))
        start_s = joined[-1][2] if joined else 0.0
        end_s = min(max(end_s, 0.0), duration_s)
        if end_s - start_s < (_SHORTEST_S if joined and end_s < duration_s else 1e-4):
            if joined:
                joined[-1] = (joined[-1][0], joined[-1][1], max(end_s, start_s))
        elif joined and not ipa and not joined[-1][0]:
            joined[-1] = ("", joined[-1][1], end_s)
        else:
            joined.append((ipa, start_s, end_s))
    if joined and joined[-1][2] < duration_s:
        last, start_s, end_s = joined.pop()
        joined += [(last, start_s, end_s), ("", end_s, duration_s)] if last else [("", start_s, duration_s)]
    return joined


def without_short_pauses(phones: PhoneTimes, shortest_s: float = 0.04) -> Times:
    """Marks between words that last a few milliseconds are no silence: they go to the sound before."""
    kept: Times = []
    for at, (ipa, start_s, end_s) in enumerate(phones):
        inner = 0 < at < len(phones) - 1
        if inner and kept and not gestures(ipa) and end_s - start_s < shortest_s:
            kept[-1] = (kept[-1][0], kept[-1][1], end_s)
        else:
            kept.append((ipa, start_s, end_s))
    return kept


_LONGEST_SPACE_S: Final = 0.15
"""A space that lasts longer is a pause."""
_STRESS: Final = frozenset("ˈˌ")
_NO_SOUND: Final = frozenset("$^,.;:!?—–…\"“”«»¡¿()-' ")


def of_tokens(tokens: Sequence[tuple[str, float]], shortest_pause_s: float = 0.06) -> Times:
    """Times of the sounds of a network's tokens, each an IPA letter, a mark or a punctuation sign with its duration.

    A stress mark belongs to the letter after it, any other mark (ː, ʰ) and a space to the one before, and so does a
    comma unless it lasts long enough to be a pause.
    """
    times: Times = []
    stress_start_s: float | None = None
    for token, start_s, end_s in from_durations(tokens):
        if token in _STRESS:
            stress_start_s = start_s if stress_start_s is None else stress_start_s
        elif token in _NO_SOUND and not (token == " " and times and end_s - start_s < _LONGEST_SPACE_S):
            times.append(("", start_s, end_s))
        elif not gestures(token):
            if times:
                times[-1] = (times[-1][0] + token.strip() if times[-1][0] else "", times[-1][1], end_s)
        else:
            times.append((token, start_s if stress_start_s is None else stress_start_s, end_s))
            stress_start_s = None
    return without_short_pauses(times, shortest_pause_s)
