"""Queued sound: segments that are played one after another, each from its first sample to its last.

Sound that is queued here usually arrives faster than it is played, so the look-ahead of the mouth is in the queue
already and costs no time. A tick is played when its sound *and* its mouth are known; otherwise it is silent and
nothing is lost.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.acting import Act
from visavis.media import to_int16
from visavis.performer.fifo import Chunk, ChunkQueue, Converter, SampleFifo
from visavis.performer.mouth import LOUDNESS_AHEAD_S, MouthShape, MouthTrack
from visavis.speech import SPEECH_RATE_HZ

QUEUED_LOOK_AHEAD_MS: Final = 120
"""The best of the network's look-aheads; see the model card."""
STALL_S: Final = 0.2
"""After so long without new sound, what is held back for the look-ahead is played as if silence followed."""
_PIECE_S: Final = 0.04
_NO_ACTS: Final[list[Act]] = []


@dataclass(slots=True)
class SegmentTick:
    """What one tick took from the queue."""

    segment_id: int
    samples: int
    """How many samples of the tick are the segment's; silence follows them."""
    played_samples: int
    """Position in the segment at the end of the tick."""
    started: bool
    ended: bool
    acts: list[Act]
    """What was to be done at a place of the segment that this tick has reached."""


@dataclass(slots=True)
class _Segment:
    id: int
    chunks: ChunkQueue = field(default_factory=ChunkQueue)
    pushed_s: float = 0.0
    cues: deque[tuple[float, Act]] = field(default_factory=deque)
    """Position in seconds and what is to be done there, in order."""
    ended: bool = False
    started: bool = False
    played_samples: int = 0


class _Stretch:
    """A continuous piece of sound and the mouth that goes with it: a segment, or its part between two stalls, or
    between sound whose phones are told and sound that is listened to."""

    def __init__(self, sample_rate_hz: int, look_ahead_ms: int) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._sound_converter = Converter(sample_rate_hz)
        self._speech_converter = Converter(SPEECH_RATE_HZ)
        self._played_samples = 0
        self._heard_s = 0.0
        self._instant_s = 0.0
        self._told = False
        self.sound = SampleFifo()
        self.mouth = MouthTrack(look_ahead_ms)
        self.open = False
        """Some of the sound may be held back in the converters or for the look-ahead."""
        self.complete = False
        """The sound has ended: all of it and all of its mouth are known."""

    def restart(self) -> None:
        self._sound_converter.flush()
        self._speech_converter.flush()
        self._played_samples = 0
        self._heard_s = 0.0
        self.sound.clear()
        self.mouth.restart()
        self.open = self.complete = False

    def takes(self, chunk: Chunk) -> bool:
        """``chunk`` goes with what is here: the mouth listens to all of it, or is told the phones of all."""
        return not self.open or self._told == (chunk.phones is not None)

    def begin(self, chunk: Chunk) -> None:
        """What is heard next is ``chunk``, in pieces."""
        if not self.open:
            self._told = chunk.phones is not None
            self.mouth.restart(told=self._told)
        if chunk.phones is not None:
            self.mouth.tell(chunk.phones, self._heard_s, self._heard_s + chunk.duration_s)

    def hear(self, chunk: Chunk) -> None:
        self.open = True
        self._heard_s += chunk.duration_s
        self.sound.append(self._sound_converter.convert_int16(chunk))
        self.mouth.push(self._speech_converter.convert(chunk))

    def finish(self) -> None:
        if self.open:
            self.sound.append(to_int16(self._sound_converter.flush()))
            self.mouth.push(self._speech_converter.flush())
            self.mouth.finish()
        self.open = False
        self.complete = True

    def is_known(self, tick_samples: int, ahead_s: float = 0.0) -> bool:
        """The next tick can be played, mouth and all."""
        if self.complete:
            return True
        instant_s = (self._played_samples + tick_samples / 2) / self._sample_rate_hz
        return len(self.sound) >= tick_samples and self.mouth.known_until_s >= instant_s + ahead_s

    def play(self, out: NDArray[np.int16]) -> int:
        """Move sound into ``out``; how many samples there were."""
        samples = self.sound.read_into(out)
        if samples:
            self._instant_s = (self._played_samples + len(out) / 2) / self._sample_rate_hz
            self._played_samples += samples
        return samples

    def shape(self, out: MouthShape) -> None:
        self.mouth.shape_at(self._instant_s, out)

    @property
    def loudness_db(self) -> float:
        return self.mouth.loudness_db(self._instant_s + LOUDNESS_AHEAD_S)


