"""`make eval-speech`: the shipped mouth track, and simpler ways, on recordings that nothing was learnt from."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rich.progress import track
from scipy.signal import butter, sosfilt

from training import baselines, known_sounds
from training.dataset import Utterance, read_index, read_pcm
from training.metrics import (
    Case,
    contacts,
    correlations,
    curve,
    jitter,
    mean_correlation,
    recall_at,
    shut_in_silence,
)
from training.report import POOLED, write
from visavis.face import MOUTH_CONTROLS
from visavis.speech import MouthStream
from visavis.speech.articulation import TARGETS, articulation_track
from visavis.speech.features import SAMPLE_RATE_HZ
from visavis.speech.network import LOOK_AHEADS_MS

Track = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""A whole recording to ``float32 [rows, len(TARGETS)]``, row k at 10 k ms."""

THRESHOLDS: Final = np.concatenate((np.arange(0.05, 0.95, 0.05), [0.97]))
NOISE_DB: Final = 10.0
NON_SPEECH_DBFS: Final = -25.0
OPEN_JAW: Final = 0.15
FALSE_SHARE: Final = 0.15

_CONTROL_COLUMNS: Final = [
    MOUTH_CONTROLS.index(next(c for c in (name, name + "Left") if c in MOUTH_CONTROLS)) if name != "speech" else -1
    for name in TARGETS
]


@dataclass(frozen=True, slots=True)
class Figures:
    """What is told of a track on a set of recordings."""

    minutes: float
    jaw_r: float
    mean_r: float
    recall: float
    false_share: float
    recall_at_15: float
    fv_recall: float
    fv_false_share: float
    timing_median_ms: float
    timing_p90_ms: float
    shut: float
    jitter: float
    curve: list[tuple[float, float, float]]
    """threshold, recall, false share of bilabials."""


