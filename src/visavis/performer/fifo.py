"""Queues between the rate at which sound arrives and the rate at which it is played."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from visavis.errors import AudioError
from visavis.media import Resampler, Samples, to_int16
from visavis.speech.phones import Phone

MIN_RATE_HZ: Final = 4_000
MAX_RATE_HZ: Final = 192_000


class SampleFifo:
    """``int16`` samples in order; grows when it must and otherwise allocates nothing."""

    def __init__(self, capacity_samples: int = 1 << 15) -> None:
        self._buffer = np.zeros(capacity_samples, np.int16)
        self._start = 0
        self._end = 0

    def __len__(self) -> int:
        return self._end - self._start

    def append(self, samples: NDArray[np.int16]) -> None:
        count = len(self)
        if self._end + len(samples) > len(self._buffer):
            buffer = self._buffer
            if count + len(samples) > len(buffer) // 2:
                buffer = np.zeros(2 * (count + len(samples)), np.int16)
            buffer[:count] = self._buffer[self._start : self._end]
            self._buffer, self._start, self._end = buffer, 0, count
        self._buffer[self._end : self._end + len(samples)] = samples
        self._end += len(samples)

    def read_into(self, out: NDArray[np.int16]) -> int:
        """Move samples into ``out`` from its start; how many there were."""
        count = min(len(out), len(self))
        out[:count] = self._buffer[self._start : self._start + count]
        self._start += count
        return count

    def peek(self, count: int) -> NDArray[np.int16]:
        """A view of the next samples, valid until the next append."""
        return self._buffer[self._start : min(self._start + count, self._end)]

    def discard(self, count: int) -> None:
        self._start = min(self._start + count, self._end)

    def clear(self) -> None:
        self._start = self._end = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Sound as it was pushed."""

    pcm: NDArray[Any]
    """``int16`` or ``float32``, ``[n]`` or ``[n, channels]``."""
    sample_rate_hz: int
    phones: Sequence[Phone] | None = None
    """Its sounds, with times from its first sample, for the mouth to follow; None: the mouth listens."""

    @staticmethod
    def checked(pcm: NDArray[Any], sample_rate_hz: int, phones: Sequence[Phone] | None = None) -> Chunk:
        """
        Raises:
            AudioError: ``audio_format``: what this is cannot be converted later.
        """
        channels = pcm.shape[1] if pcm.ndim == 2 else 1
        if pcm.dtype not in (np.int16, np.float32) or pcm.ndim not in (1, 2) or channels not in (1, 2):
            raise AudioError(
                "audio_format",
                f"Sound as {pcm.dtype} of shape {list(pcm.shape)}.",
                "Send int16 or float32, [n] or [n, 2].",
            )
        if not MIN_RATE_HZ <= sample_rate_hz <= MAX_RATE_HZ:
            raise AudioError(
                "audio_format",
                f"A sample rate of {sample_rate_hz} Hz.",
                f"Use {MIN_RATE_HZ} to {MAX_RATE_HZ} Hz.",
            )
        return Chunk(pcm, sample_rate_hz, phones)

    @property
    def samples(self) -> int:
        return len(self.pcm)

    @property
    def duration_s(self) -> float:
        return self.samples / self.sample_rate_hz

    def has_format_of(self, other: Chunk) -> bool:
        mine, theirs = self.pcm, other.pcm
        return (self.sample_rate_hz, mine.dtype, mine.shape[1:]) == (
            other.sample_rate_hz,
            theirs.dtype,
            theirs.shape[1:],
        )


class ChunkQueue:
    """Pushed sound that nobody has converted yet: converting costs, so it is done a tick's worth at a time."""

    def __init__(self) -> None:
        self._chunks: deque[Chunk] = deque()
        self._taken = 0
        self.duration_s = 0.0

    def __bool__(self) -> bool:
        return bool(self._chunks)

    def push(self, chunk: Chunk) -> None:
        self._chunks.append(chunk)
        self.duration_s += chunk.duration_s

    @property
    def beginning(self) -> Chunk | None:
        """The whole chunk that the next piece begins; None in the midst of one."""
        return self._chunks[0] if self._chunks and not self._taken else None

    def take(self, max_duration_s: float) -> Chunk:
        """The next piece of at most ``max_duration_s`` (one sample at least), all of one format.

        Small pushes are joined: each conversion has a fixed cost. Those with phones are not, nor are theirs in the
        pieces: they are the whole chunk's (:attr:`beginning`).
        """
        joins = self._chunks[0].phones is None
        pieces = [self._take_from_first(max_duration_s)]
        first, duration_s = pieces[0], pieces[0].duration_s
        while joins and self._chunks and self._chunks[0].phones is None and first.has_format_of(self._chunks[0]):
            left_samples = int((max_duration_s - duration_s) * first.sample_rate_hz)
            if left_samples < 1:
                break
            pieces.append(self._take_from_first(left_samples / first.sample_rate_hz))
            duration_s += pieces[-1].duration_s
        if not self._chunks:
            self.duration_s = 0.0
        if len(pieces) == 1:
            return first
        return Chunk(np.concatenate([piece.pcm for piece in pieces]), first.sample_rate_hz)

    def _take_from_first(self, max_duration_s: float) -> Chunk:
        chunk = self._chunks[0]
        end = min(self._taken + max(round(max_duration_s * chunk.sample_rate_hz), 1), chunk.samples)
        piece = Chunk(chunk.pcm[self._taken : end], chunk.sample_rate_hz)
        self._taken = end
        if end == chunk.samples:
            self._chunks.popleft()
            self._taken = 0
        self.duration_s -= piece.duration_s
        return piece

    def clear(self) -> None:
        self._chunks.clear()
        self._taken = 0
        self.duration_s = 0.0


class Converter:
    """Sound of any rate as a continuous stream at one rate; a change of rate on the way is seamless."""

    def __init__(self, sample_rate_hz: int) -> None:
        self._sample_rate_hz = sample_rate_hz
        self._resampler: Resampler | None = None

    def convert(self, chunk: Chunk) -> Samples:
        """What the stream gains by ``chunk``: ``float32 [n]``."""
        channels = 1 if chunk.pcm.ndim == 1 else chunk.pcm.shape[1]
        resampler = self._resampler
        if resampler and (resampler.input_rate_hz, resampler.channels) == (chunk.sample_rate_hz, channels):
            return resampler.push(chunk.pcm)
        tail = self.flush()
        self._resampler = Resampler(chunk.sample_rate_hz, self._sample_rate_hz, channels)
        return np.concatenate((tail, self._resampler.push(chunk.pcm)))

    def convert_int16(self, chunk: Chunk) -> NDArray[np.int16]:
        """As :meth:`convert`; sound that is ``int16`` at this rate already passes bit for bit."""
        return to_int16(self.convert(chunk))

    def flush(self) -> Samples:
        """What the stream still holds back."""
        if self._resampler is None:
            return np.zeros(0, np.float32)
        tail = self._resampler.flush()
        self._resampler = None
        return tail
