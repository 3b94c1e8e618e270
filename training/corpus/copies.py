"""Changed copies of what the other sources said: by other mouths, through real channels. Of the training split only."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile

from training.corpus.channels import random_channel
from training.corpus.shelf import SAMPLE_RATE_HZ, Shelf, Utterance, read_index
from training.corpus.sound import pcm_of, scaled_to_peak
from training.corpus.source import Report
from training.corpus.voices import changed, changed_times, random_change

WEIGHTS: Final = {"espeak": 0.15, "flite": 0.5, "festival": 0.5, "hibari": 1.5, "kokoro": 6.0}
"""How often an hour of an engine is copied; the rarer the sound, the more. Recordings have 8."""
_OF_RECORDINGS: Final = 8.0
_READ_AGAIN_AFTER: Final = 500
"""Copies, because the other sources may still grow."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Of other folders beside its own."""

    name: str
    hours: float
    """At scale 1."""

    def fill(self, shelf: Shelf, scale: float, report: Report) -> None:
        number = max((int(id) for id in shelf.ids), default=-1) + 1
        began, told = time.monotonic(), 0.0
        originals: list[tuple[Path, dict[str, Any]]] = []
        weights: list[float] = []
        while shelf.seconds["train"] < self.hours * scale * 3600:
            if number % _READ_AGAIN_AFTER == 0 or not originals:
                originals = _originals(shelf.folder)
                weights = [line["duration_s"] * WEIGHTS.get(line["engine"], _OF_RECORDINGS) for _, line in originals]
                if not originals:
                    return
            rng = random.Random(f"{self.name} {number}")
            path, line = rng.choices(originals, weights)[0]
            shelf.put(_copy(f"{number:06d}", path, line, rng))
            number += 1
            if time.monotonic() - told > 20:
                told = time.monotonic()
                report(f"{shelf.seconds['train'] / 3600:.2f} of {self.hours * scale:.2f} h, {told - began:.0f} s")


def _originals(own: Path) -> list[tuple[Path, dict[str, Any]]]:
    return [
        (folder / line["audio"], line)
        for folder in sorted(own.parent.iterdir())
        if folder != own and folder.is_dir()
        for line in read_index(folder)
        if line["split"] == "train" and line["kind"] == "speech" and line["phones"] and line["duration_s"] > 0.7
    ]


def _copy(name: str, path: Path, line: dict[str, Any], rng: random.Random) -> Utterance:
    wave, rate_hz = soundfile.read(path, dtype="float32")
    assert rate_hz == SAMPLE_RATE_HZ
    phones = [(ipa, start_s, end_s) for ipa, start_s, end_s in line["phones"]]
    other_voice, through_channel = rng.choice(((True, False), (False, True), (True, True)))
    if other_voice:
        change = random_change(rng)
        wave = changed(wave, change)
        phones = changed_times(phones, change)
    # Quiet recordings are as real as loud ones.
    wave = scaled_to_peak(wave, float(np.exp(rng.uniform(np.log(0.04), np.log(0.95)))))
    style = line["style"]
    if through_channel:
        channel_name, channel = random_channel(rng)
        wave = channel(wave)
        style = f"{style}; {channel_name}"
    return Utterance(
        name, pcm_of(np.clip(wave, -1.0, 1.0), SAMPLE_RATE_HZ), line["engine"], line["speaker"], line["language"],
        "train", style=style, licence=line["licence"], text=line["text"], alignment=line["alignment"], phones=phones,
    )  # fmt: skip


SOURCE: Final = Copies("copies", 8.0)
