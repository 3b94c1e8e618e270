"""The driver ``microphone``: whose voice moves the lips, and how it gets to the performer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from visavis.room.connection import is_machine

logger = logging.getLogger(__name__)

LISTEN_RATE_HZ: Final = 48_000
VOICE_RMS: Final = 10 ** (-45 / 20) * 32768
"""A microphone louder than -45 dBFS speaks; quieter is a room."""
HANDOVER_S: Final = 0.4
"""Somebody else is heard once the current speaker has been quiet for so long."""
_FRAME_MS: Final = 10
_CAPACITY: Final = 50

Sink = Callable[[NDArray[np.int16], int], None]


@dataclass(slots=True)
class _Heard:
    """One subscribed microphone."""

    identity: str
    stream: rtc.AudioStream
    task: asyncio.Task[None]


class Listener:
    """Subscribes to microphones and passes on one voice at a time.

    Args:
        listen_to: the only identity to hear; whoever speaks, machines excepted, where None.
        sink: takes ``int16 [n]`` mono and its rate.
    """

    def __init__(self, listen_to: str | None, sink: Sink) -> None:
        self._listen_to = listen_to
        self._sink = sink
        self._heard: dict[str, _Heard] = {}
        self._speaker: str | None = None
        self._spoke_s = float("-inf")

    @property
    def speaker(self) -> str | None:
        """Identity of whoever was heard last."""
        return self._speaker

    def attach(self, room: rtc.Room) -> None:
        """Hear a room that was just entered: the microphones that are there, and those that come."""
        room.on("track_published", self._on_published)
        room.on("track_subscribed", self._on_subscribed)
        room.on("track_unsubscribed", self._on_unsubscribed)
        for participant in room.remote_participants.values():
            for publication in participant.track_publications.values():
                self._on_published(publication, participant)

    async def aclose(self) -> None:
        """Stop hearing."""
        heard = list(self._heard.values())
        self._heard.clear()
        for item in heard:
            item.task.cancel()
        for item in heard:
            await asyncio.gather(item.task, return_exceptions=True)
            await item.stream.aclose()

    def _on_published(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if publication.kind == rtc.TrackKind.KIND_AUDIO and self._wants(participant):
            publication.set_subscribed(True)

    def _wants(self, participant: rtc.RemoteParticipant) -> bool:
        if self._listen_to is not None:
            return bool(participant.identity == self._listen_to)
        return not is_machine(participant)

    def _on_subscribed(
        self, track: rtc.Track, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant
    ) -> None:
        if track.kind != rtc.TrackKind.KIND_AUDIO or not self._wants(participant):
            return  # others are subscribed to for the server's word on who speaks
        stream = rtc.AudioStream.from_track(
            track=track, capacity=_CAPACITY, sample_rate=LISTEN_RATE_HZ, num_channels=1, frame_size_ms=_FRAME_MS
        )
        task = asyncio.create_task(self._hear(stream, participant.identity), name=f"hear {participant.identity}")
        self._heard[publication.sid] = _Heard(participant.identity, stream, task)

    def _on_unsubscribed(self, _: rtc.Track, publication: rtc.RemoteTrackPublication, *__: Any) -> None:
        item = self._heard.pop(publication.sid, None)
        if item is not None:
            item.task.cancel()
            if self._speaker == item.identity:
                self._speaker = None

    async def _hear(self, stream: rtc.AudioStream, identity: str) -> None:
        try:
            async for event in stream:
                pcm = np.frombuffer(event.frame.data, np.int16)
                if self._has_the_floor(identity, pcm):
                    self._sink(pcm, LISTEN_RATE_HZ)
        finally:
            await stream.aclose()

    def _has_the_floor(self, identity: str, pcm: NDArray[np.int16]) -> bool:
        now_s = time.monotonic()
        loud = float(np.dot(pcm.astype(np.float32), pcm)) > len(pcm) * VOICE_RMS**2
        if identity == self._speaker or self._speaker is None:
            self._speaker = identity
            if loud:
                self._spoke_s = now_s
            return True
        if loud and now_s - self._spoke_s > HANDOVER_S:
            logger.info("another participant speaks")
            self._speaker, self._spoke_s = identity, now_s
            return True
        return False
