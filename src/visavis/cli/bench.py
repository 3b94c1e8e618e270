"""``visavis bench``: what this machine can do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench(
    only: Annotated[
        list[str] | None, typer.Option(help="render, speech or room; may be repeated. [default: all]")
    ] = None,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for bench.json and bench.md.")] = Path(
        "out/bench"
    ),
) -> None:
    """Measure this machine: building, drawing, hearing, rooms. Takes some minutes; let nothing else run."""
    from rich.console import Console

    from visavis.bench import SUITES, run
    from visavis.errors import VisavisError
    from visavis.logs import LogSettings, start_logging
    from visavis.settings import load_settings

    suites = tuple(only or SUITES)
    if unknown := set(suites) - set(SUITES):
        raise VisavisError("suite_unknown", f"There is no suite {min(unknown)!r}.", f"Known: {', '.join(SUITES)}.")
    start_logging(LogSettings("error"))
    with Console(stderr=True).status("measuring") as status:
        report = run(suites, lambda step: status.update(f"measuring: {step}"), load_settings().livekit_server)
    report.write(output)
    print(report.table())
    print(f"written to {output}/bench.json and bench.md")
