"""The second way to a mouth: from the sounds of a speech whose times are known, instead of from hearing it.

Where the text is ours the voice knows what it says and when. The mouth then closes for every p b m, and rounds its
lips before the sound that needs it, which no ear can know. Rows are those of :class:`visavis.speech.MouthStream`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from visavis.face import MOUTH_CONTROLS
from visavis.speech.articulation import ROW_S, TARGETS, articulation_track, exert
from visavis.speech.effort import Effort
from visavis.speech.features import HOP_SAMPLES, SAMPLE_RATE_HZ
from visavis.speech.phones import Phone, cut_phones

LOOK_AHEAD_S: Final = 0.15
"""Rows wait for so much sound, so that the sounds of the next piece are known when lips prepare for them."""

PRESS: Final = 0.75
"""How far closed lips are pressed."""

SILENCE_DB: Final = -120.0


class TimedSpeech(Protocol):
    """Speech that knows its sounds: what a voice yields for the mouth to follow its phonemes.

    :class:`visavis.voice.AudioChunk` is one, with phones from the built-in voices. A voice of one's own needs these
    three attributes and nothing else; :mod:`visavis.speech.timings` reads what Azure, Polly and others tell.
    """

    @property
    def pcm(self) -> NDArray[Any]:
        """``int16`` or ``float32``, ``[n]``, mono."""
        ...

    @property
    def sample_rate_hz(self) -> int: ...

    @property
    def phones(self) -> Sequence[Phone] | None:
        """In order, with times from the first sample; what lies between is silence. None: the sound is listened to."""
        ...


def mouth_controls(targets: NDArray[np.float32]) -> NDArray[np.float32]:
    """The controls ``float32 [rows, len(MOUTH_CONTROLS)]`` of articulation targets ``[rows, len(TARGETS)]``.

    Left and right do the same, and closed lips are pressed.
    """
    controls = targets[:, _SOURCE]
    controls[:, _PRESSED] *= np.float32(PRESS)
    return controls


def phoneme_track(
    phones: Sequence[Phone], duration_s: float, effort: ArrayLike = 1.0
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The mouth over a whole speech.

    Args:
        phones: in order.
        duration_s: of the sound.
        effort: see :func:`visavis.speech.articulation.articulation_track`.

    Returns:
        times in s ``float64 [rows]``, controls ``float32 [rows, len(MOUTH_CONTROLS)]``.
    """
    row_count = math.ceil(duration_s / ROW_S - 1e-6) + 1
    controls = mouth_controls(articulation_track(phones, row_count, effort))
    return np.arange(row_count, dtype=np.float64) * ROW_S, controls


