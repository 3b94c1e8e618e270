"""From sounds and their times to what a face does: targets with coarticulation.

Every sound pulls each control towards its own target with a force that is full while it is heard and dies away
before and after it (dominance functions, Cohen and Massaro 1993):

    value(t) = sum_i D_i(t) target_i / sum_i D_i(t),   D_i(t) = a_i exp(-r |t - sound i|)

with a rate r per control that is smaller before the sound than after it where people anticipate: lips round up to a
fifth of a second early. Closures are not blended but laid over it as plateaux: a p that closes three quarters is no
p. How wide the jaw and how far the lips go follows the effort of speaking, the jaw more than the lips (JALI, Edwards
et al. 2016); closures stay what they are however softly one speaks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visavis.speech.ipa import SHAPE_CONTROLS, Closure, Gesture
from visavis.speech.phones import Phone, gestures

ROW_S: Final = 0.01
"""Time between two rows of a track."""

TARGETS: Final = (
    "jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthStretch", "mouthUpperUp", "mouthLowerDown",
    "lipTuck", "tongueTipUp", "tongueBodyUp", "tongueOut", "speech",
)  # fmt: skip
"""The columns of a track: controls of the face (left and right are one), and whether somebody speaks."""

SEALED_JAW: Final = 0.08
"""What is left of the jaw's opening behind closed lips."""
TUCKED_UPPER_UP: Final = 0.14
"""The upper lip over a tucked lower one: the teeth show a little."""
LEAST_CLOSURE_S: Final = 0.05
"""A closure is full for so long at least: a frame of 25 a second shows it whole, wherever the frames fall."""
LONGEST_RELEASE_S: Final = 0.08
"""Burst and breath of a stop take so long at most: what a long stop lasts longer is closure."""
SHUT_AFTER_S: Final = 0.15
"""The mouth is at rest so long after the last sound."""
OPENS_BEFORE_S: Final = 0.20
"""Lips shape themselves so long before the first sound at most."""
UNHEARD_PAUSE_S: Final = 0.04
"""A shorter gap in the times is no pause."""

# Per second: how fast the pull of a sound dies away before it and after it, in the order of SHAPE_CONTROLS.
_ANTICIPATION_PER_S: Final = np.array([28.0, 12.0, 14.0, 22.0, 26.0, 26.0, 45.0, 28.0])
_CARRY_OVER_PER_S: Final = np.array([30.0, 22.0, 24.0, 26.0, 28.0, 28.0, 45.0, 30.0])
_SILENCE_DOMINANCE: Final = np.array([1.2, 0.9, 0.9, 0.9, 1.0, 1.0, 0.8, 0.8])
_FULL_PAUSE_S: Final = 0.16
"""A pause this long insists on the resting mouth; a shorter one does so less."""
_REACH_S: Final = 0.40
_INSET: Final = 0.15
_MOST_INSET_S: Final = 0.03
"""A sound is fully itself but for its first and last part."""
_LEAST_DOMINANCE: Final = 1e-6

_CLOSING_S: Final = 0.055
_OPENING_S: Final = 0.045
"""Lips come together in 60-80 ms and part faster (Lofqvist and Gracco 1997); the ramps are a little shorter, for the
shape beneath closes too."""
_SMOOTHING: Final = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
"""Takes the corners off what the plateaux of dominance leave: 10 ms of standard deviation."""

_MOST_JAW: Final = 0.9
_LIP_EFFORT: Final = 0.5
"""The power of the effort with which the lips follow it."""
EFFORT_RANGE: Final = (0.4, 1.6)

_LIPS: Final = ("mouthPucker", "mouthFunnel", "mouthStretch", "mouthUpperUp", "mouthLowerDown")
_COLUMN: Final = {name: index for index, name in enumerate(TARGETS)}
_LIP_COLUMNS: Final = [_COLUMN[name] for name in _LIPS]
SHAPE_COLUMNS: Final = np.array([_COLUMN[name] for name in SHAPE_CONTROLS])
"""Of a track: what blends, without contacts."""
_CONTACT: Final[dict[Closure, str]] = {
    "bilabial": "mouthClose", "labiodental": "lipTuck", "interdental": "tongueOut",
}  # fmt: skip
_BLOCK_UNITS: Final = 2048


