"""`make train-speech`: learn the mouth from a corpus, and write the weights that the package ships."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.dataset import Stream, load_streams, read_index, read_pcm
from training.export import export
from training.fit import fit, seconds_per_step
from training.metrics import Case, contacts, correlations, curve, mean_correlation, recall_at
from training.network import Parameters
from training.raw import outputs_of
from visavis.speech.articulation import articulation_track

WEIGHTS: Final = Path("src/visavis/speech/weights/mouth.npz")
REAL_EMPHASIS: Final = 3.0
"""Real recordings are rare and what matters: an hour of them is heard as often as so many of synthetic voices."""
SYNTHETIC_ENGINES: Final = ("espeak", "flite", "festival")
NATURAL_EMPHASIS: Final = 2.0
CHECKED_PER_SOURCE: Final = 60

log = logging.getLogger("training")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".cache/training"), help="where the corpus lies")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--hours", type=float, default=3.0, help="how long to learn; default 3")
    length.add_argument("--steps", type=int, help="how many steps to learn, of 128 s of sound each, instead of hours")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--run", default="mouth", help="name of the checkpoint; one that exists is gone on with")
    parser.add_argument("--output", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    speech = load_streams(options.data, split="train")
    noise = load_streams(options.data, split="train", kinds=("noise", "music", "nonspeech"))
    weights = emphasis(speech)
    for stream, weight in zip(speech, weights, strict=True):
        log.info("%-28s %6.2f h, heard %4.1f %%", stream.source, stream.hours, 100 * weight)
    checked = Checked(options.data)
    run = options.data / "runs" / options.run
    learnt = fit(
        speech,
        weights,
        noise,
        steps=planned_steps(run, options, lambda: seconds_per_step(speech, weights, noise)),
        checkpoint=run.with_suffix(".pickle"),
        seed=options.seed,
        check=checked.tell,
    )
    export(learnt, options.output)
    log.info("written: %s, %.0f KB", options.output, options.output.stat().st_size / 1024)


def planned_steps(run: Path, options: argparse.Namespace, measure_step_s: Callable[[], float]) -> int:
    """How many steps a run takes: said once, when it begins, so that it ends the same when it is gone on with."""
    plan = run.with_suffix(".json")
    if options.steps is None and plan.exists():
        return int(json.loads(plan.read_text())["steps"])
    steps = options.steps or max(round(options.hours * 3600 / measure_step_s()), 1)
    plan.parent.mkdir(parents=True, exist_ok=True)
    plan.write_text(json.dumps({"steps": steps}))
    return int(steps)


def emphasis(speech: list[Stream]) -> NDArray[np.float64]:
    """How often a crop is taken of each source: by its hours, natural speech more often."""
    hours = np.array([stream.hours * _factor(stream.source) for stream in speech])
    return hours / hours.sum()


def _factor(source: str) -> float:
    if source.startswith(SYNTHETIC_ENGINES):
        return 1.0
    return REAL_EMPHASIS if source.startswith("real") else NATURAL_EMPHASIS


class Checked:
    """Validation while learning goes on."""

    def __init__(self, data: Path) -> None:
        by_source: dict[str, list[tuple[NDArray[np.float32], Case]]] = {}
        for utterance in read_index(data, splits=("validation",)):
            chosen = by_source.setdefault(utterance.source, [])
            if utterance.phones is not None and len(chosen) < CHECKED_PER_SOURCE:
                pcm = read_pcm(utterance.audio)
                wanted = articulation_track(utterance.phones, -(-len(pcm) // 160) + 1)
                chosen.append((pcm, Case(utterance.phones, wanted, wanted)))
        self._sources = {source: chosen for source, chosen in by_source.items() if chosen}

    def tell(self, step: int, parameters: Parameters) -> None:
        """Log the figures of these weights."""
        for source, recordings in self._sources.items():
            found = [Case(case.phones, case.wanted, outputs_of(parameters, pcm, 80)) for pcm, case in recordings]
            by_column = correlations(found)
            lips, teeth = curve(found, "bilabial", np.arange(0.1, 0.95, 0.05)), contacts(found, "labiodental")
            half = contacts(found, "bilabial", 0.5, 0.3)
            log.info(
                "step %d  %-22s jaw %.3f  mean %.3f  lips %.2f at 15 %% false, %.2f at 30 %%; at 0.5: %.2f, %.0f %%"
                "; f v %.2f, %.0f %%",
                step, source, by_column["jawOpen"], mean_correlation(by_column), recall_at(lips, 0.15),
                recall_at(lips, 0.3), half.recall, 100 * half.false_share, teeth.recall, 100 * teeth.false_share,
            )  # fmt: skip


if __name__ == "__main__":
    main()
