"""Runs the suites and puts their figures into a report."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from visavis import __version__

SUITES: Final = ("render", "speech", "room")

OnStep = Callable[[str], None]
"""Told what is being measured."""


@dataclass(frozen=True, slots=True)
class Report:
    """The figures of one run, and where they were taken."""

    visavis: str
    taken_at: str
    machine: str
    cores: int
    load_before: float
    """Other work of the machine falsifies figures: the 1-minute load when the run began."""
    figures: dict[str, float]
    """By name; the name carries the unit."""

    def write(self, folder: Path) -> None:
        """Write ``bench.json`` and ``bench.md``."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "bench.json").write_text(json.dumps(asdict(self), indent=2) + "\n")
        (folder / "bench.md").write_text(self.table())

    def table(self) -> str:
        """The figures as a Markdown table."""
        width = max(map(len, self.figures), default=10)
        head = f"visavis {self.visavis}, {self.taken_at}, {self.machine}, {self.cores} cores, load {self.load_before}"
        rows = [f"| {name:<{width}} | {value:>10g} |" for name, value in self.figures.items()]
        return "\n".join(
            [head, "", f"| {'figure':<{width}} | {'value':>10} |", f"|{'-' * (width + 2)}|-----------:|", *rows, ""]
        )


def run(suites: tuple[str, ...], on_step: OnStep, livekit_server: Path | None = None) -> Report:
    """Run suites, one after the other.

    Raises:
        VisavisError: ``livekit_server_missing`` for ``room`` where there is none.
    """
    load_before = round(os.getloadavg()[0], 2)
    figures: dict[str, float] = {}
    for suite in suites:
        figures |= _measure(suite, on_step, livekit_server)
    return Report(
        visavis=__version__,
        taken_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        machine=processor(),
        cores=os.cpu_count() or 1,
        load_before=load_before,
        figures=figures,
    )


def _measure(suite: str, on_step: OnStep, livekit_server: Path | None) -> dict[str, float]:
    if suite == "render":
        from visavis.bench import render

        return render.measure(on_step)
    if suite == "speech":
        from visavis.bench import speech

        on_step("mouth network")
        return speech.measure()
    from visavis.bench import room

    return room.measure(on_step, livekit_server)


def processor() -> str:
    """Name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