class PhonemeStream:
    """One stream of sound whose phones are told beforehand, one mouth.

    Row k (k = 0, 1, ... since the last :meth:`reset`) is the mouth at ``k * ROW_S`` seconds of the sound pushed since
    then; it comes :data:`LOOK_AHEAD_S` after its sound. The sound itself only tells how loud, which is how wide.
    """

    def __init__(self) -> None:
        self._effort = Effort()
        self.reset()

    @property
    def speech(self) -> NDArray[np.float32]:
        """Whether somebody speaks, 0..1, at each row of the last :meth:`push` or :meth:`flush`."""
        return self._speech

    @property
    def loudness_db(self) -> NDArray[np.float32]:
        """Loudness at each row of the last push or flush: RMS of the 10 ms before it, dB re full scale."""
        return self._loudness_db

    def reset(self) -> None:
        """Begin a new stream; the next row is row 0, and no phones are known."""
        self._phones: list[Phone] = []
        self._told_until_s = 0.0
        self._targets = _NO_TARGETS
        self._row = 0
        """The first row that has not been given, which is the first of the targets."""
        self._pending = np.zeros(0, np.float32)
        self._pushed_samples = 0
        self._waiting_db = np.array([SILENCE_DB], np.float32)
        self._waiting_effort = np.ones(1)
        self._effort.reset()
        self._speech = self._loudness_db = np.zeros(0, np.float32)

    def tell(self, phones: Sequence[Phone], from_s: float, until_s: float) -> None:
        """What is heard from ``from_s`` until ``until_s`` of the stream, before that sound is pushed.

        Args:
            phones: in order, with times from ``from_s``; the last may end later than ``until_s``.
        """
        self._phones += [Phone(phone.ipa, from_s + phone.start_s, from_s + phone.end_s) for phone in phones]
        self._told_until_s = until_s

    def push(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Hear more sound, ``float32 [n]``, mono, 16 kHz, any n.

        Returns:
            The rows that are known now, ``float32 [rows, len(MOUTH_CONTROLS)]``; may be none.
        """
        self._hear(pcm)
        return self._give(int((self._pushed_samples / SAMPLE_RATE_HZ - LOOK_AHEAD_S) / ROW_S + 1e-6) + 1)

    def flush(self) -> NDArray[np.float32]:
        """The rows up to the end of what was pushed, as if silence followed, and begin a new stream."""
        row_count = -(-self._pushed_samples // HOP_SAMPLES) + 1
        self._hear(np.zeros(row_count * HOP_SAMPLES - self._pushed_samples, np.float32))
        rows = self._give(row_count)
        speech, loudness_db = self._speech, self._loudness_db
        self.reset()
        self._speech, self._loudness_db = speech, loudness_db
        return rows

    def _hear(self, pcm: NDArray[np.float32]) -> None:
        self._pushed_samples += len(pcm)
        sound = np.concatenate((self._pending, pcm))
        hops = len(sound) // HOP_SAMPLES
        self._pending = sound[hops * HOP_SAMPLES :]
        if not hops:
            return
        blocks = sound[: hops * HOP_SAMPLES].reshape(hops, HOP_SAMPLES)
        loudness_db = 10 * np.log10(np.einsum("nt,nt->n", blocks, blocks) / HOP_SAMPLES + 1e-12)
        self._waiting_db = np.concatenate((self._waiting_db, loudness_db.astype(np.float32)))
        self._waiting_effort = np.concatenate(
            (self._waiting_effort, self._effort.push(loudness_db, loudness_db > _HEARD_DB))
        )

    def _give(self, until_row: int) -> NDArray[np.float32]:
        """The rows before ``until_row`` that were not given yet."""
        count = max(until_row - self._row, 0)
        if count > len(self._targets):
            self._work_out(until_row)
        targets, self._targets = self._targets[:count].copy(), self._targets[count:]
        exert(targets, self._waiting_effort[:count])
        self._loudness_db, self._waiting_db = self._waiting_db[:count], self._waiting_db[count:]
        self._waiting_effort = self._waiting_effort[count:]
        self._speech = targets[:, _SPEECH]
        self._row += count
        return mouth_controls(targets)

    def _work_out(self, until_row: int) -> None:
        """Targets of the rows to ``until_row``, and of all beyond that no sound yet to be told can change."""
        first = self._row + len(self._targets)
        until_row = max(until_row, int((self._told_until_s - _ANTICIPATION_S) / ROW_S))
        origin = max(first - _MEMORY_ROWS, 0)
        self._phones = [phone for phone in self._phones if phone.end_s > origin * ROW_S]
        # The last rows of a track are smoothed with nothing after them: a few more, to be dropped.
        track = articulation_track(cut_phones(self._phones, origin * ROW_S), until_row - origin + _SPARE_ROWS)
        self._targets = np.concatenate((self._targets, track[first - origin : until_row - origin]))


_ANTICIPATION_S: Final = 0.40
"""A sound changes the mouth no earlier than this."""
_MEMORY_ROWS: Final = 60
"""Nor later than this."""
_SPARE_ROWS: Final = 4
_HEARD_DB: Final = -55.0

_SPEECH: Final = TARGETS.index("speech")
_NO_TARGETS: Final = np.zeros((0, len(TARGETS)), np.float32)


def _source_of(control: str) -> int:
    name = control.removesuffix("Left").removesuffix("Right")
    return TARGETS.index("mouthClose" if name == "mouthPress" else name)


_SOURCE: Final = np.array([_source_of(control) for control in MOUTH_CONTROLS])
_PRESSED: Final = np.array([index for index, control in enumerate(MOUTH_CONTROLS) if control.startswith("mouthPress")])
