"""What a soak remembers, and how it judges."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from visavis.bench.soak.growth import Sample, TreeSample, growth, slope
from visavis.bench.soak.report import Counts, Row, SoakReport, rows_of
from visavis.bench.soak.witness import Witness

BOX = (100, 100, 140, 130)
HUM = np.full(480, 400, np.int16)
SILENCE = np.zeros(480, np.int16)


def luma(mouth: int = 120, width: int = 512) -> np.ndarray:
    picture = np.full((width, width), 120, np.uint8)
    picture[105:125, 105:135] = mouth
    return picture


def attend(
    witness: Witness,
    *,
    sounds: list[tuple[float, float]],
    until_s: float,
    opens_at_s: float = 0.1,
    freeze: tuple[float, float] = (0, 0),
    silent: tuple[float, float] = (0, 0),
) -> None:
    """25 pictures and 100 pieces of sound a second; ``sounds`` are heard, a picture stands still, a sound breaks."""
    for piece in range(round(until_s * 100)):
        at_s = piece / 100
        if piece % 4 == 0 and not freeze[0] <= at_s < freeze[1]:
            opened = any(start_s + opens_at_s <= at_s < end_s for start_s, end_s in sounds)
            witness.see(at_s, luma(40 if opened else 120))
        audible = any(start_s <= at_s < end_s for start_s, end_s in sounds) and not silent[0] <= at_s < silent[1]
        witness.hear(at_s, HUM if audible else SILENCE)


def test_a_perfect_hour_has_nothing_to_tell() -> None:
    witness = Witness(BOX, hums=True)
    attend(witness, sounds=[(1, 4), (6, 9)], until_s=12)
    assert witness.utterances == 2
    assert witness.freezes == 0
    assert witness.gaps_s == []
    assert np.median(witness.intervals_s) == pytest.approx(0.04)


def test_a_picture_that_stands_still_while_something_is_said_is_a_freeze() -> None:
    witness = Witness(BOX, hums=True)
    attend(witness, sounds=[(1, 4)], until_s=6, freeze=(2.0, 2.3))
    assert witness.freezes == 1
    assert max(witness.intervals_s) == pytest.approx(0.34, abs=0.05)


def test_a_face_at_rest_may_be_drawn_rarely() -> None:
    witness = Witness(BOX, hums=True)
    attend(witness, sounds=[(1, 3), (7, 9)], until_s=11, freeze=(4.0, 6.5))
    assert witness.freezes == 0


def test_a_freeze_that_outlasts_what_is_said_counts_as_long_as_it_was_heard() -> None:
    witness = Witness(BOX, hums=True)
    attend(witness, sounds=[(1, 3)], until_s=6, freeze=(2.7, 5.0))
    assert witness.freezes == 1
    assert max(witness.intervals_s) == pytest.approx(0.33, abs=0.05)


def test_silence_within_what_is_said_is_a_gap_and_a_pause_is_none() -> None:
    witness = Witness(BOX, hums=True)
    attend(witness, sounds=[(1, 4), (6, 8)], until_s=10, silent=(2.0, 2.12))
    assert witness.gaps_s == pytest.approx([0.12])
    assert witness.utterances == 2


def test_words_without_a_hum_may_have_silence_between_them() -> None:
    witness = Witness(BOX, hums=False)
    attend(witness, sounds=[(1, 4)], until_s=6, silent=(2.0, 2.4))
    assert witness.gaps_s == []


def test_a_pause_is_told() -> None:
    told = []
    witness = Witness(BOX, hums=True, on_pause=lambda: told.append(1))
    attend(witness, sounds=[(1, 2), (4, 5)], until_s=7)
    assert len(told) == 2


def test_the_offset_is_when_the_mouth_opens_after_the_first_sound() -> None:
    witness = Witness(BOX, hums=True)
    attend(witness, sounds=[(1, 3), (6, 8)], until_s=10, opens_at_s=0.2)
    assert [when_s for when_s, _ in witness.offsets] == pytest.approx([1, 6])
    assert [offset_s for _, offset_s in witness.offsets] == pytest.approx([0.2, 0.2], abs=0.041)


def test_small_pictures_are_counted_and_not_looked_at() -> None:
    witness = Witness(BOX, hums=True)
    for piece in range(300):
        if piece % 4 == 0:
            witness.see(piece / 100, luma(width=256))
        witness.hear(piece / 100, HUM)
    assert len(witness.intervals_s) > 50
    assert witness.offsets == []


def test_growth_compares_the_first_fifth_with_the_last() -> None:
    grown = growth([100] * 20 + [500] * 60 + [110] * 20)
    assert (grown.first, grown.last) == (100, 110)
    assert grown.percent == pytest.approx(10)
    assert grown.absolute == 10
    assert growth([]).percent == 0


def test_a_slope_is_found_below_noise_and_outliers() -> None:
    rng = np.random.default_rng(1)
    at_s = np.sort(rng.uniform(0, 1800, 300))
    values = 5e-6 * at_s + rng.normal(0, 0.02, 300)
    values[::20] += 0.5
    per_s, error_per_s = slope(at_s, values)
    assert abs(per_s - 5e-6) < 3 * error_per_s
    assert error_per_s * 1800 < 0.006
    assert slope([1.0], [2.0]) == (0.0, math.inf)


def samples(leak_bytes: int = 0, descriptors: int = 0) -> list[TreeSample]:
    return [
        TreeSample(i, {"API": Sample(200 << 20, 150 << 20, (100 << 20) + i * leak_bytes, 20 + i * descriptors, 9)}, 5)
        for i in range(100)
    ]


def witnesses(drift_per_s: float = 0.0) -> list[Witness]:
    rng = np.random.default_rng(2)
    found = []
    for number in range(3):
        witness = Witness(BOX, hums=True)
        attend(witness, sounds=[(1, 4)], until_s=6)
        witness.offsets = [
            (when_s, 0.1 * number + drift_per_s * when_s + rng.normal(0, 0.01)) for when_s in range(0, 1800, 6)
        ]
        found.append(witness)
    return found


def missed(rows: tuple[Row, ...]) -> list[str]:
    return [row.name for row in rows if not row.is_met]


def test_a_good_run_meets_every_aim() -> None:
    assert missed(rows_of(witnesses(), samples(), Counts(segments=500), 1800)) == []


def test_each_fault_misses_its_own_aim() -> None:
    assert missed(rows_of(witnesses(2e-5), samples(), Counts(), 1800)) == ["A/V drift over the run, ms"]
    assert missed(rows_of(witnesses(), samples(leak_bytes=1 << 17), Counts(), 1800)) == [
        "API: private memory, growth, %"
    ]
    assert missed(rows_of(witnesses(), samples(descriptors=1), Counts(), 1800)) == ["API: file descriptors, growth"]
    assert missed(rows_of(witnesses(), samples(), Counts(missing_answers=1), 1800)) == ["utterances without an answer"]
    frozen = witnesses()
    attend(frozen[0], sounds=[(1, 4)], until_s=6, freeze=(2, 2.3))
    assert "freezes > 200 ms while speaking, all viewers" in missed(rows_of(frozen, samples(), Counts(), 1800))


def test_what_could_not_be_measured_is_not_met() -> None:
    silent = [Witness(BOX, hums=True)]
    assert "frame interval while speaking, p99, worst viewer, ms" in missed(rows_of(silent, [], Counts(), 10))


def test_the_table_and_the_file_tell_the_same(tmp_path: Path) -> None:
    report = SoakReport("somewhere", 90.0, (Row("told", 3.0), Row("fine", 1.0, 2), Row("bad", 3.0, 2)))
    report.write(tmp_path)
    content = json.loads((tmp_path / "soak.json").read_text())
    assert not report.is_met
    assert [figure["is_met"] for figure in content["figures"]] == [True, True, False]
    lines = (tmp_path / "soak.md").read_text().splitlines()
    assert "1.5 min" in lines[0]
    assert "MISSED" in lines[-1]
    assert "met" in lines[-2]
