"""What real ways through the world do to speech: codecs, telephones, rooms. Each keeps time to the millisecond.

All take and give 16 kHz samples of the same number: what a codec delays is measured once, by cross-correlation of a
noise with what becomes of it, and taken back.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import av
import numpy as np
import soxr
from numpy.typing import NDArray
from scipy import signal

from training.corpus.shelf import SAMPLE_RATE_HZ

Wave: TypeAlias = NDArray[np.float32]
Channel: TypeAlias = Callable[[Wave], Wave]

_TELEPHONE_HZ: Final = (300.0, 3400.0)
_LONGEST_DELAY_S: Final = 0.2


@dataclass(frozen=True, slots=True)
class Codec:
    """A codec of FFmpeg within a container that it is used in."""

    encoder: str
    container: str
    rate_hz: int
    bits_per_s: int = 0
    options: tuple[tuple[str, str], ...] = ()


MP3_BITS_PER_S: Final = (24_000, 32_000, 48_000, 64_000, 96_000)
OPUS_BITS_PER_S: Final = (8_000, 12_000, 16_000, 24_000, 32_000)
AAC_BITS_PER_S: Final = (24_000, 32_000, 48_000)


def mp3(bits_per_s: int) -> Channel:
    """As audio books and lectures are handed on."""
    return lambda wave: _through(wave, Codec("libmp3lame", "mp3", SAMPLE_RATE_HZ, bits_per_s))


def opus(bits_per_s: int) -> Channel:
    """As calls and rooms of the web sound."""
    return lambda wave: _through(wave, Codec("libopus", "ogg", SAMPLE_RATE_HZ, bits_per_s, (("application", "voip"),)))


def aac(bits_per_s: int) -> Channel:
    """As videos sound."""
    return lambda wave: _through(wave, Codec("aac", "adts", SAMPLE_RATE_HZ, bits_per_s))


def telephone(wave: Wave) -> Wave:
    """A land line: 300 to 3400 Hz, mu-law at 8 kHz."""
    band = signal.butter(4, _TELEPHONE_HZ, "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    # Forward and backward: a filter without delay.
    limited = np.asarray(signal.sosfiltfilt(band, wave), np.float32)
    return _through(limited, Codec("pcm_mulaw", "wav", 8000))


def g722(wave: Wave) -> Wave:
    """A wideband telephone."""
    return _through(wave, Codec("g722", "g722", SAMPLE_RATE_HZ))


def adpcm(wave: Wave) -> Wave:
    """Four bits a sample at 8 kHz, as toys, games and answering machines sound."""
    return _through(wave, Codec("adpcm_ima_wav", "wav", 8000))


def room(reverberation_s: float, distance: float, seed: int) -> Channel:
    """A room: an early part of single echoes and a tail of noise that dies away by 60 dB in ``reverberation_s``.

    The sound that comes straight is first and stays where it was. ``distance`` weighs the room against it (0.1 near
    the microphone, 1 across the table).
    """
    rng = np.random.default_rng(seed)
    count = int(reverberation_s * SAMPLE_RATE_HZ)
    time_s = np.arange(count) / SAMPLE_RATE_HZ
    tail = rng.standard_normal(count) * np.exp(-6.9 * time_s / reverberation_s)
    # Walls take the high tones first.
    tail = signal.lfilter([0.45], [1.0, -0.55], tail)
    first = int(rng.uniform(0.002, 0.008) * SAMPLE_RATE_HZ)
    tail[:first] = 0.0
    for _ in range(6):
        tail[rng.integers(first, min(count, first + int(0.03 * SAMPLE_RATE_HZ)))] += rng.choice((-1, 1)) * rng.uniform(
            1, 4
        )
    response = distance * tail / np.sqrt((tail**2).sum())
    response[0] += 1.0

    def sounded(wave: Wave) -> Wave:
        return np.asarray(signal.fftconvolve(wave, response)[: len(wave)], np.float32)

    return sounded


def small_speaker(seed: int) -> Channel:
    """A microphone or loudspeaker of its own colour: some resonances, no bass."""
    rng = np.random.default_rng(seed)
    edge_hz = np.array([0.0, rng.uniform(60, 250), 500, 1000, 2000, 4000, rng.uniform(5500, 7500), 8000])
    gain = 10 ** (np.concatenate(([-30.0], rng.uniform(-5, 5, 6), [rng.uniform(-25, 0)])) / 20)
    kernel = signal.firwin2(255, edge_hz, gain, fs=SAMPLE_RATE_HZ)
    # Its middle is its time nought.
    return lambda wave: np.asarray(signal.fftconvolve(wave, kernel, mode="same"), np.float32)


def random_channel(rng: random.Random) -> tuple[str, Channel]:
    """One of them or two in a row (a room, then a codec), and its name."""
    links: list[tuple[str, Channel]] = []
    if rng.random() < 0.4:
        reverberation_s, distance, seed = rng.uniform(0.12, 0.8), rng.uniform(0.15, 1.0), rng.randrange(2**31)
        links.append(("room", room(reverberation_s, distance, seed)))
    if rng.random() < 0.3:
        links.append(("speaker", small_speaker(rng.randrange(2**31))))
    kind = rng.choices(("mp3", "opus", "aac", "telephone", "g722", "adpcm"), (5, 5, 2, 3, 1, 1))[0]
    bits = {"mp3": MP3_BITS_PER_S, "opus": OPUS_BITS_PER_S, "aac": AAC_BITS_PER_S}
    makers = {"mp3": mp3, "opus": opus, "aac": aac}
    if kind in makers:
        bits_per_s = rng.choice(bits[kind])
        links.append((f"{kind} {bits_per_s // 1000}", makers[kind](bits_per_s)))
    else:
        links.append((kind, {"telephone": telephone, "g722": g722, "adpcm": adpcm}[kind]))

    def through(wave: Wave) -> Wave:
        for _, link in links:
            wave = link(wave)
        return wave

    return ", ".join(name for name, _ in links), through


def delay_samples(sent: Wave, received: Wave) -> int:
    """By how much ``received`` is later, from the peak of their cross-correlation; negative where it is earlier."""
    reach = int(_LONGEST_DELAY_S * SAMPLE_RATE_HZ)
    count = min(len(sent), len(received))
    likeness = signal.correlate(received[:count], sent[:count], method="fft")
    middle = count - 1
    near = likeness[middle - reach : middle + reach + 1]
    return int(np.argmax(near)) - reach


def _through(wave: Wave, codec: Codec) -> Wave:
    received = _coded(wave, codec)
    delay = _delay_of(codec)
    kept = received[delay:] if delay >= 0 else np.concatenate((np.zeros(-delay, np.float32), received))
    return np.pad(kept, (0, max(0, len(wave) - len(kept))))[: len(wave)].astype(np.float32)


@lru_cache(maxsize=64)
def _delay_of(codec: Codec) -> int:
    rng = np.random.default_rng(7)
    band = signal.butter(2, (300, 3000), "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    bursts = rng.standard_normal(2 * SAMPLE_RATE_HZ) * (np.sin(np.arange(2 * SAMPLE_RATE_HZ) / 900) > 0)
    noise = np.asarray(0.2 * signal.sosfilt(band, bursts), np.float32)
    return delay_samples(noise, _coded(noise, codec))


def _coded(wave: Wave, codec: Codec) -> Wave:
    """Encoded and decoded, as late as the codec makes it."""
    rate_hz = codec.rate_hz
    at_rate = soxr.resample(wave, SAMPLE_RATE_HZ, rate_hz) if rate_hz != SAMPLE_RATE_HZ else wave
    pcm = np.clip(np.rint(at_rate * 32767), -32767, 32767).astype(np.int16)
    file = io.BytesIO()
    with av.open(file, "w", format=codec.container) as container:
        stream = container.add_stream(codec.encoder, rate=rate_hz, options=dict(codec.options))
        stream.layout = "mono"
        if codec.bits_per_s:
            stream.bit_rate = codec.bits_per_s
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = rate_hz
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    file.seek(0)
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE_HZ)
    blocks: list[NDArray[np.int16]] = []
    with av.open(file, format=codec.container if codec.container != "adts" else "aac") as container:
        for decoded in container.decode(audio=0):
            decoded.pts = None
            blocks += [block.to_ndarray()[0] for block in resampler.resample(decoded)]
    blocks += [block.to_ndarray()[0] for block in resampler.resample(None)]
    return np.concatenate(blocks).astype(np.float32) / np.float32(32767)
