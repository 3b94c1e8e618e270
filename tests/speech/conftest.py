"""Speech whose phonemes are known to the millisecond: what espeak-ng says and when it says it."""

import ctypes
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.media import Resampler, to_float

SAMPLE_RATE_HZ = 16_000
PAUSE_S = 0.5
"""Silence before and after."""

_SYNCHRONOUS_MODE, _PHONEME_EVENTS, _IPA, _UTF8 = 2, 1, 2, 1
_PHONEME_EVENT, _END = 7, 0
_BURST_AFTER_CLOSURE_S = 0.04
"""espeak's event of a voiceless stop is its burst; the closure is the 40 ms before it."""


class _Identifier(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identifier),
    ]


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Phoneme:
    start_s: float
    end_s: float
    ipa: str


@dataclass(frozen=True)
class Utterance:
    pcm: NDArray[np.float32]
    """Mono, 16 kHz."""
    phonemes: tuple[Phoneme, ...]


@lru_cache(maxsize=1)
def _engine() -> tuple[ctypes.CDLL, int]:
    library = ctypes.CDLL("libespeak-ng.so.1")
    return library, library.espeak_Initialize(_SYNCHRONOUS_MODE, 0, None, _PHONEME_EVENTS | _IPA)


@lru_cache(maxsize=64)
def _say(text: str, voice: str, words_per_minute: int) -> Utterance:
    library, rate_hz = _engine()
    parts: list[NDArray[np.int16]] = []
    marks: list[tuple[float, str]] = []

    def receive(samples: object, count: int, events: object) -> int:
        if samples and count > 0:
            parts.append(np.ctypeslib.as_array(samples, (count,)).copy())  # type: ignore[call-overload]
        index = 0
        while events[index].type != _END:  # type: ignore[index]
            if events[index].type == _PHONEME_EVENT:  # type: ignore[index]
                ipa = events[index].id.string.decode("utf-8", "ignore")  # type: ignore[index]
                marks.append((events[index].audio_position / 1000, ipa.strip("ˈˌ\0 ")))  # type: ignore[index]
            index += 1
        return 0

    callback = _CALLBACK(receive)
    library.espeak_SetSynthCallback(callback)
    library.espeak_SetVoiceByName(voice.encode())
    library.espeak_SetParameter(1, words_per_minute, 0)
    content = text.encode()
    library.espeak_Synth(content, len(content) + 1, 0, 1, 0, _UTF8, None, None)
    library.espeak_Synchronize()
    resampler = Resampler(rate_hz, SAMPLE_RATE_HZ)
    spoken = np.concatenate([resampler.push(to_float(np.concatenate(parts))), resampler.flush()])
    pause = np.zeros(round(PAUSE_S * SAMPLE_RATE_HZ), np.float32)
    ends = [start_s for start_s, _ in marks[1:]] + [len(spoken) / SAMPLE_RATE_HZ]
    phonemes = tuple(
        Phoneme(start_s + PAUSE_S - (_BURST_AFTER_CLOSURE_S if ipa[:1] in ("p", "t", "k") else 0), end_s + PAUSE_S, ipa)
        for (start_s, ipa), end_s in zip(marks, ends, strict=True)
        if ipa.strip("_:|") and end_s > start_s
    )
    return Utterance(np.concatenate([pause, spoken, pause]), phonemes)


@pytest.fixture(scope="session")
def say() -> Callable[..., Utterance]:
    """Say a text: its sound and its phonemes."""

    def say_it(text: str, voice: str = "en-us", words_per_minute: int = 160) -> Utterance:
        return _say(text, voice, words_per_minute)

    return say_it
