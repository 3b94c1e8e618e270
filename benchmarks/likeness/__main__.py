"""Measures portraits and writes a table."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmarks.likeness.fidelity import measure_fidelity
from benchmarks.likeness.identity import Recogniser, identity_distances
from benchmarks.likeness.meter import FaceMeter
from benchmarks.likeness.movement import closures, leaking_pixels, ramp_ratios, responses
from benchmarks.likeness.subject import Subject
from visavis.errors import PortraitRefused


def measure(subject: Subject, meter: FaceMeter, recogniser: Recogniser) -> dict[str, Any]:
    """Every figure of one portrait."""
    distances = identity_distances(subject, recogniser)
    ratios = ramp_ratios(subject)
    shut, closed = closures(subject)
    return {
        "portrait": subject.name,
        "lips closed in the photo": subject.is_closed,
        "responses": {name: asdict(response) for name, response in responses(subject, meter).items()},
        "bilabials shut": [shut, closed],
        "leaking pixels": leaking_pixels(subject),
        **asdict(measure_fidelity(subject)),
        "identity distances": distances,
        "ramp ratios": ratios,
    }


def table(results: list[dict[str, Any]]) -> str:
    """A row for each figure, a column for each portrait."""

    def worst(figures: dict[str, float]) -> str:
        if not figures:
            return "-"
        name = max(figures, key=lambda key: figures[key])
        return f"{figures[name]:.2f} ({name})"

    def response(result: dict[str, Any], name: str) -> str:
        found = result["responses"][name]
        return f"{found['correlation']:.3f}, {found['slope']:.2f}"

    lines = [
        "| | " + " | ".join(result["portrait"] for result in results) + " |",
        "|---" * (len(results) + 1) + "|",
    ]
    rows: dict[str, list[str]] = {
        f"{name}: r, slope": [response(result, name) for result in results] for name in results[0]["responses"]
    }
    rows["bilabials shut"] = ["{} of {}".format(*result["bilabials shut"]) for result in results]
    rows["leaking pixels"] = [str(result["leaking pixels"]) for result in results]
    rows["at rest, interior / edge, dB"] = [f"{r['interior_db']:.1f} / {r['edge_db']:.1f}" for r in results]
    rows["identity distance, worst"] = [worst(result["identity distances"]) for result in results]
    rows["sharpness over a slide, min/max"] = [f"{result['steadiness']:.2f}" for result in results]
    rows["constant state, background"] = [f"{r['constant_change']}, {r['background_change']}" for r in results]
    rows["ramp, max/median step, worst"] = [worst(result["ramp ratios"]) for result in results]
    lines += [f"| {name} | " + " | ".join(cells) + " |" for name, cells in rows.items()]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure the portraits on the command line, or the demos."""
    demos = sorted(Path(str(files("visavis.portrait"))).glob("demo/*.png"))
    parser = argparse.ArgumentParser(description="Figures of portraits' likeness and movement.")
    parser.add_argument("--portraits", nargs="+", type=Path, default=demos, metavar="FILE")
    parser.add_argument("--output", type=Path, default=Path("out/likeness"))
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    meter, recogniser = FaceMeter(), Recogniser()
    results = []
    for path in arguments.portraits:
        try:
            subject = Subject.of(path)
        except PortraitRefused as refusal:
            print(f"{path.name}: refused: {refusal.message}", flush=True)
            continue
        print(f"{path.name} ...", flush=True)
        results.append(measure(subject, meter, recogniser))
    (arguments.output / "likeness.json").write_text(json.dumps(results, indent=1))
    if results:
        written = table(results)
        (arguments.output / "likeness.md").write_text(written)
        print(written)


if __name__ == "__main__":
    main()
