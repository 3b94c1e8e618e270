"""What a soak has found, beside what it should have been."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import numpy as np

from visavis.bench.soak.growth import TreeSample, growth, slope
from visavis.bench.soak.witness import Witness

INTERVAL_P99_MS: Final = 60.0
DRIFT_MS: Final = 10.0
MEMORY_PERCENT: Final = 5.0
_MB: Final = 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    name: str
    value: float
    at_most: float | None = None
    """The aim; None for what is only told."""

    @property
    def is_met(self) -> bool:
        """Nothing that could not be measured is met."""
        return self.at_most is None or (math.isfinite(self.value) and self.value <= self.at_most)


@dataclass(frozen=True, slots=True)
class SoakReport:
    """The figures of one run."""

    head: str
    duration_s: float
    rows: tuple[Row, ...]
    incidents: tuple[str, ...] = ()
    """What went wrong when, a line each, in order."""
    offsets_ms: tuple[tuple[float, ...], ...] = ()
    """For each viewer, the median of picture minus sound in every tenth of the run."""

    @property
    def is_met(self) -> bool:
        """Whether every aim is."""
        return all(row.is_met for row in self.rows)

    def table(self) -> str:
        """The figures as a Markdown table."""
        width = max(len(row.name) for row in self.rows)
        lines = [
            f"{self.head}, {self.duration_s / 60:.1f} min",
            "",
            f"| {'figure':<{width}} | {'value':>10} | {'aim':>8} |        |",
            f"|{'-' * (width + 2)}|-----------:|---------:|--------|",
        ]
        for row in self.rows:
            aim = "" if row.at_most is None else f"<= {row.at_most:g}"
            verdict = "" if row.at_most is None else "met" if row.is_met else "MISSED"
            lines.append(f"| {row.name:<{width}} | {row.value:>10g} | {aim:>8} | {verdict:<6} |")
        return "\n".join([*lines, ""])

    def write(self, folder: Path) -> None:
        """Write ``soak.json`` and ``soak.md``."""
        folder.mkdir(parents=True, exist_ok=True)
        figures = [asdict(row) | {"is_met": row.is_met} for row in self.rows]
        content = {
            "taken": self.head,
            "duration_s": round(self.duration_s, 1),
            "figures": figures,
            "incidents": self.incidents,
            "offsets_ms": self.offsets_ms,
        }
        (folder / "soak.json").write_text(json.dumps(content, indent=2) + "\n")
        (folder / "soak.md").write_text(self.table())


@dataclass(slots=True)
class Counts:
    """What happened beside picture and sound."""

    segments: int = 0
    """Utterances that agents handed over."""
    interruptions: int = 0
    late_answers: int = 0
    missing_answers: int = 0
    extra_answers: int = 0
    viewer_reconnects: int = 0
    session_restarts: int = 0
    session_reconnects: int = 0
    errors: int = 0
    """Requests and calls that failed."""


def rows_of(
    witnesses: Sequence[Witness], samples: Sequence[TreeSample], counts: Counts, duration_s: float
) -> tuple[Row, ...]:
    """All figures of a run."""
    return (*_seen_and_heard(witnesses, duration_s), *_grown(samples), *_counted(witnesses, counts))


def incidents_of(witnesses: Sequence[Witness], begun_s: float) -> tuple[str, ...]:
    """Freezes and gaps with their time in the run, to be laid beside what else the machine did."""
    found = [
        (incident.at_s - begun_s, number, incident)
        for number, witness in enumerate(witnesses, 1)
        for incident in witness.incidents
    ]
    return tuple(
        f"{at_s:.1f} s: viewer {number}: {incident.what} of {incident.lasted_s * 1000:.0f} ms"
        for at_s, number, incident in sorted(found, key=lambda item: item[:2])
    )


def offsets_of(witnesses: Sequence[Witness], begun_s: float, duration_s: float) -> tuple[tuple[float, ...], ...]:
    """How picture and sound lay to each other on the way."""
    return tuple(
        tuple(_median_ms(witness, begun_s + tenth * duration_s / 10, duration_s / 10) for tenth in range(10))
        for witness in witnesses
    )


def _median_ms(witness: Witness, since_s: float, for_s: float) -> float:
    found = [offset_s for at_s, offset_s in witness.offsets if since_s <= at_s < since_s + for_s]
    return round(float(np.median(found)) * 1000, 1) if found else math.nan


def _seen_and_heard(witnesses: Sequence[Witness], duration_s: float) -> list[Row]:
    p99_ms = [_p99_ms(witness) for witness in witnesses]
    gaps_s = [gap_s for witness in witnesses for gap_s in witness.gaps_s]
    longest_s = max((max(witness.intervals_s, default=0.0) for witness in witnesses), default=0.0)
    drift_ms, error_ms, count = _drift_ms([witness.offsets for witness in witnesses], duration_s)
    return [
        Row("frame interval while speaking, p99, worst viewer, ms", max(p99_ms, default=math.nan), INTERVAL_P99_MS),
        Row("freezes > 200 ms while speaking, all viewers", float(sum(witness.freezes for witness in witnesses)), 0),
        Row("longest time without a picture while speaking, ms", round(longest_s * 1000, 1)),
        Row("gaps in the sound >= 20 ms", float(len(gaps_s)), 0),
        Row("longest gap in the sound, ms", round(max(gaps_s, default=0.0) * 1000, 1)),
        Row("A/V drift over the run, ms", round(abs(drift_ms), 2), DRIFT_MS),
        Row("its standard error, ms", round(error_ms, 2)),
        Row("utterances it was taken from", float(count)),
    ]


def _p99_ms(witness: Witness) -> float:
    if not len(witness.intervals_s):
        return math.nan
    return round(float(np.percentile(np.asarray(witness.intervals_s), 99)) * 1000, 1)


def _drift_ms(offsets: Sequence[Sequence[tuple[float, float]]], duration_s: float) -> tuple[float, float, int]:
    """How far picture and sound have moved apart in the run, its error, and from how many utterances.

    Each viewer's own mean is taken off: what a syllable looks like is its session's.
    """
    at_s: list[float] = []
    moved_s: list[float] = []
    for own in offsets:
        if own:
            middle_s = float(np.median([offset_s for _, offset_s in own]))
            at_s += [when_s for when_s, _ in own]
            moved_s += [offset_s - middle_s for _, offset_s in own]
    per_s, error_per_s = slope(at_s, moved_s)
    return per_s * duration_s * 1000, error_per_s * duration_s * 1000, len(at_s)


def _grown(samples: Sequence[TreeSample]) -> list[Row]:
    rows: list[Row] = []
    for name in sorted({name for sample in samples for name in sample.named}):
        own = [sample.named[name] for sample in samples if name in sample.named]
        private = growth([one.private_bytes for one in own])
        rss, pss = growth([one.rss_bytes for one in own]), growth([one.pss_bytes for one in own])
        rows += [
            Row(f"{name}: private memory, MB", round(private.last / _MB, 1)),
            Row(f"{name}: private memory, growth, %", round(private.percent, 2), MEMORY_PERCENT),
            Row(f"{name}: RSS, growth, %", round(rss.percent, 2), MEMORY_PERCENT),
            Row(f"{name}: PSS, growth, %", round(pss.percent, 2)),  # it also falls and rises with who shares
            Row(f"{name}: file descriptors, growth", growth([one.descriptors for one in own]).absolute, 0),
            Row(f"{name}: threads, growth", growth([one.threads for one in own]).absolute, 0),
        ]
    processes = growth([sample.processes for sample in samples])
    return [*rows, Row("processes", processes.last), Row("processes, growth", processes.absolute, 0)]


def _counted(witnesses: Sequence[Witness], counts: Counts) -> list[Row]:
    return [
        Row("utterances heard", float(sum(witness.utterances for witness in witnesses))),
        Row("utterances of agents", float(counts.segments)),
        Row("interruptions", float(counts.interruptions)),
        Row("answers more than 5 s late", float(counts.late_answers), 0),
        Row("utterances without an answer", float(counts.missing_answers), 0),
        Row("answers too many", float(counts.extra_answers), 0),
        Row("sessions that reconnected", float(counts.session_reconnects), 0),
        Row("sessions that were started again", float(counts.session_restarts), 0),
        Row("viewers that reconnected", float(counts.viewer_reconnects), 0),
        Row("requests that failed", float(counts.errors), 0),
    ]
