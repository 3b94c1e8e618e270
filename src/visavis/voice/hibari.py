"""The built-in English voice: Hibari, a neural engine that needs no network and a hundredth of real time."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from hibari import SAMPLE_RATE, Hibari, dsp
from hibari.voices import DEFAULT, VOICES, voice_path
from numpy.typing import NDArray

from visavis.errors import ServiceError
from visavis.media import to_int16
from visavis.speech.phones import Phone
from visavis.voice.alignment import falls_silent_s, put_right
from visavis.voice.engine import AudioChunk, shortened

logger = logging.getLogger(__name__)

EARLY_S: Final = -0.065
"""What it calls the beginning of a phone is heard so much earlier: two aligners agree, to 15 ms either way."""

_DURATIONS: Final = b"/Clip_output_0"
"""The tensor of its network that holds the length of each phoneme."""
_LEAST_LAST_S: Final = 0.06
_SPECTRUM_PARTS: Final = 6
"""Its outputs that the sound is made from."""

_Part: TypeAlias = tuple[str, float, float]


class HibariVoice:
    """Speaks English. Voices other than ``heart`` are used where their file is on this machine; none is fetched."""

    def synthesise(self, text: str, *, language: str, voice: str | None) -> Iterator[AudioChunk]:
        """See :class:`visavis.voice.engine.Voice`."""
        name = voice or DEFAULT
        if name not in self.voices():
            raise ServiceError(
                "voice_unknown",
                f"There is no English voice {name!r}.",
                f"Known here: {', '.join(self.voices())}.",
                status=422,
            )
        speaker = _speaker(name)
        for sentence in Hibari.split_sentences(text):
            for piece in shortened(sentence):
                for phonemes in speaker.phonemize(piece):
                    yield _say(speaker, phonemes)

    def warm_up(self, language: str) -> None:
        """Load the model and its dictionary: half a second."""
        speaker = _speaker(DEFAULT)
        _say(speaker, speaker.phonemize("Yes.")[0])

    def voices(self) -> tuple[str, ...]:
        """The voices whose files are here."""
        return tuple(name for name in VOICES if _is_here(name))


def _is_here(name: str) -> bool:
    try:
        return os.path.exists(voice_path(name, download_missing=False))
    except FileNotFoundError:
        return False


@lru_cache(maxsize=4)
def _speaker(name: str) -> Hibari:
    """The engine, its network telling the durations too."""
    path = Path(voice_path(name, download_missing=False))
    try:
        return Hibari(voice=name, threads=1, model=path.read_bytes() + _DURATIONS_TOLD)
    except RuntimeError:
        logger.warning("a voice does not tell when it says what", extra={"voice": name})
        return Hibari(voice=name, threads=1)


def _say(speaker: Hibari, phonemes: str) -> AudioChunk:
    known = [symbol for symbol in phonemes if symbol in speaker.vocab]
    if not known:
        return AudioChunk(np.zeros(0, np.int16), SAMPLE_RATE)
    outputs = speaker.sess.run(
        None, {"ids": np.asarray([speaker.ids(phonemes)], np.int64), "speed": np.ones(1, np.float32)}
    )
    sound = dsp.synth(*(output[0] for output in outputs[:_SPECTRUM_PARTS]), np.random.default_rng())
    phones = None
    if len(outputs) > _SPECTRUM_PARTS:
        phones = _phones(known, outputs[_SPECTRUM_PARTS].ravel(), sound)
    return AudioChunk(to_int16(sound), SAMPLE_RATE, phones)


def _phones(symbols: list[str], lengths: NDArray[np.float32], sound: NDArray[np.float32]) -> tuple[Phone, ...]:
    """The phones of a sentence by the network's lengths, put right by the sound."""
    duration_s = len(sound) / SAMPLE_RATE
    ends = np.cumsum(lengths, dtype=np.float64)
    # Before the first symbol and after the last there is one for silence.
    bounds_s = np.clip(np.concatenate(([0.0], ends)) * duration_s / ends[-1] + EARLY_S, 0.0, duration_s)
    bounds_s[0], bounds_s[-1] = 0.0, duration_s
    parts = _without_silence(_folded(["", *symbols, ""], bounds_s), sound)
    right_s = put_right(np.array([*(start_s for _, start_s, _ in parts), duration_s]), sound, SAMPLE_RATE)
    return tuple(
        Phone(ipa, float(start_s), float(end_s))
        for (ipa, _, _), (start_s, end_s) in zip(parts, pairwise(right_s), strict=True)
    )


def _without_silence(parts: list[_Part], sound: NDArray[np.float32]) -> list[_Part]:
    """The network gives the last phone before a pause much of the pause: it ends when its sound does."""
    right = list(parts)
    for index, ((ipa, start_s, end_s), (following, _, until_s)) in enumerate(pairwise(parts)):
        if ipa and not following:
            # A stop that is not let go is silent itself.
            least_s = min(end_s, start_s + _LEAST_LAST_S)
            quiet_s = max(falls_silent_s(start_s, end_s, sound, SAMPLE_RATE), least_s)
            right[index], right[index + 1] = (ipa, start_s, quiet_s), ("", quiet_s, until_s)
    return right


def _folded(symbols: Sequence[str], bounds_s: NDArray[np.float64]) -> list[_Part]:
    """Symbols joined to phones: a stress mark belongs to what follows, a blank or a length mark to what was before."""
    parts: list[_Part] = []
    stress_s: float | None = None
    for symbol, start_s, end_s in zip(symbols, bounds_s[:-1], bounds_s[1:], strict=True):
        begin_s = float(start_s)
        if symbol and symbol in _STRESS:
            stress_s = begin_s if stress_s is None else stress_s
            continue
        if stress_s is not None:
            begin_s, stress_s = stress_s, None
        silent = not symbol or symbol in _PAUSES
        if parts and (symbol in _MARKS or (silent and not parts[-1][0])):
            ipa, first_s, _ = parts[-1]
            marked = ipa + symbol if ipa and symbol.strip() and symbol in _MARKS else ipa
            parts[-1] = (marked, first_s, float(end_s))
        else:
            parts.append(("" if silent else _IPA.get(symbol, symbol), begin_s, float(end_s)))
    return parts


_STRESS: Final = "ˈˌ"
_PAUSES: Final = '$;:,.!?—…"()“”'
_MARKS: Final = (" ", "ː", "ʰ", "ʲ", "\u0303", "↓", "→", "↗", "↘")
_IPA: Final = {
    "A": "eɪ", "I": "aɪ", "W": "aʊ", "Y": "ɔɪ", "O": "oʊ", "Q": "əʊ", "S": "ʃ", "T": "ɾ", "ᵊ": "ə", "ᵝ": "ʷ",
    "ʤ": "d͡ʒ", "ʧ": "t͡ʃ", "ʦ": "t͡s", "ʣ": "d͡z", "ʨ": "t͡ɕ", "ʥ": "d͡ʑ", "ꭧ": "ʈ͡ʂ",
}  # fmt: skip
"""Its own letters, which name diphthongs and affricates by one."""


def _field(number: int, content: bytes) -> bytes:
    """A field of a protobuf message that holds bytes; shorter than 128."""
    return bytes((number << 3 | 2, len(content))) + content


_DURATIONS_TOLD: Final = _field(7, _field(12, _field(1, _DURATIONS)))
"""An ONNX model whose graph (field 7) has one output more (12) with that name (1). Protobuf joins messages that follow
each other, so a model with this behind it is the model with the output added."""