def articulation_track(phones: Sequence[Phone], row_count: int, effort: ArrayLike = 1.0) -> NDArray[np.float32]:
    """What a face does that says ``phones``.

    Args:
        phones: in order; where there is none, there is silence.
        row_count: how many rows.
        effort: of speaking, 1 is ordinary, :data:`EFFORT_RANGE`; one number or one per row. Loud speech opens wider.

    Returns:
        ``float32 [row_count, len(TARGETS)]``, 0..1; row k is the face at ``k * ROW_S`` seconds.
    """
    units = _units(phones)
    track = np.zeros((row_count, len(TARGETS)))
    if not len(units.start_s) or not row_count:
        return track.astype(np.float32)
    _blend(units, track)
    awake = _awake(units, row_count)
    track[:, SHAPE_COLUMNS] = _smoothed(track[:, SHAPE_COLUMNS]) * awake[:, None]
    exert(track, np.clip(np.asarray(effort, np.float64), *EFFORT_RANGE))
    _close(units, track)
    track[:, _COLUMN["speech"]] = _smoothed(_spoken(units, row_count)[:, None])[:, 0]
    return np.clip(track, 0, 1).astype(np.float32)


def closures(phones: Sequence[Phone]) -> list[tuple[float, float, Closure]]:
    """When lips or teeth touch in full, in order: start and end in seconds, and what touches.

    Only whole closures of the lips and the lower lip are told, not tongues and approximants. Two that follow upon
    each other (the m and the p of lamp) are one.
    """
    units = _units(phones)
    found: list[tuple[float, float, Closure]] = []
    for start_s, end_s, closure, strength in _plateaux(units):
        if strength < 1 or closure == "interdental":
            continue
        if found and found[-1][2] == closure and start_s <= found[-1][1] + 1e-6:
            found[-1] = (found[-1][0], max(end_s, found[-1][1]), closure)
        else:
            found.append((start_s, end_s, closure))
    return found


def exert(track: NDArray[Any], effort: NDArray[np.float64]) -> None:
    """Open a track's mouth wider or less wide, in place; softly limited, for a jaw has an end.

    Args:
        track: ``[rows, len(TARGETS)]``.
        effort: one number or ``[rows]``.
    """
    jaw = track[:, _COLUMN["jawOpen"]] * effort
    knee = 0.7 * _MOST_JAW
    excess = np.maximum(jaw - knee, 0) / (_MOST_JAW - knee)
    track[:, _COLUMN["jawOpen"]] = np.minimum(jaw, knee) + (_MOST_JAW - knee) * np.tanh(excess)
    track[:, _LIP_COLUMNS] = np.minimum(track[:, _LIP_COLUMNS] * (effort**_LIP_EFFORT)[..., None], 1)


def touch(track: NDArray[Any], lips: NDArray[Any], teeth: NDArray[Any], tongue: NDArray[Any]) -> None:
    """Lay contacts over a track, in place: what touches leaves no room for the rest of the shape.

    Args:
        track: ``[rows, len(TARGETS)]``.
        lips: how far the lips are closed (p b m), ``[rows]``, 0..1.
        teeth: how far the lower lip is under the upper teeth (f v), likewise.
        tongue: how far the tongue is between the teeth (th), likewise.
    """
    teeth = teeth * (1 - lips)
    touching = np.maximum(lips, teeth)
    jaw = track[:, _COLUMN["jawOpen"]]
    jaw += (np.minimum(jaw, SEALED_JAW) - jaw) * touching
    upper_up = track[:, _COLUMN["mouthUpperUp"]]
    upper_up *= 1 - lips
    upper_up += (np.minimum(upper_up, TUCKED_UPPER_UP) - upper_up) * teeth
    track[:, _COLUMN["mouthLowerDown"]] *= 1 - touching
    track[:, _COLUMN["mouthFunnel"]] *= 1 - touching
    track[:, _COLUMN["mouthStretch"]] *= 1 - 0.5 * touching
    track[:, _COLUMN["mouthPucker"]] *= 1 - 0.4 * touching
    track[:, _COLUMN["mouthClose"]] = lips
    track[:, _COLUMN["lipTuck"]] = teeth
    track[:, _COLUMN["tongueOut"]] = tongue * (1 - touching)


