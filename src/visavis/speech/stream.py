"""The mouth track: sound in, mouth controls out."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from visavis.errors import AudioError
from visavis.face import MOUTH_CONTROLS
from visavis.media import Resampler, mono_float
from visavis.speech.articulation import TARGETS
from visavis.speech.features import BAND_COUNT, HOP_SAMPLES, SAMPLE_RATE_HZ, SILENCE_LOG_POWER, MelStream
from visavis.speech.mouth_shape import MouthShaper
from visavis.speech.network import LOOK_AHEADS_MS, MouthNetwork

HOP_MS: Final = 10
HOP_S: Final = HOP_MS / 1000
"""Time between two rows of a mouth track."""

SILENCE_DB: Final = -120.0
"""Loudness of digital silence."""

_SPEECH: Final = TARGETS.index("speech")


class MouthStream:
    """One stream of sound, one mouth.

    Row k (k = 0, 1, ... since the last :meth:`reset`) is the mouth at ``k * HOP_S`` seconds of the sound pushed since
    then. It comes out of the push that completes ``k * HOP_S + look_ahead_ms / 1000`` seconds, whatever the sizes of
    the pushes. Memory and time per push do not grow; a stream holds about 50 KB.
    """

    def __init__(self, look_ahead_ms: int = 40) -> None:
        """
        Args:
            look_ahead_ms: 0, 40, 80 or 120. More sees lip closures better (docs/speech.md has the figures); beyond 80
                there is little to gain.

        Raises:
            AudioError: ``look_ahead_unknown``.
        """
        if look_ahead_ms not in LOOK_AHEADS_MS:
            raise AudioError(
                "look_ahead_unknown",
                f"A look-ahead of {look_ahead_ms} ms.",
                f"Choose one of {', '.join(map(str, LOOK_AHEADS_MS))} ms.",
            )
        self.look_ahead_ms = look_ahead_ms
        self._look_ahead_rows = look_ahead_ms // HOP_MS
        self._mel = MelStream()
        self._network = MouthNetwork(look_ahead_ms)
        self._shaper = MouthShaper()
        self.reset()

    @property
    def speech(self) -> NDArray[np.float32]:
        """How likely somebody speaks, 0..1, at each row of the last :meth:`push` or :meth:`flush`."""
        return self._speech

    @property
    def loudness_db(self) -> NDArray[np.float32]:
        """Loudness at each row of the last push or flush: RMS of the 10 ms before it, dB re full scale."""
        return self._loudness_db

    def reset(self) -> None:
        """Begin a new stream after a long silence; the next row is row 0."""
        self._mel.reset()
        self._network.reset()
        self._shaper.reset()
        self._speech = self._loudness_db = np.zeros(0, np.float32)
        self._waiting_db = np.zeros(0, np.float32)
        self._pushed_samples = 0
        self._row_count = 0
        self._heard_frames = 0

    def copy(self) -> MouthStream:
        """An independent stream in the same state."""
        other = MouthStream(self.look_ahead_ms)
        other._mel = self._mel.copy()
        other._network.copy_state_from(self._network)
        other._shaper = self._shaper.copy()
        other._speech, other._loudness_db, other._waiting_db = self._speech, self._loudness_db, self._waiting_db
        other._pushed_samples, other._row_count = self._pushed_samples, self._row_count
        other._heard_frames = self._heard_frames
        return other

    def push(self, pcm: NDArray[np.float32]) -> NDArray[np.float32]:
        """Hear more sound.

        Args:
            pcm: ``float32 [n]``, mono, 16 kHz, any n.

        Returns:
            The rows that are known now, ``float32 [rows, len(MOUTH_CONTROLS)]``; may be none.
        """
        self._pushed_samples += len(pcm)
        mel, loudness_db = self._mel.push(pcm)
        if not self._heard_frames:
            # Row 0 is the mouth before the first sample: what ends there is silence.
            mel = np.concatenate((np.full((1, BAND_COUNT), SILENCE_LOG_POWER, np.float32), mel))
            loudness_db = np.concatenate((np.array([SILENCE_DB], np.float32), loudness_db))
        too_early = min(len(mel), max(0, self._look_ahead_rows - self._heard_frames))
        self._heard_frames += len(mel)
        outputs = self._network.push(mel)[too_early:]
        count = len(outputs)
        waiting_db = np.concatenate((self._waiting_db, loudness_db))
        self._loudness_db, self._waiting_db = waiting_db[:count], waiting_db[count:]
        self._speech = outputs[:, _SPEECH]
        self._row_count += count
        return self._shaper.push(outputs, self._loudness_db)

    def flush(self) -> NDArray[np.float32]:
        """The rows up to the end of what was pushed, as if silence followed, and begin a new stream."""
        wanted = -(-self._pushed_samples // HOP_SAMPLES) + 1
        missing = (wanted - 1 + self._look_ahead_rows) * HOP_SAMPLES - self._pushed_samples
        rows = self.push(np.zeros(missing, np.float32)) if wanted > self._row_count else _NO_ROWS
        speech, loudness_db = self._speech[: len(rows)], self._loudness_db[: len(rows)]
        self.reset()
        self._speech, self._loudness_db = speech, loudness_db
        return rows


def mouth_track(
    pcm: NDArray[Any], sample_rate_hz: int, look_ahead_ms: int = 80
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """The mouth over a whole recording: what a :class:`MouthStream` says of it.

    Args:
        pcm: ``int16`` or ``float32``, ``[n]`` or ``[n, channels]``.

    Returns:
        times in s ``float64 [rows]``, controls ``float32 [rows, len(MOUTH_CONTROLS)]``.
    """
    stream = MouthStream(look_ahead_ms)
    resampler = Resampler(sample_rate_hz, SAMPLE_RATE_HZ)
    mono = mono_float(pcm)
    parts = [
        stream.push(resampler.push(mono[start : start + sample_rate_hz]))
        for start in range(0, len(mono), sample_rate_hz)
    ]
    parts += [stream.push(resampler.flush()), stream.flush()]
    controls = np.concatenate(parts)
    return np.arange(len(controls), dtype=np.float64) * HOP_S, controls


_NO_ROWS: Final = np.zeros((0, len(MOUTH_CONTROLS)), np.float32)
