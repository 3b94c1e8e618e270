"""Watches one visit to a room: moves the picture on its ladder, reports how things are, and tells the room."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

import numpy as np
from livekit import rtc
from livekit.rtc.participant import PublishDataError

from visavis.performer import Performer
from visavis.room.connection import RUNG_ATTRIBUTE, RUNG_REASON_ATTRIBUTE
from visavis.room.events import RungChanged, SessionEvent, Stats
from visavis.room.ladder import Ladder, Signals
from visavis.room.listener import Listener
from visavis.room.publisher import Publisher
from visavis.room.traffic import Traffic, TrafficMeter

logger = logging.getLogger(__name__)

STATS_TOPIC: Final = "visavis.stats"
"""Of the data message that tells whoever watches how the avatar is, once a second: the JSON of :class:`Stats`."""
UNWATCHED: Final = "unwatched"
_LABEL_TIMEOUT_S: Final = 3.0
_GLANCE_S: Final = 0.25
_IDLE_GLANCE_S: Final = 0.75
"""While nothing is said or no picture sent, nothing needs a quick answer."""
_REPORT_S: Final = 1.0
_LATENCY_WINDOW_S: Final = 60.0


class Monitor:
    """One per session; :meth:`run` once for each visit."""

    def __init__(
        self,
        publisher: Publisher,
        performer: Performer,
        listener: Listener,
        ladder: Ladder,
        report: Callable[[SessionEvent], None],
    ) -> None:
        self._publisher = publisher
        self._performer = performer
        self._listener = listener
        self._ladder = ladder
        self._report = report
        self._changed = asyncio.Event()
        self._samples: list[Traffic] = []
        self.segments_played = 0
        self.segments_interrupted = 0

    async def run(self, room: rtc.Room) -> None:
        """Watch until cancelled."""
        self._ladder.reset_network()
        self._apply()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._adapt(room), name="adapt the picture")
            tasks.create_task(self._report_on(room), name="report")
            tasks.create_task(self._label(room), name="label the participant")

    async def _adapt(self, room: rtc.Room) -> None:
        meter = TrafficMeter()
        while True:
            quick = self._publisher.speaking and self._publisher.watched and self._ladder.rung.has_picture
            await asyncio.sleep(_GLANCE_S if quick else _IDLE_GLANCE_S)
            traffic = await meter.sample(room)
            if traffic is None:
                continue
            self._samples.append(traffic)
            signals = Signals(
                available_bps=traffic.available_bps if self._publisher.watched else None,
                packet_loss=max(traffic.packet_loss, traffic.resent),
                round_trip_ms=traffic.round_trip_ms,
                strain=self._publisher.strain,
            )
            now_s = time.monotonic()
            if self._ladder.step(signals, now_s):
                self._apply()
            if now_s < self._ladder.brake_until_s:
                self._publisher.brake(self._ladder.brake_until_s)

    def _apply(self) -> None:
        rung, reason = self._ladder.rung, self._ladder.reason
        self._publisher.climb_to(rung)
        self._report(RungChanged(str(rung), reason))
        self._changed.set()
        logger.info("the picture's rung", extra={"rung": str(rung), "reason": reason})

    async def _report_on(self, room: rtc.Room) -> None:
        frames, last_s = self._publisher.frames_sent, time.monotonic()
        while True:
            await asyncio.sleep(_REPORT_S)
            now_s, frames_now = time.monotonic(), self._publisher.frames_sent
            stats = self._stats((frames_now - frames) / (now_s - last_s))
            frames, last_s = frames_now, now_s
            self._report(stats)
            if self._publisher.watched:
                await _send(room, stats)

    async def _label(self, room: rtc.Room) -> None:
        """Attributes of the participant tell clients what they are shown, and why not more."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if not room.local_participant.permissions.can_update_metadata:
                continue
            rung, reason = self._ladder.rung, self._ladder.reason
            try:
                async with asyncio.timeout(_LABEL_TIMEOUT_S):
                    await room.local_participant.set_attributes(
                        {RUNG_ATTRIBUTE: str(rung), RUNG_REASON_ATTRIBUTE: reason}
                    )
            except Exception as error:  # the SDK raises bare exceptions here
                logger.info("the rung could not be told", extra={"error": type(error).__name__})

    def _stats(self, fps: float) -> Stats:
        publisher, counted = self._publisher, self._performer.stats
        samples, self._samples = self._samples, []
        newest = samples[-1] if samples else Traffic()
        p50_ms, p95_ms = self._latencies_ms()
        return Stats(
            fps=round(fps, 1),
            bitrate_bps=round(float(np.mean([sample.sent_bps for sample in samples]))) if samples else 0,
            available_bps=newest.available_bps,
            packet_loss=round(float(np.mean([sample.packet_loss for sample in samples])), 4) if samples else 0.0,
            round_trip_ms=newest.round_trip_ms,
            latency_ms=round(publisher.latency_s * 1000, 1),
            latency_p50_ms=p50_ms,
            latency_p95_ms=p95_ms,
            rung=str(self._ladder.rung),
            rung_reason=self._ladder.reason or ("" if publisher.watched else UNWATCHED),
            strain=round(publisher.strain, 3),
            frames_rendered=counted.rendered,
            frames_repeated=counted.repeated,
            ticks_late=publisher.ticks_late,
            audio_queue_ms=round(publisher.audio_queue_s * 1000, 1),
            segments_played=self.segments_played,
            segments_interrupted=self.segments_interrupted,
            speaking=publisher.speaking,
            listening_to=self._listener.speaker,
        )

    def _latencies_ms(self) -> tuple[float | None, float | None]:
        since_s = time.monotonic() - _LATENCY_WINDOW_S
        recent_s = [latency_s for at_s, latency_s in self._publisher.latencies if at_s > since_s]
        if not recent_s:
            return None, None
        p50_ms, p95_ms = np.percentile(recent_s, [50, 95]) * 1000
        return round(float(p50_ms), 1), round(float(p95_ms), 1)


async def _send(room: rtc.Room, stats: Stats) -> None:
    try:
        async with asyncio.timeout(_REPORT_S):
            await room.local_participant.publish_data(json.dumps(asdict(stats)), reliable=False, topic=STATS_TOPIC)
    except (PublishDataError, TimeoutError):
        logger.debug("a report did not go out")