@dataclass(frozen=True, slots=True)
class _Units:
    """The simple sounds and silences of a stretch of speech, without gaps between."""

    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    gestures: list[Gesture | None]
    """None is silence."""
    targets: NDArray[np.float64]
    """``[units, len(SHAPE_CONTROLS)]``."""
    dominance: NDArray[np.float64]
    spoken: NDArray[np.bool_]


def _units(phones: Sequence[Phone]) -> _Units:
    starts: list[float] = []
    ends: list[float] = []
    found: list[Gesture | None] = []
    until_s = 0.0
    ordered = sorted((phone for phone in phones if phone.end_s > phone.start_s), key=lambda phone: phone.start_s)
    for index, phone in enumerate(ordered):
        following_s = ordered[index + 1].start_s if index + 1 < len(ordered) else np.inf
        start_s, end_s = max(phone.start_s, until_s), min(phone.end_s, following_s)
        parts = gestures(phone.ipa)
        if end_s <= start_s or not parts:
            continue
        if start_s - until_s >= UNHEARD_PAUSE_S or not found:
            if start_s > until_s:
                starts.append(until_s)
                ends.append(start_s)
                found.append(None)
        else:
            ends[-1] = start_s
        share_s = (end_s - start_s) / sum(part.weight for part in parts)
        for part in parts:
            starts.append(start_s)
            start_s += share_s * part.weight
            ends.append(start_s)
            found.append(part)
        until_s = ends[-1] = end_s
    if found:
        starts.append(until_s)
        ends.append(until_s + 10.0)
        found.append(None)
    start, end = np.array(starts), np.array(ends)
    return _Units(start, end, found, *_forces(found, end - start), np.array([part is not None for part in found]))


