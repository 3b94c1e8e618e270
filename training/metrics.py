"""How well a mouth track agrees with what the sounds ask for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.speech.articulation import ROW_S, TARGETS, closures
from visavis.speech.phones import Phone

EIGHT: Final = (
    "jawOpen", "mouthClose", "mouthPucker", "mouthStretch", "lipTuck", "tongueTipUp", "tongueOut", "mouthFunnel",
)  # fmt: skip
"""Columns whose mean correlation is told."""

FOUND_WITHIN_S: Final = 0.02
FALSE_BEYOND_S: Final = 0.05
SHUT_AFTER_S: Final = 0.15
OPENS_BEFORE_S: Final = 0.20
SHUT_JAW: Final = 0.05
"""A jaw this open shows no gap: a millimetre."""

_COLUMN: Final = {name: index for index, name in enumerate(TARGETS)}


@dataclass(frozen=True, slots=True)
class Case:
    """A recording: what was said and what a track made of it; row k at ``k * ROW_S``."""

    phones: tuple[Phone, ...]
    wanted: NDArray[np.float32]
    got: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Contacts:
    """How closures of a kind were seen."""

    asked: int
    found: int
    made: int
    false: int
    error_s: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    """Of the middle of each closure found; late is positive."""

    @property
    def recall(self) -> float:
        return self.found / max(self.asked, 1)

    @property
    def false_share(self) -> float:
        """Of all that were made."""
        return self.false / max(self.made, 1)


def correlations(cases: Sequence[Case]) -> dict[str, float]:
    """Pearson's r of each column over all rows, pauses included."""
    wanted = np.concatenate([case.wanted for case in cases]).astype(np.float64)
    got = np.concatenate([case.got for case in cases]).astype(np.float64)
    result = {}
    for name, column in _COLUMN.items():
        a, b = wanted[:, column] - wanted[:, column].mean(), got[:, column] - got[:, column].mean()
        norm = np.sqrt((a @ a) * (b @ b))
        result[name] = float(a @ b / norm) if norm > 0 else 0.0
    return result


def mean_correlation(by_column: dict[str, float]) -> float:
    """The mean over :data:`EIGHT`."""
    return float(np.mean([by_column[name] for name in EIGHT]))


def contacts(cases: Sequence[Case], kind: str, on: float = 0.5, off: float | None = None, rows: int = 1) -> Contacts:
    """Closures that are made where they should be.

    Args:
        kind: ``bilabial`` (p b m) or ``labiodental`` (f v).
        on, off: made where the track rises above the first, until it falls below the second (the same where None).
        rows: how long it must stay above to count.
    """
    column = _COLUMN["mouthClose" if kind == "bilabial" else "lipTuck"]
    asked = found = made = false = 0
    errors = []
    for case in cases:
        true = [(start_s, end_s) for start_s, end_s, what in closures(case.phones) if what == kind]
        runs = _runs(case.got[:, column], on, on if off is None else off, rows)
        asked += len(true)
        made += len(runs)
        for start_s, end_s in true:
            near = [run for run in runs if run[0] <= end_s + FOUND_WITHIN_S and run[1] >= start_s - FOUND_WITHIN_S]
            found += bool(near)
            if near:
                middle_s = (start_s + end_s) / 2
                errors.append(min((sum(run) / 2 - middle_s for run in near), key=abs))
        false += sum(
            not any(run[0] <= end_s + FALSE_BEYOND_S and run[1] >= start_s - FALSE_BEYOND_S for start_s, end_s in true)
            for run in runs
        )
    return Contacts(asked, found, made, false, np.array(errors))


def curve(cases: Sequence[Case], kind: str, thresholds: NDArray[np.float64]) -> list[Contacts]:
    """Closures at each threshold; open again at 0.6 of it."""
    return [contacts(cases, kind, float(threshold), 0.6 * float(threshold)) for threshold in thresholds]


def recall_at(found: Sequence[Contacts], false_share: float) -> float:
    """The best recall on a curve at no more than that share of false closures."""
    return max((point.recall for point in found if point.false_share <= false_share), default=0.0)


def shut_in_silence(cases: Sequence[Case]) -> float:
    """The share of rows of silence, but for what closing and opening take, in which the mouth is shut."""
    shut = total = 0
    for case in cases:
        times_s = np.arange(len(case.got)) * ROW_S
        silent = np.ones(len(times_s), bool)
        for phone in case.phones:
            if phone.ipa:
                silent &= (times_s < phone.start_s - OPENS_BEFORE_S) | (times_s > phone.end_s + SHUT_AFTER_S)
        total += int(silent.sum())
        shut += int((case.got[silent, _COLUMN["jawOpen"]] < SHUT_JAW).sum())
    return shut / max(total, 1)


def jitter(cases: Sequence[Case]) -> float:
    """RMS acceleration of the jaw, as a multiple of the wanted one's."""
    column = _COLUMN["jawOpen"]

    def power(tracks: Sequence[NDArray[np.float32]]) -> float:
        return float(np.mean(np.concatenate([np.diff(track[:, column], 2) ** 2 for track in tracks])))

    return float(np.sqrt(power([case.got for case in cases]) / power([case.wanted for case in cases])))


def _runs(values: NDArray[np.float32], on: float, off: float, rows: int) -> list[tuple[float, float]]:
    """When a value is above, with hysteresis, in seconds."""
    runs = []
    start = above = None
    for row, value in enumerate(values.tolist()):
        if start is None:
            above = (row if above is None else above) if value > on else None
            if above is not None and row - above + 1 >= rows:
                start = above
        elif value < off:
            runs.append((start * ROW_S, (row - 1) * ROW_S))
            start = above = None
    if start is not None:
        runs.append((start * ROW_S, (len(values) - 1) * ROW_S))
    return runs
