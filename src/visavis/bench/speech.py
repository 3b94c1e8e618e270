"""What does it cost to hear 40 ms of speech and shape a mouth by it?

One live stream at 16 kHz, pushed in chunks of 40 ms as a room delivers them, on one thread. Wall time per chunk,
since nothing in it waits.
"""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from visavis.media import Resampler
from visavis.speech import LOOK_AHEADS_MS, SPEECH_RATE_HZ, MouthStream

CHUNK_MS = 40
CHUNKS = 1500
ROOM_RATE_HZ = 48_000


def measure() -> dict[str, float]:
    """Microseconds per 40 ms: median and 99th percentile."""
    sound = _speech_like(CHUNKS * CHUNK_MS / 1000)
    chunk_samples = SPEECH_RATE_HZ * CHUNK_MS // 1000
    figures: dict[str, float] = {}
    for look_ahead_ms in LOOK_AHEADS_MS:
        stream = MouthStream(look_ahead_ms)
        stream.push(sound[:SPEECH_RATE_HZ])
        spent_us = []
        for start in range(0, len(sound), chunk_samples):
            begun_s = time.perf_counter()
            stream.push(sound[start : start + chunk_samples])
            spent_us.append((time.perf_counter() - begun_s) * 1e6)
        figures[f"mouth_stream_{look_ahead_ms}_us_median"] = round(float(np.median(spent_us)), 1)
        figures[f"mouth_stream_{look_ahead_ms}_us_p99"] = round(float(np.percentile(spent_us, 99)), 1)
    resampler = Resampler(ROOM_RATE_HZ, SPEECH_RATE_HZ)
    room_chunk = np.zeros(ROOM_RATE_HZ * CHUNK_MS // 1000, np.int16)
    spent_us = []
    for _ in range(CHUNKS):
        begun_s = time.perf_counter()
        resampler.push(room_chunk)
        spent_us.append((time.perf_counter() - begun_s) * 1e6)
    figures["resample_48k_16k_us_median"] = round(float(np.median(spent_us)), 1)
    figures["resample_48k_16k_us_p99"] = round(float(np.percentile(spent_us, 99)), 1)
    return figures


def _speech_like(duration_s: float) -> NDArray[np.float32]:
    """Buzzes and hisses in syllables of 4 Hz: the cost does not depend on what is said."""
    t = np.arange(round(duration_s * SPEECH_RATE_HZ)) / SPEECH_RATE_HZ
    buzz = np.sign(np.sin(2 * np.pi * 120 * t)) * 0.1
    hiss = np.random.default_rng(0).normal(0, 0.03, len(t))
    return (np.maximum(0, np.sin(2 * np.pi * 4 * t)) * buzz + hiss * (np.sin(2 * np.pi * t) > 0.8)).astype(np.float32)
