"""espeak-ng: formant voices of many languages, whose library tells when each sound begins."""

from __future__ import annotations

import ctypes
import random
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from training.corpus.calibration import CALIBRATION
from training.corpus.shelf import Split, Utterance
from training.corpus.sound import pcm_of, scaled_to_peak
from training.corpus.source import Voices
from training.corpus.texts import sentence
from training.corpus.timeline import early_closures, fitted, shifted, without_short_pauses
from visavis.speech.phones import gestures

LICENCE: Final = "GPL-3.0-or-later (program; its speech is not covered)"

TRAIN_LANGUAGES: Final = (
    ("en-us", 10), ("en", 7), ("en-gb-scotland", 2), ("en-029", 2), ("en-gb-x-rp", 2), ("en-us-nyc", 2),
    ("de", 5), ("es", 4), ("es-419", 2), ("it", 4), ("pt-br", 3), ("pt", 2), ("ru", 4), ("pl", 3), ("cs", 2),
    ("sk", 1), ("bg", 1), ("eo", 1), ("ga", 1), ("cmn", 4), ("fr", 4), ("fr-ch", 1), ("nl", 2), ("da", 1.5),
    ("nb", 1), ("fi", 1), ("et", 1), ("hu", 1.5), ("tr", 1.5), ("uk", 1), ("lt", 0.7), ("lv", 0.7), ("sl", 0.7),
    ("hr", 0.7), ("sr", 0.7), ("ca", 1), ("eu", 0.7), ("cy", 0.7), ("is", 0.7), ("id", 1), ("vi", 1.5), ("hi", 1.5),
    ("bn", 0.7), ("ta", 1), ("te", 0.7), ("mr", 0.5), ("ar", 2), ("fa", 1), ("ja", 1.5), ("ko", 1.5), ("ka", 0.5),
    ("am", 0.5), ("af", 0.5), ("sq", 0.5), ("kk", 0.5), ("th", 0.7), ("yue", 0.7),
)  # fmt: skip
"""By espeak-ng's names (``en`` is British, ``fr`` of France), with their share."""
VALIDATION_LANGUAGES: Final = (("en-us", 4), ("en", 2), ("sv", 1), ("el", 1), ("ro", 1), ("fr-be", 1), ("he", 1))
"""Swedish, Greek, Romanian, Belgian French and Hebrew are never trained on."""

VALIDATION_VARIANTS: Final = ("f4", "m5", "klatt3", "linda", "Mario", "Annie", "michel", "Henrique")
_MACHINES: Final = ("robo", "announcer", "croak", "demonic", "unirobot", "serious", "anikarobot", "fast", "whisper")
_VARIANT_FOLDER: Final = Path("/usr/lib/x86_64-linux-gnu/espeak-ng-data/voices/!v")

_AUDIO_OUTPUT_SYNCHRONOUS: Final = 2
_PHONEME_EVENTS_IN_IPA: Final = 1 | 2
_DO_NOT_EXIT: Final = 0x8000
_EVENT_PHONEME: Final = 7
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_UTF8: Final = 1
_LONGEST_S: Final = 14.0
_PAUSE_MARKS: Final = "_ |:;.,!?"