def shipped(look_ahead_ms: int) -> Track:
    """The track that agents have: network and shaping, as it streams."""

    def run(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        stream = MouthStream(look_ahead_ms)
        parts, speech = [], []
        for hear in (partial(stream.push, pcm), stream.flush):
            parts.append(hear())
            speech.append(stream.speech)
        controls = np.concatenate(parts)
        track = controls[:, _CONTROL_COLUMNS]
        track[:, TARGETS.index("speech")] = np.concatenate(speech)
        return track

    return run


def raw(look_ahead_ms: int) -> Track:
    """What the network says, before closures are decided: for curves over all thresholds."""
    from training.raw import outputs

    return lambda pcm: outputs(pcm, look_ahead_ms)


def cases(
    utterances: Iterable[Utterance], run: Track, channel: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> list[Case]:
    """Every utterance through a channel and a track."""
    found = []
    for utterance in utterances:
        assert utterance.phones is not None
        got = run(channel(read_pcm(utterance.audio)))
        found.append(Case(utterance.phones, articulation_track(utterance.phones, len(got)), got))
    return found


def figures(found: list[Case], soft: list[Case] | None = None) -> Figures:
    """All figures of a set; the curve is of ``soft``, whose closures are not decided yet."""
    by_column = correlations(found)
    lips, teeth = contacts(found, "bilabial"), contacts(found, "labiodental")
    points = curve(soft or found, "bilabial", THRESHOLDS)
    error_ms = 1000 * np.abs(lips.error_s) if len(lips.error_s) else np.array([np.nan])
    return Figures(
        minutes=sum(len(case.got) for case in found) / 6000,
        jaw_r=by_column["jawOpen"],
        mean_r=mean_correlation(by_column),
        recall=lips.recall,
        false_share=lips.false_share,
        recall_at_15=recall_at(points, FALSE_SHARE),
        fv_recall=teeth.recall,
        fv_false_share=teeth.false_share,
        timing_median_ms=float(np.median(error_ms)),
        timing_p90_ms=float(np.percentile(error_ms, 90)),
        shut=shut_in_silence(found),
        jitter=jitter(found),
        curve=[
            (float(threshold), point.recall, point.false_share)
            for threshold, point in zip(THRESHOLDS, points, strict=True)
        ],
    )


def clean(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """As it was recorded."""
    return pcm


def pink_noise(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """With noise of equal power per octave, :data:`NOISE_DB` below the speech; the same noise every time."""
    spectrum = np.fft.rfft(np.random.default_rng(len(pcm)).standard_normal(len(pcm)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    noise = np.fft.irfft(spectrum, len(pcm))
    gain = np.sqrt(np.mean(pcm**2) / np.mean(noise**2) * 10 ** (-NOISE_DB / 10))
    return np.asarray(pcm + gain * noise, np.float32)


def telephone(pcm: NDArray[np.float32]) -> NDArray[np.float32]:
    """300 to 3400 Hz."""
    sos = butter(4, (300, 3400), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    return np.asarray(sosfilt(sos, pcm), np.float32)


CHANNELS: Final = {"clean": clean, "noise": pink_noise, "telephone": telephone}


def open_jaw_share(recordings: Iterable[Utterance], run: Track) -> float:
    """The share of rows of what is not speech, at :data:`NON_SPEECH_DBFS`, in which the mouth is open."""
    jaws = []
    for recording in recordings:
        pcm = read_pcm(recording.audio)
        pcm *= 10 ** (NON_SPEECH_DBFS / 20) / max(float(np.sqrt(np.mean(pcm**2))), 1e-9)
        jaws.append(run(pcm)[:, TARGETS.index("jawOpen")])
    return float(np.mean(np.concatenate(jaws) > OPEN_JAW))


def evaluate(data: Path, split: str) -> dict[str, dict[str, Any]]:
    """All figures: ``heard`` by ``group of recordings | channel | way``, ``silent`` (what is not speech) by
    ``style | way``, ``known`` (sounds whose times a voice tells) by voice."""
    ways: Mapping[str, Track] = {f"visavis {ms} ms": shipped(ms) for ms in LOOK_AHEADS_MS} | baselines.tracks(data)
    heard: dict[str, Any] = {}
    for name, utterances in track(grouped(read_index(data, splits=(split,))).items(), description="evaluating"):
        for way, run in ways.items():
            look_ahead_ms = int(way.split()[1]) if way.startswith("visavis") else None
            for channel_name, channel in CHANNELS.items() if look_ahead_ms in (80, 40) else [("clean", clean)]:
                found = cases(utterances, run, channel)
                soft = None if look_ahead_ms is None else cases(utterances, raw(look_ahead_ms), channel)
                heard[f"{name} | {channel_name} | {way}"] = asdict(figures(found, soft))
    by_style: dict[str, list[Utterance]] = {}
    for recording in read_index(data, splits=(split,), kinds=("music", "noise", "nonspeech")):
        by_style.setdefault(recording.style, []).append(recording)
    silent = {
        f"{style} | {way}": open_jaw_share(recordings, run)
        for style, recordings in by_style.items()
        for way, run in ways.items()
    }
    known = {name: asdict(figures(known_sounds.cases(voice))) for name, voice in known_sounds.VOICES.items()}
    return {"heard": heard, "silent": silent, "known": known}


def grouped(utterances: Iterable[Utterance]) -> dict[str, list[Utterance]]:
    """By kind of recording and language, and all that people spoke together."""
    groups: dict[str, list[Utterance]] = {POOLED: []}
    for utterance in utterances:
        if utterance.phones is not None:
            language = utterance.language.split("-")[0]
            groups.setdefault(f"{utterance.style} {language}", []).append(utterance)
            if utterance.engine == "recording":
                groups[POOLED].append(utterance)
    return groups


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".cache/training"))
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    parser.add_argument("--output", type=Path, default=Path("out/speech"), help="figures.json, report.md, closures.svg")
    options = parser.parse_args()
    told = evaluate(options.data, options.split)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "figures.json").write_text(json.dumps(told, indent=1))
    write(told, options.output)
    print((options.output / "report.md").read_text())


if __name__ == "__main__":
    main()
