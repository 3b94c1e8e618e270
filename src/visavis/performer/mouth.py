"""The mouth over time: rows as the network gives them, and how one source of rows hands over to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.face import MOUTH_CONTROLS
from visavis.media import Samples
from visavis.speech import HOP_S, MouthStream
from visavis.speech.phonemes import PhonemeStream
from visavis.speech.phones import Phone

MouthShape = NDArray[np.float32]
"""``float32 [len(MOUTH_CONTROLS)]``."""

# A lip closure lasts 40 ms and more, a tick 33-40: what shuts the lips is looked up around the instant, so that a
# short closure between two frames is seen.
SHUTTING: Final = np.array(
    [MOUTH_CONTROLS.index(name) for name in ("mouthClose", "mouthPressLeft", "mouthPressRight", "lipTuck")]
)
SHUTTING_REACH: Final = 1.2  # rows
# Handing over, critically damped. To rest: 4 % of the difference is left after 150 ms, so that the lips are closed
# by then when speech is cut off. To speech: faster, its first sound must be seen.
TO_REST_PER_S: Final = 34.0
TO_SPEECH_PER_S: Final = 60.0
SILENCE_DB: Final = -90.0
LOUDNESS_AHEAD_S: Final = 0.1
"""Nods are aimed at the stress that follows."""


class MouthTrack:
    """Rows of mouth shapes for one continuous stretch of sound, looked up by time.

    Times are seconds of that sound. Sound is pushed in order at the rate of speech; rows follow by the look-ahead.
    They come from listening to it, or, where its phones are told beforehand, from those.
    """

    def __init__(self, look_ahead_ms: int) -> None:
        self._listening = MouthStream(look_ahead_ms)
        self._told = PhonemeStream()
        self._stream: MouthStream | PhonemeStream = self._listening
        self._rows = np.zeros((512, len(MOUTH_CONTROLS)), np.float32)
        self._loudness_db = np.zeros(512, np.float32)
        self._start = 0
        self._end = 0
        self._first_row = 0

    @property
    def known_until_s(self) -> float:
        """Shapes are known before this time."""
        return (self._first_row + self._end - self._start - 1) * HOP_S

    def push(self, samples: Samples) -> None:
        """Hear more sound: ``float32 [n]`` at :data:`visavis.speech.SPEECH_RATE_HZ`."""
        self._append(self._stream.push(samples))

    def finish(self) -> None:
        """The sound ends here, silence follows: the rest of the rows."""
        self._append(self._stream.flush())

    def tell(self, phones: Sequence[Phone], from_s: float, until_s: float) -> None:
        """What is heard from ``from_s`` until ``until_s``; see :meth:`visavis.speech.phonemes.PhonemeStream.tell`."""
        self._told.tell(phones, from_s, until_s)

    def restart(self, *, told: bool = False) -> None:
        """A new stretch of sound begins at time 0.

        Args:
            told: its phones are told; else it is listened to.
        """
        self._stream = self._told if told else self._listening
        self._stream.reset()
        self._start = self._end = self._first_row = 0

    def shape_at(self, time_s: float, out: MouthShape) -> None:
        """The mouth at ``time_s``; times before that are forgotten."""
        count = self._end - self._start
        if not count:
            out[:] = 0
            return
        rows = self._rows[self._start : self._end]
        position = min(max(time_s / HOP_S - self._first_row, 0.0), count - 1.0)
        low = int(position)
        np.subtract(rows[min(low + 1, count - 1)], rows[low], out=out)
        out *= position - low
        out += rows[low]
        near = rows[max(math.ceil(position - SHUTTING_REACH), 0) : int(position + SHUTTING_REACH) + 1]
        out[SHUTTING] = np.maximum(out[SHUTTING], near[:, SHUTTING].max(axis=0))
        self._forget(low - 2)

    def loudness_db(self, time_s: float) -> float:
        """Loudness at ``time_s`` or at the last known time before it, dB re full scale."""
        count = self._end - self._start
        if not count:
            return SILENCE_DB
        row = min(max(round(time_s / HOP_S) - self._first_row, 0), count - 1)
        return float(self._loudness_db[self._start + row])

    def _append(self, rows: NDArray[np.float32]) -> None:
        count, added = self._end - self._start, len(rows)
        if self._end + added > len(self._rows):
            capacity = max(len(self._rows), 2 * (count + added))
            for name in ("_rows", "_loudness_db"):
                old = getattr(self, name)
                new = np.zeros((capacity, *old.shape[1:]), np.float32)
                new[:count] = old[self._start : self._end]
                setattr(self, name, new)
            self._start, self._end = 0, count
        self._rows[self._end : self._end + added] = rows
        self._loudness_db[self._end : self._end + added] = self._stream.loudness_db[:added]
        self._end += added

    def _forget(self, rows: int) -> None:
        if rows > 0:
            self._start += rows
            self._first_row += rows


class MouthBlend:
    """What the face's mouth does: follows its source, and flows from one source into the next.

    At a change of source the difference to the new one, with its speed, dies away critically damped
    ("inertialisation", Bollo 2018), so position and velocity stay continuous whatever is cut off or begun.
    """

    def __init__(self, tick_s: float) -> None:
        self._tick_s = tick_s
        count = len(MOUTH_CONTROLS)
        self.shape: MouthShape = np.zeros(count, np.float32)
        """The mouth of the last step."""
        self._previous = np.zeros(count, np.float32)
        self._offset = np.zeros(count, np.float32)
        self._offset_speed = np.zeros(count, np.float32)
        self._pull = np.zeros(count, np.float32)
        self._source: object = None

    @property
    def at_rest(self) -> bool:
        """The lips are closed and still."""
        return self._source is None and float(np.abs(self._offset).max()) < 0.01

    def step(self, target: MouthShape, source: object) -> MouthShape:
        """Advance one tick towards ``target``, which comes from ``source`` (None: the resting mouth)."""
        offset, speed, pull = self._offset, self._offset_speed, self._pull
        if source != self._source:
            self._source = source
            np.subtract(self.shape, self._previous, out=speed)
            speed /= self._tick_s
            np.subtract(self.shape, target, out=offset)
        rate = TO_REST_PER_S if source is None else TO_SPEECH_PER_S
        decay = math.exp(-rate * self._tick_s)
        np.multiply(offset, rate, out=pull)
        pull += speed
        pull *= self._tick_s
        offset += pull
        offset *= decay
        pull *= rate
        speed -= pull
        speed *= decay
        np.copyto(self._previous, self.shape)
        np.add(target, offset, out=self.shape)
        np.clip(self.shape, 0, 1, out=self.shape)
        return self.shape
