"""What the neural voices share: phonemes for their networks, the lengths of their tokens, and times made of them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from training.corpus.shelf import PhoneTimes
from training.corpus.timeline import Times, fitted, from_durations, of_tokens
from visavis.voice.alignment import falls_silent_s, put_right

LETTERS: Final = {
    "A": "eɪ", "I": "aɪ", "W": "aʊ", "Y": "ɔɪ", "O": "oʊ", "Q": "əʊ", "S": "ʃ", "T": "ɾ", "ᵊ": "ə", "ᵝ": "ʷ",
    "ʤ": "d͡ʒ", "ʧ": "t͡ʃ", "ʦ": "t͡s", "ʣ": "d͡z", "ʨ": "t͡ɕ", "ʥ": "d͡ʑ", "ꭧ": "ʈ͡ʂ",
}  # fmt: skip
"""The letters of misaki's alphabet (Kokoro, Hibari) that are no IPA."""


_LEAST_LAST_S: Final = 0.05


def session(model: bytes | Path, told: str | None = None) -> onnxruntime.InferenceSession:
    """A network on one core; ``told`` is a tensor within it that becomes one more output."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    data = model.read_bytes() if isinstance(model, Path) else model
    # Protobuf joins messages that follow each other: the model's graph (field 7) gets an output (12) of that name (1).
    if told is not None:
        data += _field(7, _field(12, _field(1, told.encode())))
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def _field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message that holds fewer than 128 bytes."""
    return bytes((number << 3 | 2, len(content))) + content


def heard(
    symbols: Sequence[str], lengths: NDArray[np.floating], shift_s: float, wave: NDArray[np.float32], rate_hz: int
) -> Times:
    """Times of the sounds of a network's tokens, calibrated and put right by the sound itself.

    Args:
        symbols: one per token.
        lengths: how long each token lasts, in any unit; together they last as long as the sound.
        shift_s: what the engine is wrong by on average.
    """
    duration_s = len(wave) / rate_hz
    unit_s = duration_s / float(np.sum(lengths))
    names = (LETTERS.get(symbol, symbol) for symbol in symbols)
    tokens = [(name, float(length) * unit_s) for name, length in zip(names, lengths, strict=True)]
    times = of_tokens(tokens)
    shifted = [(ipa, start_s + shift_s, end_s + shift_s) for ipa, start_s, end_s in times]
    times = fitted([("", 0.0, max(shifted[0][1], 1e-3)), *shifted], duration_s)
    times = ending_with_their_sound(times, wave, rate_hz)
    bounds_s = put_right(np.array([0.0, *(end_s for _, _, end_s in times)]), wave, rate_hz)
    lengths_s = [end_s - start_s for start_s, end_s in pairwise(bounds_s)]
    return fitted(from_durations(zip((ipa for ipa, _, _ in times), lengths_s, strict=True)), duration_s)


def ending_with_their_sound(times: PhoneTimes, wave: NDArray[np.float32], rate_hz: int) -> Times:
    """Sounds before a pause end when they are not heard any more: networks give them much of the pause."""
    right = list(times)
    for at, ((ipa, start_s, end_s), (following, _, until_s)) in enumerate(pairwise(times)):
        if ipa and not following:
            # A stop that is not let go is silent itself.
            least_s = min(end_s, start_s + _LEAST_LAST_S)
            quiet_s = max(falls_silent_s(start_s, end_s, wave, rate_hz), least_s)
            right[at], right[at + 1] = (ipa, start_s, quiet_s), ("", quiet_s, until_s)
    return right


def espeak_phonemes(text: str, voice: str) -> str:
    """The phonemes of a text by espeak-ng's rules, its clauses parted by their punctuation."""
    clauses: list[tuple[str, str]] = []
    clause = ""
    for character in text:
        if character in ".,;:!?…。，！？；：":
            if clause.strip():
                clauses.append((clause.strip(), _LATIN_MARKS.get(character, character)))
            clause = ""
        else:
            clause += character
    if clause.strip():
        clauses.append((clause.strip(), "."))
    told = subprocess.run(
        ["espeak-ng", "-q", "--ipa", "-v", voice],
        input="\n\n".join(clause for clause, _ in clauses), capture_output=True, text=True, check=False,
    )  # fmt: skip
    lines = [" ".join(line.split()) for line in told.stdout.splitlines() if line.strip()]
    if len(lines) != len(clauses):
        return " ".join(lines) + "."
    return " ".join(line + mark for line, (_, mark) in zip(lines, clauses, strict=True))


_LATIN_MARKS: Final = {"。": ".", "，": ",", "！": "!", "？": "?", "；": ";", "：": ":"}