class _EventId(ctypes.Union):
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
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """The library, which is one per process."""

    def __init__(self) -> None:
        self.raw = ctypes.CDLL("libespeak-ng.so.1")
        self._blocks: list[np.ndarray] = []
        self._marks: list[tuple[float, str]] = []
        flags = _PHONEME_EVENTS_IN_IPA | _DO_NOT_EXIT
        self.sample_rate_hz: int = self.raw.espeak_Initialize(_AUDIO_OUTPUT_SYNCHRONOUS, 0, None, flags)
        self._callback = _Callback(self._heard)
        self.raw.espeak_SetSynthCallback(self._callback)

    def say(
        self, text: str, voice: str, *, words_per_minute: int = 170, pitch: int = 50, pitch_range: int = 50
    ) -> tuple[np.ndarray, list[tuple[str, float, float]]] | None:
        """Samples -1..1 and the times of the sounds; None if there is no such voice or nothing to say."""
        self._blocks, self._marks = [], []
        if self.raw.espeak_SetVoiceByName(voice.encode()) != 0:
            return None
        for parameter, value in ((_RATE, words_per_minute), (_PITCH, pitch), (_RANGE, pitch_range)):
            self.raw.espeak_SetParameter(parameter, value, 0)
        data = text.encode() + b"\0"
        self.raw.espeak_Synth(data, len(data), 0, 1, 0, _UTF8, None, None)
        self.raw.espeak_Synchronize()
        if not self._blocks:
            return None
        wave = np.concatenate(self._blocks).astype(np.float32) / 32768
        return wave, phone_times(self._marks, len(wave) / self.sample_rate_hz)

    def _heard(self, samples: object, count: int, events: object) -> int:
        if samples and count > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, (count,)).copy())  # type: ignore[call-overload]
        index = 0
        while events[index].type != 0:  # type: ignore[index]
            event = events[index]  # type: ignore[index]
            if event.type == _EVENT_PHONEME:
                raw = ctypes.string_at(ctypes.addressof(event) + _Event.id.offset, 8).split(b"\0")[0]
                self._marks.append((event.audio_position / 1000, raw.decode("utf-8", "ignore")))
            index += 1
        return 0


def phone_times(marks: list[tuple[float, str]], duration_s: float) -> list[tuple[str, float, float]]:
    """Times of sounds from espeak's events, gapless and calibrated.

    Two kinds of event are no sound of their own: the name of a language in brackets, where the voice changes to it,
    and a mark alone, which belongs to the sound before.
    """
    begun: list[tuple[float, str]] = []
    for at_s, ipa in marks:
        if ipa.startswith("("):
            continue
        if begun and begun[-1][1] and ipa and not gestures(ipa) and ipa.strip(_PAUSE_MARKS):
            begun[-1] = (begun[-1][0], begun[-1][1] + ipa)
        else:
            begun.append((at_s, ipa))
    ends_s = [at_s for at_s, _ in begun[1:]] + [duration_s]
    phones = [(ipa, start_s, end_s) for (start_s, ipa), end_s in zip(begun, ends_s, strict=True)]
    calibrated = shifted(without_short_pauses(early_closures(phones)), CALIBRATION["espeak"].shift_s)
    return fitted(calibrated, duration_s)


@cache
def library() -> Espeak:
    """The one of this process."""
    return Espeak()


@cache
def _train_variants() -> tuple[str, ...]:
    names = sorted(path.name for path in _VARIANT_FOLDER.iterdir())
    kept = (name for name in names if not any(word in name.lower() for word in _MACHINES))
    return tuple(name for name in kept if name not in VALIDATION_VARIANTS)


def _say(split: Split, rng: random.Random) -> list[Utterance]:
    held_out = split != "train"
    languages = VALIDATION_LANGUAGES if held_out else TRAIN_LANGUAGES
    language = rng.choices([name for name, _ in languages], [share for _, share in languages])[0]
    variant = rng.choice(VALIDATION_VARIANTS if held_out else ("", *_train_variants()))
    text = sentence(language, split, rng)
    if text is None:
        return []
    said = library().say(
        text,
        f"{language}+{variant}" if variant else language,
        words_per_minute=rng.randint(120, 250),
        pitch=rng.randint(10, 95),
        pitch_range=rng.randint(15, 100),
    )
    peak = rng.uniform(0.15, 0.9)
    if said is None or not 0.5 < len(said[0]) / library().sample_rate_hz < _LONGEST_S:
        return []
    wave, phones = said
    pcm = pcm_of(scaled_to_peak(wave, peak), library().sample_rate_hz)
    speaker = f"espeak-{variant or 'plain'}"
    return [
        Utterance("", pcm, "espeak", speaker, language, split, licence=LICENCE, text=text, alignment="engine",
                  phones=phones)
    ]  # fmt: skip


SOURCE: Final = Voices("espeak", {"train": 6.0, "validation": 0.3}, _say)
