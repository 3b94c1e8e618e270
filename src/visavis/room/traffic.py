"""What the transport says about itself."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from livekit import rtc


@dataclass(frozen=True, slots=True)
class Traffic:
    """Since the last sample."""

    sent_bps: float
    round_trip_ms: float | None


class TrafficMeter:
    """Turns the SDK's counters into rates."""

    def __init__(self) -> None:
        self._bytes = 0
        self._at_s = time.monotonic()

    async def sample(self, room: rtc.Room) -> Traffic:
        """What was sent since the last call; zero while not connected."""
        if not room.isconnected():
            return Traffic(0.0, None)
        try:
            async with asyncio.timeout(1.0):
                stats = await room.get_rtc_stats()
        except (RuntimeError, TimeoutError):
            return Traffic(0.0, None)
        sent = 0
        round_trip_ms: float | None = None
        for report in stats.publisher_stats:
            kind = report.WhichOneof("stats")
            if kind == "outbound_rtp":
                sent += report.outbound_rtp.sent.bytes_sent
            elif kind == "candidate_pair" and report.candidate_pair.candidate_pair.nominated:
                round_trip_ms = report.candidate_pair.candidate_pair.current_round_trip_time * 1000
        now_s = time.monotonic()
        elapsed_s = max(now_s - self._at_s, 1e-3)
        rate = max(0, sent - self._bytes) * 8 / elapsed_s if self._bytes else 0.0
        self._bytes, self._at_s = sent, now_s
        return Traffic(round(rate), None if round_trip_ms is None else round(round_trip_ms, 1))


async def is_picture_wanted(room: rtc.Room) -> bool:
    """Whether the server wants the picture at present: it stops the encoder a while after the last viewer has left."""
    if not room.isconnected():
        return False
    try:
        async with asyncio.timeout(1.0):
            stats = await room.get_rtc_stats()
    except (RuntimeError, TimeoutError):
        return False
    return any(
        report.outbound_rtp.outbound.active
        for report in stats.publisher_stats
        if report.WhichOneof("stats") == "outbound_rtp" and report.outbound_rtp.stream.kind == "video"
    )