class SegmentQueue:
    """Segments in, ticks out. ``sample_rate_hz`` is the rate of the ticks."""

    def __init__(self, sample_rate_hz: int, look_ahead_ms: int = QUEUED_LOOK_AHEAD_MS) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._segments: deque[_Segment] = deque()
        self._next_id = 0
        self._stretch = _Stretch(sample_rate_hz, look_ahead_ms)
        self._stalled_s = 0.0

    def begin(self) -> int:
        """Open a segment, ending the one before; its id."""
        self.end()
        segment = _Segment(self._next_id)
        self._next_id += 1
        self._segments.append(segment)
        return segment.id

    def push(self, chunk: Chunk) -> int:
        """Queue sound for the open segment (a new one where none is open); its id."""
        if not self._segments or self._segments[-1].ended:
            self.begin()
        segment = self._segments[-1]
        if chunk.samples:
            segment.chunks.push(chunk)
            segment.pushed_s += chunk.duration_s
            self._stalled_s = 0.0
        return segment.id

    def cue(self, act: Act) -> int:
        """Do ``act`` once what was pushed so far for the open segment (a new one where none is open) has been played;
        its id."""
        if not self._segments or self._segments[-1].ended:
            self.begin()
        segment = self._segments[-1]
        segment.cues.append((segment.pushed_s, act))
        return segment.id

    def end(self) -> None:
        """Nothing more comes for the open segment, if there is one."""
        if self._segments:
            self._segments[-1].ended = True

    def clear(self) -> float:
        """Drop everything; seconds of the current segment that were played."""
        played_samples = self._segments[0].played_samples if self._segments else 0
        self._segments.clear()
        self._stretch.restart()
        self._stalled_s = 0.0
        return played_samples / self._sample_rate_hz

    @property
    def active(self) -> bool:
        """A segment is being played, queued or awaited."""
        return bool(self._segments)

    @property
    def queued_s(self) -> float:
        """Sound that is still to be played."""
        ready_s = len(self._stretch.sound) / self._sample_rate_hz
        return ready_s + sum(segment.chunks.duration_s for segment in self._segments)

    def tick(self, out: NDArray[np.int16]) -> SegmentTick | None:
        """Fill ``out`` with the next sound and silence after it; None when no segment is queued."""
        if not self._segments:
            out[:] = 0
            return None
        segment, stretch = self._segments[0], self._stretch
        known = self._prepare(segment, len(out))
        samples = stretch.play(out) if known else 0
        out[samples:] = 0
        if samples:
            self._stalled_s = 0.0
        started = not segment.started and (samples > 0 or segment.ended)
        segment.started = segment.started or started
        segment.played_samples += samples
        ended = segment.ended and stretch.complete and not segment.chunks and not len(stretch.sound)
        if ended:
            self._segments.popleft()
            self._stalled_s = 0.0
        acts = self._due(segment, ended) if segment.cues else _NO_ACTS
        return SegmentTick(segment.id, samples, segment.played_samples, started, ended, acts)

    def is_ready(self, tick_samples: int) -> bool:
        """The next tick of so many samples would carry sound, mouth and all."""
        if not self._segments:
            return False
        return self._hear(self._segments[0], tick_samples) and len(self._stretch.sound) > 0

    def shape(self, out: MouthShape) -> None:
        """The mouth for the middle of the last tick that carried sound."""
        self._stretch.shape(out)

    @property
    def loudness_db(self) -> float:
        """Loudness a little after the last tick that carried sound."""
        return self._stretch.loudness_db

    def _due(self, segment: _Segment, ended: bool) -> list[Act]:
        position_s = segment.played_samples / self._sample_rate_hz
        acts = []
        while segment.cues and (ended or (segment.started and segment.cues[0][0] <= position_s)):
            acts.append(segment.cues.popleft()[1])
        return acts

    def _prepare(self, segment: _Segment, tick_samples: int) -> bool:
        """Make the next tick known if it can be; whether it is."""
        stretch = self._stretch
        if not self._hear(segment, tick_samples) and stretch.open:
            self._stalled_s += tick_samples / self._sample_rate_hz
            if self._stalled_s > STALL_S:
                stretch.finish()
        return stretch.is_known(tick_samples)

    def _hear(self, segment: _Segment, tick_samples: int) -> bool:
        """Hear as much as the next tick needs and no more; whether that tick is known."""
        stretch = self._stretch
        if stretch.complete and not len(stretch.sound) and (segment.chunks or not segment.started):
            stretch.restart()
        while not stretch.is_known(tick_samples, LOUDNESS_AHEAD_S):
            beginning = segment.chunks.beginning
            if beginning is not None and not stretch.takes(beginning):
                stretch.finish()
            elif segment.chunks:
                if beginning is not None:
                    stretch.begin(beginning)
                stretch.hear(segment.chunks.take(_PIECE_S))
            elif segment.ended:
                stretch.finish()
            else:
                break
        return stretch.is_known(tick_samples)