def _forces(
    found: list[Gesture | None], duration_s: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Targets and dominance, ``[units, len(SHAPE_CONTROLS)]`` each."""
    targets = np.zeros((len(found), len(SHAPE_CONTROLS)))
    dominance = np.empty_like(targets)
    for index, gesture in enumerate(found):
        if gesture is None:
            part = (duration_s[index] - UNHEARD_PAUSE_S / 2) / (_FULL_PAUSE_S - UNHEARD_PAUSE_S / 2)
            dominance[index] = _SILENCE_DOMINANCE * min(max(part, 0.1), 1.0)
        else:
            targets[index], dominance[index] = gesture.targets, gesture.dominance
    return targets, dominance


def _blend(units: _Units, track: NDArray[np.float64]) -> None:
    """Write the dominance-weighted mean of all targets into the columns of the shape."""
    row_count = len(track)
    duration_s = units.end_s - units.start_s
    inset_s = np.minimum(_INSET * duration_s, _MOST_INSET_S)
    # The first and the last silence have no beginning and no end.
    low_s, high_s = units.start_s + inset_s, units.end_s - inset_s
    if not units.spoken[0]:
        low_s[0] = -np.inf
    high_s[-1] = np.inf
    first = np.clip(np.ceil((units.start_s - _REACH_S) / ROW_S), 0, row_count).astype(np.int64)
    last = np.clip(np.floor((units.end_s + _REACH_S) / ROW_S) + 1, 0, row_count).astype(np.int64)
    last[-1] = row_count
    controls = len(SHAPE_CONTROLS)
    weighted, total = np.zeros((row_count, controls)), np.full((row_count, controls), _LEAST_DOMINANCE)
    for block in range(0, len(first), _BLOCK_UNITS):
        chosen = slice(block, block + _BLOCK_UNITS)
        counts = np.maximum(last[chosen] - first[chosen], 0)
        if not counts.sum():
            continue
        unit = np.repeat(np.arange(block, block + len(counts)), counts)
        rows = np.arange(len(unit)) - np.repeat(np.cumsum(counts) - counts, counts) + first[unit]
        times_s = rows * ROW_S
        before_s, after_s = np.maximum(low_s[unit] - times_s, 0), np.maximum(times_s - high_s[unit], 0)
        bottom, top = int(rows.min()), int(rows.max()) + 1
        rows -= bottom
        for control in range(controls):
            pull = np.exp(-_ANTICIPATION_PER_S[control] * before_s - _CARRY_OVER_PER_S[control] * after_s)
            pull *= units.dominance[unit, control]
            total[bottom:top, control] += np.bincount(rows, pull, top - bottom)
            weighted[bottom:top, control] += np.bincount(rows, pull * units.targets[unit, control], top - bottom)
    track[:, SHAPE_COLUMNS] = weighted / total


def _awake(units: _Units, row_count: int) -> NDArray[np.float64]:
    """1 near speech, 0 where the mouth is at rest; smooth between."""
    times_s = np.arange(row_count) * ROW_S
    starts_s, ends_s = units.start_s[units.spoken], units.end_s[units.spoken]
    next_one = np.searchsorted(starts_s, times_s, side="right")
    until_next_s = np.append(starts_s, np.inf)[next_one] - times_s
    since_last_s = times_s - np.concatenate(([-np.inf], ends_s))[next_one]
    # Half the time is left to the blend, which closes the mouth by itself.
    opening = 1 - (until_next_s - OPENS_BEFORE_S / 2) / (OPENS_BEFORE_S / 2)
    shutting = 1 - (since_last_s - SHUT_AFTER_S / 3) / (SHUT_AFTER_S * 2 / 3)
    return _eased(np.maximum(opening, shutting))


def _spoken(units: _Units, row_count: int) -> NDArray[np.float64]:
    times_s = np.arange(row_count) * ROW_S
    unit = np.clip(np.searchsorted(units.start_s, times_s, side="right") - 1, 0, len(units.spoken) - 1)
    return units.spoken[unit].astype(np.float64)


def _plateaux(units: _Units) -> list[tuple[float, float, Closure, float]]:
    """Every contact: when it is full, what touches, and how much."""
    found: list[tuple[float, float, Closure, float]] = []
    for index, gesture in enumerate(units.gestures):
        if gesture is None or gesture.closure is None:
            continue
        start_s, end_s = float(units.start_s[index]), float(units.end_s[index])
        following = units.gestures[index + 1] if index + 1 < len(units.gestures) else None
        if following is None or following.closure != gesture.closure:
            released_s = min((1 - gesture.hold) * (end_s - start_s), LONGEST_RELEASE_S)
            end_s = max(end_s - released_s, min(end_s, start_s + LEAST_CLOSURE_S))
        lacking_s = LEAST_CLOSURE_S - (end_s - start_s)
        if lacking_s > 0:
            start_s, end_s = start_s - lacking_s / 2, end_s + lacking_s / 2
        found.append((start_s, end_s, gesture.closure, gesture.strength))
    return found


def _close(units: _Units, track: NDArray[np.float64]) -> None:
    """Lay the contacts over the shape."""
    row_count = len(track)
    contacts = {name: np.zeros(row_count) for name in _CONTACT.values()}
    for start_s, end_s, closure, strength in _plateaux(units):
        first = max(int((start_s - _CLOSING_S) / ROW_S), 0)
        last = min(int((end_s + _OPENING_S) / ROW_S) + 2, row_count)
        if last <= first:
            continue
        times_s = np.arange(first, last) * ROW_S
        rising = 1 - (start_s - times_s) / _CLOSING_S
        falling = 1 - (times_s - end_s) / _OPENING_S
        rows = contacts[_CONTACT[closure]][first:last]
        np.maximum(rows, strength * _eased(np.minimum(rising, falling)), out=rows)
    touch(track, contacts["mouthClose"], contacts["lipTuck"], contacts["tongueOut"])


def _smoothed(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    reach = len(_SMOOTHING) // 2
    padded = np.pad(columns, ((reach, reach), (0, 0)), mode="edge")
    smoothed = np.zeros_like(columns)
    for offset, weight in enumerate(_SMOOTHING):
        smoothed += weight * padded[offset : offset + len(columns)]
    return smoothed


def _eased(progress: NDArray[np.float64]) -> NDArray[np.float64]:
    """0 below 0, 1 above 1, a raised cosine between."""
    return 0.5 - 0.5 * np.cos(np.pi * np.clip(progress, 0, 1))
