"""Live sound: somebody speaks into a microphone now, and the face says it as soon as the mouth is known.

The sound is played with a constant delay: half a tick, the look-ahead, what the filters hold back, and a margin
that follows the jitter of arrival. The microphone's clock is not ours, so the delay would slowly grow or run out.
It is watched, and corrected by playing up to 0.5 % faster or slower (inaudible in speech), or, where it is far too
long, by leaving sound out, at a quiet place if possible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.performer.fifo import Chunk, ChunkQueue, Converter, SampleFifo
from visavis.performer.mouth import LOUDNESS_AHEAD_S, MouthShape, MouthTrack
from visavis.speech import HOP_S, SPEECH_RATE_HZ

FILTER_DELAY_S: Final = 0.003
"""What the resampler holds back (1.5 ms from 48 kHz, 3 ms from 8 kHz)."""
MARGIN_S: Final = 0.005
"""Spare sound that the delay aims at. Where less is there, the lips are a little late for once; the sound itself has
a gap only when a whole tick's worth is missing."""
MARGIN_STEP_S: Final = 0.010
"""Every gap that late packets tear widens the margin by so much,"""
MARGIN_MAX_S: Final = 0.060
MARGIN_DECAY_S: Final = 30.0
"""and so long without one narrows it again."""
WATCH_S: Final = 1.5
"""The delay is judged by the least spare sound within so long a time."""
TOLERANCE_S: Final = 0.004
STRETCH: Final = 0.005
LATE_S: Final = 0.025
"""From this much too late on, sound is left out at a quiet place,"""
TOO_LATE_S: Final = 0.120
"""and from this much on, anywhere."""
QUIET_AMPLITUDE: Final = 180
"""-45 dB re full scale."""
SILENT_AFTER_S: Final = 0.080
"""A source that sends nothing for so long has fallen silent: what it sent is played to its end,"""
GONE_AFTER_S: Final = 1.0
"""and after so long it is forgotten."""
BACKLOG_S: Final = 2.0
"""Nobody needs sound that waited longer than this."""


@dataclass(slots=True)
class LiveStats:
    """How live sound fares."""

    delay_s: float = 0.0
    """From the arrival of a sample to the tick that carries it, at the last tick."""
    underruns: int = 0
    left_out_s: float = 0.0


