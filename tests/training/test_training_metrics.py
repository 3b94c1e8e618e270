"""The figures of a mouth track, on tracks whose figures are known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from training.metrics import Case, contacts, correlations, curve, jitter, mean_correlation, recall_at, shut_in_silence
from visavis.speech.articulation import TARGETS, articulation_track
from visavis.speech.phones import Phone

PHONES = (
    Phone("m", 0.5, 0.6), Phone("a", 0.6, 0.8), Phone("p", 0.8, 0.9), Phone("i", 0.9, 1.1), Phone("f", 1.1, 1.2),
    Phone("u", 1.2, 1.4),
)  # fmt: skip
ROWS = 200
LIPS = TARGETS.index("mouthClose")


def case(got: NDArray[np.float32] | None = None) -> Case:
    wanted = articulation_track(PHONES, ROWS)
    return Case(PHONES, wanted, wanted if got is None else got)


def changed(column: int, rows: slice, value: float) -> Case:
    got = articulation_track(PHONES, ROWS)
    got[rows, column] = value
    return case(got)


def test_a_perfect_track_is_perfect() -> None:
    perfect = [case()]
    moving = articulation_track(PHONES, ROWS).std(axis=0) > 0
    by_column = correlations(perfect)
    assert moving.sum() >= 8
    assert all(r == pytest.approx(float(moves)) for r, moves in zip(by_column.values(), moving, strict=True))
    lips, teeth = contacts(perfect, "bilabial"), contacts(perfect, "labiodental")
    assert (lips.asked, lips.found, lips.made, lips.false) == (2, 2, 2, 0)
    assert (teeth.recall, teeth.false_share) == (1, 0)
    assert np.abs(lips.error_s).max() <= 0.015
    assert shut_in_silence(perfect) == 1
    assert jitter(perfect) == pytest.approx(1)


def test_a_column_that_does_not_move_correlates_with_nothing() -> None:
    assert correlations([changed(LIPS, slice(None), 0.3)])["mouthClose"] == 0
    assert mean_correlation(dict.fromkeys(TARGETS, 0.5)) == 0.5


def test_a_closure_that_lacks_is_missed_and_one_too_many_is_false() -> None:
    lacking = contacts([changed(LIPS, slice(40, 70), 0)], "bilabial")
    assert (lacking.recall, lacking.false_share) == (0.5, 0)
    too_many = contacts([changed(LIPS, slice(170, 176), 1)], "bilabial")
    assert too_many.recall == 1
    assert too_many.false_share == pytest.approx(1 / 3)


def test_a_late_track_is_told_as_late() -> None:
    late = contacts([case(np.roll(articulation_track(PHONES, ROWS), 3, axis=0))], "bilabial")
    assert np.median(late.error_s) - np.median(contacts([case()], "bilabial").error_s) == pytest.approx(0.03)


def test_the_curve_trades_recall_for_false_closures() -> None:
    half_sure = changed(LIPS, slice(170, 176), 0.6)
    points = curve([half_sure], "bilabial", np.array([0.3, 0.7]))
    assert [point.false for point in points] == [1, 0]
    assert recall_at(points, 0.0) == 1
    assert recall_at(points[:1], 0.2) == 0


def test_an_open_mouth_in_silence_is_told() -> None:
    assert 0.8 < shut_in_silence([changed(TARGETS.index("jawOpen"), slice(0, 10), 0.2)]) < 0.95


def test_a_trembling_jaw_is_told() -> None:
    trembling = articulation_track(PHONES, ROWS)
    trembling[:, TARGETS.index("jawOpen")] += np.where(np.arange(ROWS) % 2, 0.05, 0)
    assert jitter([case(trembling)]) > 3
