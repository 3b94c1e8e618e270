"""flite: small English voices of Debian, the times of whose sounds its command line tells."""

from __future__ import annotations

import random
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

import soundfile

from training.corpus.calibration import CALIBRATION
from training.corpus.shelf import Split, Utterance
from training.corpus.sound import pcm_of, scaled_to_peak
from training.corpus.source import Voices
from training.corpus.symbols import ipa_of_arctic
from training.corpus.texts import sentence
from training.corpus.timeline import fitted, from_ends, shifted

LICENCE: Final = "BSD-style (CMU)"
VOICES: Final = {"kal16": "en-US", "awb": "en-GB-scotland", "slt": "en-US"}
HELD_OUT_VOICES: Final = {"rms": "en-US"}


def _say(split: Split, rng: random.Random) -> list[Utterance]:
    voices = VOICES if split == "train" else HELD_OUT_VOICES
    voice = rng.choice(list(voices))
    text = sentence("en", split, rng)
    stretch, pitch_hz, peak = rng.uniform(0.75, 1.3), rng.uniform(80, 240), rng.uniform(0.15, 0.9)
    if text is None:
        return []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        told = subprocess.run(
            ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.2f}",
             "--setf", f"int_f0_target_mean={pitch_hz:.0f}", "-t", text, "-psdur", "-o", str(path)],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if told.returncode != 0 or not path.exists():
            return []
        wave, rate_hz = soundfile.read(path, dtype="float32")
    duration_s = len(wave) / rate_hz
    ends = [(ipa_of_arctic(name), float(end_s)) for name, end_s in re.findall(r"(\w+):([\d.]+)", told.stdout)]
    # Several sentences are one sound, but the times are those of each: only single ones can be used.
    if not ends or abs(ends[-1][1] - duration_s) > 0.25 or not 0.5 < duration_s < 14.0:
        return []
    phones = fitted(shifted(from_ends(ends), CALIBRATION["flite"].shift_s), duration_s)
    return [
        Utterance("", pcm_of(scaled_to_peak(wave, peak), rate_hz), "flite", f"flite-{voice}", voices[voice], split,
                  licence=LICENCE, text=text, alignment="engine", phones=phones)
    ]  # fmt: skip


SOURCE: Final = Voices("flite", {"train": 1.8, "validation": 0.1}, _say)
