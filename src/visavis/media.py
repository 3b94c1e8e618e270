"""Sound in and out: decode any file, resample a stream, count samples and frames.

Sound inside visavis is mono ``float32`` in -1..1; at its edges (rooms, files, wires) it is ``int16``. Positions are
sample counts; see ``docs/clocks.md``.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from contextlib import closing
from fractions import Fraction
from functools import lru_cache
from math import gcd
from pathlib import Path
from typing import Any, Final, TypeAlias

import av
import numpy as np
import soxr
from av.audio.resampler import AudioResampler as FormatConverter
from numpy.typing import NDArray

from visavis.errors import AudioError

Samples: TypeAlias = NDArray[np.float32]
"""``float32 [n]``, mono, nominally -1..1."""

Source: TypeAlias = str | Path | bytes
"""A sound file: where it lies, or its content."""

MAX_DURATION_S: Final = 2 * 3600.0
"""The longest sound :func:`read_audio` takes into memory (460 MB at 16 kHz); :func:`audio_blocks` has no limit."""

READABLE: Final = "WAV, MP3, OGG/Opus, FLAC, M4A/AAC, WebM or AIFF"

_DEMUXERS: Final = "wav,w64,mp3,ogg,flac,mov,mp4,m4a,aac,matroska,webm,aiff,au,caf,amr"
# Playlists (HLS, concat) stay out: they would make the decoder open other files and addresses.

_RATES_HZ: Final = (4_000, 192_000)

_HALF_WIDTH: Final = 24
"""Zero crossings of the sinc on either side."""
_KAISER_BETA: Final = 6.76
"""-70 dB stop band (Kaiser's formula: 0.1102 (A - 8.7))."""
_CUTOFF: Final = 0.94
"""Of the narrower band; the transition is 0.18 wide."""
_MAX_PHASES: Final = 1024
"""Rates without a common factor share the nearest of these phases (-60 dB)."""


def read_audio(source: Source, sample_rate_hz: int, *, max_duration_s: float = MAX_DURATION_S) -> Samples:
    """The whole of a sound file, mixed down to mono and resampled: ``float32 [n]``.

    Raises:
        AudioError: ``audio_unreadable``, ``audio_missing`` (no such file, no audio track), ``audio_empty``,
            ``audio_too_long``.
    """
    limit_samples = int(max_duration_s * sample_rate_hz)
    blocks: list[Samples] = []
    total_samples = 0
    with closing(audio_blocks(source, sample_rate_hz)) as stream:
        for block in stream:
            total_samples += len(block)
            if total_samples > limit_samples:
                raise AudioError(
                    "audio_too_long",
                    f"{_name(source)} is longer than {max_duration_s / 60:.0f} minutes.",
                    "Cut it into shorter files.",
                )
            blocks.append(block)
    return np.concatenate(blocks)


def audio_blocks(source: Source, sample_rate_hz: int, block_samples: int = 16_000) -> Generator[Samples, None, None]:
    """A sound file piece by piece, in constant memory: mono blocks of ``block_samples`` (the last one shorter).

    Errors are those of :func:`read_audio`; a file damaged in its middle yields what comes before the damage.
    """
    _check_rate(sample_rate_hz)
    pending: list[Samples] = []
    pending_samples = 0
    seen = False
    for piece in _resampled(_decoded(source), sample_rate_hz):
        pending.append(piece)
        pending_samples += len(piece)
        if pending_samples < block_samples:
            continue
        whole = np.concatenate(pending)
        full = len(whole) - len(whole) % block_samples
        for start in range(0, full, block_samples):
            seen = True
            yield whole[start : start + block_samples]
        pending, pending_samples = [whole[full:]], len(whole) - full
    if pending_samples:
        seen = True
        yield np.concatenate(pending)
    if not seen:
        raise AudioError("audio_empty", f"{_name(source)} holds no sound.", "Choose a file with sound in it.")


class Resampler:
    """Resamples a stream with little delay: any rate to any rate, chunks of any size, mixed down to mono.

    A windowed-sinc polyphase filter: flat to 0.85 of the narrower band, -70 dB stop band, and a delay of
    :attr:`delay_s` = 24 samples at the lower rate (1.5 ms at 16 kHz). soxr's streams hold sound back in blocks:
    12-38 ms for 48 -> 16 kHz, up to 118 ms for 8 -> 16 kHz at its default quality, which a live path cannot afford;
    files are resampled with soxr.

    Output sample k is the input at ``k / output_rate_hz``, whatever the chunk sizes: the delay is only in when it
    comes out. Equal rates pass through untouched and undelayed.
    """

    def __init__(self, input_rate_hz: int, output_rate_hz: int, channels: int = 1) -> None:
        """
        Raises:
            AudioError: ``audio_format``: a rate or a channel count out of range.
        """
        _check_rate(input_rate_hz)
        _check_rate(output_rate_hz)
        if channels not in (1, 2):
            raise AudioError("audio_format", f"{channels} channels.", "Send one or two channels.")
        self.input_rate_hz = input_rate_hz
        self.output_rate_hz = output_rate_hz
        self.channels = channels
        common = gcd(input_rate_hz, output_rate_hz)
        self._up = output_rate_hz // common
        self._down = input_rate_hz // common
        self._half = -(-_HALF_WIDTH * max(input_rate_hz, output_rate_hz) // output_rate_hz)
        self._bank = _filter_bank(self._up, self._down, self._half)
        self.clear()

    @property
    def delay_s(self) -> float:
        """How long sound is held back."""
        return 0.0 if self._up == self._down else self._half / self.input_rate_hz

    def clear(self) -> None:
        """Forget everything pushed: the next push begins a new stream."""
        self._history = np.zeros(self._half, np.float32)
        self._history_start = -self._half
        self._emitted = 0
        self._received = 0

    def push(self, pcm: NDArray[Any]) -> Samples:
        """What can be said of the output after these samples.

        Args:
            pcm: ``int16`` or ``float32``; ``[n]`` mono or interleaved, or ``[n, channels]``.
        """
        mono = mono_float(pcm, self.channels)
        if self._up == self._down:
            return mono
        self._received += len(mono)
        return self._emit(mono, (self._received - self._half) * self._up)

    def flush(self) -> Samples:
        """The rest of the stream, as if silence followed; afterwards a new one begins."""
        if self._up == self._down:
            return np.zeros(0, np.float32)
        tail = self._emit(np.zeros(self._half, np.float32), self._received * self._up)
        self.clear()
        return tail

    def _emit(self, mono: Samples, limit: int) -> Samples:
        """Append input and filter every output whose position (in input samples times ``up``) is below limit."""
        history = np.concatenate((self._history, mono))
        last = max(self._emitted, -(-limit // self._down))
        position = np.arange(self._emitted, last, dtype=np.int64) * self._down
        whole = position // self._up
        phase = (position - whole * self._up) * len(self._bank) // self._up
        first = whole - self._half + 1 - self._history_start
        taps = 2 * self._half
        if len(history) < taps:
            out = np.zeros(0, np.float32)
        else:
            windows = np.lib.stride_tricks.sliding_window_view(history, taps)
            out = np.einsum("nt,nt->n", windows[first], self._bank[phase], dtype=np.float32)
        self._emitted = last
        keep_from = last * self._down // self._up - self._half + 1
        drop = max(0, min(len(history), keep_from - self._history_start))
        self._history = history[drop:].copy()
        self._history_start += drop
        return out


def mono_float(pcm: NDArray[Any], channels: int = 1) -> Samples:
    """``int16`` or ``float32`` sound, interleaved or ``[n, channels]``, as mono ``float32 [n]``.

    Raises:
        AudioError: ``audio_format``: another type or shape.
    """
    if pcm.ndim > 2 or pcm.dtype not in (np.int16, np.float32):
        raise AudioError(
            "audio_format",
            f"Sound as {pcm.dtype} of shape {list(pcm.shape)}.",
            "Send int16 or float32, [n] or [n, channels].",
        )
    if pcm.ndim == 2:
        channels = pcm.shape[1]
    if pcm.size % channels:
        raise AudioError(
            "audio_format", f"{pcm.size} values do not divide into {channels} channels.", "Send whole samples."
        )
    return np.asarray(to_float(pcm).reshape(-1, channels).mean(axis=1), np.float32)


def to_float(pcm: NDArray[Any]) -> NDArray[np.float32]:
    """``int16`` scaled to -1..1; ``float32`` as it is."""
    if pcm.dtype == np.int16:
        return pcm.astype(np.float32) * np.float32(1 / 32768)
    return pcm.astype(np.float32, copy=False)


def to_int16(pcm: NDArray[np.float32]) -> NDArray[np.int16]:
    """``float32`` scaled to ``int16``, clipped; the inverse of :func:`to_float`."""
    scaled: NDArray[np.float32] = np.clip(np.rint(pcm * np.float32(32768)), -32768, 32767)
    return scaled.astype(np.int16)


def sample_of_frame(frame_index: int, sample_rate_hz: int, fps: int) -> int:
    """The sample at which video frame ``frame_index`` is due: exact, without drift."""
    return frame_index * sample_rate_hz // fps


def frames_before_sample(sample_index: int, sample_rate_hz: int, fps: int) -> int:
    """How many video frames are due before sample ``sample_index``; the inverse of :func:`sample_of_frame`."""
    return -(-sample_index * fps // sample_rate_hz)


@lru_cache(maxsize=32)
def _filter_bank(up: int, down: int, half: int) -> NDArray[np.float32]:
    """``float32 [phases, 2 half]``: the taps for each position between two input samples."""
    phases = min(up, _MAX_PHASES)
    bandwidth = _CUTOFF * float(min(Fraction(1), Fraction(up, down)))
    offset = np.arange(-half + 1, half + 1)[None, :] - np.arange(phases)[:, None] / phases
    window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1 - (offset / half) ** 2, 0, 1))) / np.i0(_KAISER_BETA)
    taps = bandwidth * np.sinc(bandwidth * offset) * window
    bank: NDArray[np.float32] = np.asarray(taps / taps.sum(axis=1, keepdims=True), np.float32)
    bank.flags.writeable = False
    return bank


def _decoded(source: Source) -> Iterator[tuple[Samples, int]]:
    """Pieces of a file as it is: mono samples and their rate."""
    try:
        stream = io.BytesIO(source) if isinstance(source, bytes) else open(source, "rb")  # noqa: SIM115
    except OSError as error:
        raise AudioError(
            "audio_missing", f"{_name(source)} cannot be opened: {error.strerror}.", "Check the path."
        ) from error
    with stream:
        if not stream.read(1):
            raise AudioError("audio_empty", f"{_name(source)} is empty.", "Choose a file with sound in it.")
        stream.seek(0)
        try:
            container = av.open(stream, "r", options={"format_whitelist": _DEMUXERS})
        except (av.FFmpegError, ValueError) as error:
            raise AudioError(
                "audio_unreadable", f"{_name(source)} is no sound file that can be read.", f"Send {READABLE}."
            ) from error
        with container:
            if not container.streams.audio:
                raise AudioError(
                    "audio_missing", f"{_name(source)} has no audio track.", f"Send {READABLE} with sound in it."
                )
            convert = FormatConverter(format="fltp")
            try:
                for packet in container.demux(container.streams.audio[0]):
                    for frame in packet.decode():
                        for plain in convert.resample(frame):
                            yield _mixed_down(plain), plain.sample_rate
            except (av.FFmpegError, ValueError):
                return  # what is damaged ends the sound; a file with nothing before it counts as empty


def _mixed_down(frame: av.AudioFrame) -> Samples:
    channels = frame.to_ndarray().astype(np.float32, copy=False)
    mono = np.asarray(channels.mean(axis=0), np.float32)
    np.nan_to_num(mono, copy=False, nan=0.0, posinf=1.0, neginf=-1.0)
    return mono


def _resampled(pieces: Iterator[tuple[Samples, int]], sample_rate_hz: int) -> Iterator[Samples]:
    resampler: soxr.ResampleStream | None = None
    for piece, rate_hz in pieces:
        if rate_hz == sample_rate_hz:
            yield piece
            continue
        if resampler is None:
            resampler = soxr.ResampleStream(rate_hz, sample_rate_hz, 1, "float32", "HQ")
        yield resampler.resample_chunk(piece)
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)


def _check_rate(rate_hz: int) -> None:
    low, high = _RATES_HZ
    if not low <= rate_hz <= high:
        raise AudioError("audio_format", f"A sample rate of {rate_hz} Hz.", f"Use {low} to {high} Hz.")


def _name(source: Source) -> str:
    return "The sound" if isinstance(source, bytes) else Path(source).name