class LiveFeed:
    """Live sound in, ticks out.

    Args:
        sample_rate_hz: rate of the ticks.
        tick_samples: length of the longest tick.
        look_ahead_ms: what the mouth waits for.
        early_lips: the picture does not wait for its sound: right where nobody hears the sound of the ticks.
    """

    def __init__(self, sample_rate_hz: int, tick_samples: int, look_ahead_ms: int, *, early_lips: bool) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._tick_s = tick_samples / sample_rate_hz
        self._early_lips = early_lips
        self._chunks = ChunkQueue()
        self._sound = SampleFifo()
        self._sound_converter = Converter(sample_rate_hz)
        self._speech_converter = Converter(SPEECH_RATE_HZ)
        self._mouth = MouthTrack(look_ahead_ms)
        mouth_delay_s = look_ahead_ms / 1000 + HOP_S + FILTER_DELAY_S
        self._needed_samples = max(tick_samples, round((self._tick_s / 2 + mouth_delay_s) * sample_rate_hz))
        self._input_rate_hz = sample_rate_hz
        self._spare_s = np.zeros(round(WATCH_S / self._tick_s))
        self._margin_s = MARGIN_S
        self.stats = LiveStats()
        self.reset()

    def reset(self) -> None:
        """Forget all sound and wait for a source."""
        self._chunks.clear()
        self._sound.clear()
        self._sound_converter.flush()
        self._speech_converter.flush()
        self._mouth.restart()
        self._played_samples = 0
        self._instant_s = 0.0
        self._silent_s = 0.0
        self._starved = False
        self._since_underrun_s = 0.0
        self._spare_s[:] = np.inf
        self._watched = 0
        self.flowing = False
        """A source is sending, or was until a moment ago."""

    def push(self, chunk: Chunk) -> None:
        """Sound that has just arrived."""
        if chunk.samples:
            self._chunks.push(chunk)
            self._input_rate_hz = chunk.sample_rate_hz
        while self._chunks.duration_s > BACKLOG_S:
            self._chunks.take(BACKLOG_S / 4)

    def tick(self, out: NDArray[np.int16]) -> bool:
        """Fill ``out`` with the delayed sound, or silence where there is none; whether the mouth follows it."""
        self._hear()
        spare_s = (len(self._sound) - self._needed_samples) / self._sample_rate_hz
        if not self.flowing and spare_s >= self._margin_s:
            self.flowing = True
            self._leave_out(round((spare_s - self._margin_s) * self._sample_rate_hz))
            spare_s = self._margin_s
        self.stats.delay_s = len(self._sound) / self._sample_rate_hz
        if not self.flowing:
            out[:] = 0
            return False
        if len(self._sound) < len(out):
            self._on_underrun()
            out[:] = 0
            return self._early_lips
        self._play(out, self._correction_s(spare_s, len(out)))
        if self._silent_s > GONE_AFTER_S:
            self.reset()
        return True

    def shape(self, out: MouthShape) -> None:
        """The mouth that goes with the last tick."""
        self._mouth.shape_at(self._instant_s, out)

    @property
    def loudness_db(self) -> float:
        """Loudness a little after that."""
        return self._mouth.loudness_db(self._instant_s + LOUDNESS_AHEAD_S)

    def _hear(self) -> None:
        if self._chunks:
            if self._starved and self._silent_s <= SILENT_AFTER_S:
                self._margin_s = min(self._margin_s + MARGIN_STEP_S, MARGIN_MAX_S)
            self._starved = False
            self._silent_s = 0.0
        else:
            self._silent_s += self._tick_s
        if self.flowing and self._silent_s > SILENT_AFTER_S:
            self._chunks.push(Chunk(np.zeros(round(self._tick_s * self._input_rate_hz), np.int16), self._input_rate_hz))
        while self._chunks:
            chunk = self._chunks.take(BACKLOG_S)
            self._sound.append(self._sound_converter.convert_int16(chunk))
            self._mouth.push(self._speech_converter.convert(chunk))
        if self._early_lips:
            self._instant_s = max(self._mouth.known_until_s, 0.0)

    def _on_underrun(self) -> None:
        self.stats.underruns += 1
        self._starved = True
        self._since_underrun_s = 0.0
        self._spare_s[:] = np.inf
        self._watched = 0

    def _correction_s(self, spare_s: float, tick_samples: int) -> float:
        """How much more (or less) sound than a tick to take; leaves sound out where it is far too late."""
        self._since_underrun_s += self._tick_s
        if self._since_underrun_s > MARGIN_DECAY_S:
            self._since_underrun_s = 0.0
            self._margin_s = max(self._margin_s - MARGIN_STEP_S, MARGIN_S)
        self._spare_s[self._watched % len(self._spare_s)] = spare_s
        self._watched += 1
        excess_s = float(self._spare_s.min()) - self._margin_s
        if self._watched > len(self._spare_s) // 4 and excess_s > LATE_S:
            left_out = self._sound.peek(round(excess_s * self._sample_rate_hz))
            if excess_s > TOO_LATE_S or np.abs(left_out).max() < QUIET_AMPLITUDE:
                self._leave_out(len(left_out))
                return 0.0
        if self._watched < len(self._spare_s) or abs(excess_s) < TOLERANCE_S:
            return 0.0
        spare_sound_s = (len(self._sound) - tick_samples) / self._sample_rate_hz
        correction_s = min(max(excess_s, -STRETCH * self._tick_s), STRETCH * self._tick_s, spare_sound_s)
        self._spare_s -= correction_s
        return correction_s

    def _leave_out(self, samples: int) -> None:
        self._sound.discard(samples)
        self._played_samples += samples
        self._spare_s -= samples / self._sample_rate_hz
        self.stats.left_out_s += samples / self._sample_rate_hz

    def _play(self, out: NDArray[np.int16], correction_s: float) -> None:
        taken = len(out) + round(correction_s * self._sample_rate_hz)
        if not self._early_lips:
            self._instant_s = (self._played_samples + taken / 2) / self._sample_rate_hz
        self._played_samples += taken
        if taken == len(out):
            self._sound.read_into(out)
            return
        sound = self._sound.peek(taken + 1)
        positions = np.linspace(0, taken, len(out), endpoint=False)
        out[:] = np.rint(np.interp(positions, np.arange(len(sound)), sound))
        self._sound.discard(taken)
