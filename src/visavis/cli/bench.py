"""``visavis bench``: what this machine can do, and whether it goes on doing it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def bench(
    only: Annotated[
        list[str] | None, typer.Option(help="render, speech or room; may be repeated. [default: all]")
    ] = None,
    soak: Annotated[
        bool,
        typer.Option("--soak", help="Instead: let three sessions speak for long; exit code 1 if an aim is missed."),
    ] = False,
    minutes: Annotated[float, typer.Option(min=0.1, help="How long --soak takes.")] = 30.0,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the JSON and the table.")] = Path(
        "out/bench"
    ),
) -> None:
    """Measure this machine: building, drawing, hearing, rooms. Takes some minutes; let nothing else run."""
    from rich.console import Console

    from visavis.bench import SUITES, run
    from visavis.bench.soak import soak as run_soak
    from visavis.errors import VisavisError
    from visavis.logs import LogSettings, start_logging
    from visavis.settings import load_settings

    suites = tuple(only or SUITES)
    if unknown := set(suites) - set(SUITES):
        raise VisavisError("suite_unknown", f"There is no suite {min(unknown)!r}.", f"Known: {', '.join(SUITES)}.")
    start_logging(LogSettings("error"))
    livekit_server = load_settings().livekit_server
    with Console(stderr=True).status("measuring") as status:
        if soak:
            found = run_soak(minutes * 60, lambda step: status.update(f"soaking: {step}"), livekit_server)
        else:
            report = run(suites, lambda step: status.update(f"measuring: {step}"), livekit_server)
    if soak:
        found.write(output)
        print(found.table())
        print(f"written to {output}/soak.json and soak.md")
        raise typer.Exit(0 if found.is_met else 1)
    report.write(output)
    print(report.table())
    print(f"written to {output}/bench.json and bench.md")
