"""What the transport says about itself."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Final

from livekit import rtc

_FEWEST_PACKETS: Final = 4
"""Fewer are no share of anything."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Since the last sample."""

    sent_bps: float = 0.0
    available_bps: float | None = None
    """What the congestion control would let the picture have."""
    packet_loss: float = 0.0
    """Share of the packets that the server missed, 0 to 1, as it reports about once a second."""
    resent: float = 0.0
    """Share of the packets that were asked for again: the same, known sooner, of the picture alone."""
    round_trip_ms: float | None = None


class TrafficMeter:
    """Turns the SDK's counters of one visit to a room into rates."""

    def __init__(self) -> None:
        self._bytes = 0
        self._packets = 0
        self._lost = 0
        self._resent = 0
        self._at_s = time.monotonic()

    async def sample(self, room: rtc.Room) -> Traffic | None:
        """What happened since the last call; None where the SDK does not say."""
        if not room.isconnected():
            return None
        try:
            async with asyncio.timeout(1.0):
                stats = await room.get_rtc_stats()
        except (RuntimeError, TimeoutError):
            return None
        sent_bytes = sent_packets = lost_packets = resent_packets = 0
        available_bps: float | None = None
        round_trip_ms: float | None = None
        for report in stats.publisher_stats:
            kind = report.WhichOneof("stats")
            if kind == "outbound_rtp":
                sent_bytes += report.outbound_rtp.sent.bytes_sent
                sent_packets += report.outbound_rtp.sent.packets_sent
                resent_packets += report.outbound_rtp.outbound.retransmitted_packets_sent
            elif kind == "remote_inbound_rtp":
                lost_packets += report.remote_inbound_rtp.received.packets_lost
            elif kind == "candidate_pair" and report.candidate_pair.candidate_pair.nominated:
                pair = report.candidate_pair.candidate_pair
                round_trip_ms = round(pair.current_round_trip_time * 1000, 1)
                available_bps = round(pair.available_outgoing_bitrate) or None
        now_s = time.monotonic()
        elapsed_s = max(now_s - self._at_s, 1e-3)
        new_bytes, new_packets = sent_bytes - self._bytes, sent_packets - self._packets
        new_lost, new_resent = lost_packets - self._lost, resent_packets - self._resent
        first = not self._bytes
        self._bytes, self._packets, self._at_s = sent_bytes, sent_packets, now_s
        self._lost, self._resent = lost_packets, resent_packets
        return Traffic(
            sent_bps=0.0 if first else round(max(0, new_bytes) * 8 / elapsed_s),
            available_bps=available_bps,
            packet_loss=0.0 if first else _share(new_lost, new_packets),
            resent=0.0 if first else _share(new_resent, new_packets),
            round_trip_ms=round_trip_ms,
        )


def _share(part: int, whole: int) -> float:
    return round(min(part / whole, 1.0), 4) if whole > 0 and part >= _FEWEST_PACKETS else 0.0


async def is_picture_wanted(room: rtc.Room) -> bool | None:
    """Whether the server wants the picture at present; None where that cannot be told.

    It stops the encoder a while after the last one has unsubscribed.
    """
    if not room.isconnected():
        return None
    try:
        async with asyncio.timeout(1.0):
            stats = await room.get_rtc_stats()
    except (RuntimeError, TimeoutError):
        return None
    pictures = [
        report.outbound_rtp.outbound.active
        for report in stats.publisher_stats
        if report.WhichOneof("stats") == "outbound_rtp" and report.outbound_rtp.stream.kind == "video"
    ]
    return any(pictures) if pictures else None
