"""One agent, driven and shown through one connection: the clock, and what is said in both directions."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from visavis.acting import Act, Direction
from visavis.errors import VisavisError
from visavis.media import sample_of_frame
from visavis.performer import Performer, Phone, Tick
from visavis.stream.backlog import Backlog
from visavis.stream.config import StreamConfig
from visavis.stream.intake import Intake, Segment
from visavis.stream.pictures import open_encoder
from visavis.stream.playout import Playout
from visavis.stream.wire import Flag, Header, Kind, pack, unpack_sound

logger = logging.getLogger(__name__)

SLOW_PICTURE_BYTES: Final = 64 << 10
"""While so much waits for a client that reads slowly, no picture is drawn for it."""
SLOW_SOUND_S: Final = 10.0
"""Sound is never left out: a client that is so far behind with it is given up."""
_STILL_TICKS: Final = 5
"""A face that hardly moves is drawn so often all the same."""
_RESYNC_S: Final = 1.0
"""Later than this (a suspended machine) the schedule starts anew instead of catching up."""
_STATS_INTERVAL_S: Final = 1.0
_STRAIN_MEMORY: Final = 0.98
"""The share of ticks without time to draw is watched over some fifty ticks."""


class Outlet(Protocol):
    """Where messages to the client go; they arrive in order."""

    def send_bytes(self, message: bytes) -> None:
        """A binary message."""
        ...

    def send_json(self, message: dict[str, Any]) -> None:
        """A text message."""
        ...

    @property
    def unsent_bytes(self) -> int:
        """What waits because the client reads slowly."""
        ...


@dataclass(slots=True)
class _Counters:
    pictures_sent: int = 0
    pictures_left_out: int = 0
    ticks_late: int = 0
    strain: float = 0.0
    """Share of late ticks without time to draw."""
    pcm_dropped: int = 0
    segments_played: int = 0
    segments_interrupted: int = 0
    bytes_sent: int = 0
    latency_ms: float | None = None


class StreamSession:
    """Plays what a client sends, and sends what is played, in real time.

    :meth:`run` keeps the clock until cancelled; the other methods are called from the same event loop.
    """

    def __init__(self, config: StreamConfig, performer: Performer, outlet: Outlet) -> None:
        self._config = config
        self._performer = performer
        self._outlet = outlet
        self._encoder = open_encoder(config.picture, config.output_rate_hz)
        self._intake = Intake(performer)
        self._speeches: deque[Segment] = deque()
        """Segments that are made of texts and not complete; their sound comes in their order."""
        self._playout = Playout(config.output_rate_hz, performer.fps)
        self._ending: tuple[Segment, float] | None = None
        """A segment whose last sound is being played, and its length in seconds."""
        self._backlog = Backlog()
        self._pts = 0
        self._count = _Counters()
        self._reported = _Counters()
        self._reported_s = self._active_s = time.monotonic()

    async def run(self) -> None:
        """Send tick after tick until cancelled.

        Raises:
            VisavisError: ``idle_timeout``, ``reader_too_slow``.
        """
        self._outlet.send_json(self._ready())
        tick_s = 1 / self._performer.fps
        due_s = self._reported_s = self._active_s = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            late_s = time.monotonic() - due_s
            if late_s > _RESYNC_S:
                due_s, late_s = time.monotonic(), 0.0
            self._tick(late_s < tick_s / 2)
            due_s += tick_s
            self._report()
            self._check_client()

    def on_sound(self, message: bytes) -> None:
        """A binary message of the client.

        Raises:
            VisavisError: what :func:`~visavis.stream.wire.unpack_sound` and :class:`~visavis.stream.intake.Intake`
                refuse; ``generation_unknown``.
        """
        config = self._config
        header, pcm = unpack_sound(message, channels=config.channels)
        self._active_s = time.monotonic()
        if header.generation > self._performer.generation:
            raise VisavisError(
                "generation_unknown",
                f"Sound of generation {header.generation}, and the stream is at {self._performer.generation}.",
                "Each interrupt raises it by one, and nothing else does.",
            )
        if header.generation < self._performer.generation:
            self._count.pcm_dropped += 1
            return
        if config.driver == "live":
            sound = np.frombuffer(pcm, np.int16)
            self._performer.push_live_audio(
                sound.reshape(-1, config.channels) if config.channels > 1 else sound, config.sample_rate_hz
            )
            return
        segment = self._intake.open(header.segment, config.sample_rate_hz, config.channels)
        self._intake.push(segment, pcm)
        if header.flags & Flag.END:
            self._intake.close_open()

    def on_end_segment(self) -> None:
        """The client's open segment is complete; without one, nothing happens."""
        self._active_s = time.monotonic()
        self._intake.close_open()

    def on_key_frame(self) -> None:
        """The next picture must need no earlier one."""
        self._active_s = time.monotonic()
        self._encoder.request_key()

    def on_received(self, pts: int) -> None:
        """The client has everything up to there. That it still reads does not keep an idle stream open."""
        self._backlog.note_received(min(pts, self._pts))

    def on_interrupt(self, played_pts: int | None = None) -> None:
        """Silence now. ``played_pts`` is what the client had played, where it buffers; else what had left."""
        self._active_s = time.monotonic()
        now_pts = self._playout.now_pts
        heard_pts = now_pts if played_pts is None else min(played_pts, now_pts)
        generation = self._performer.generation
        self._performer.interrupt()
        self._speeches.clear()
        self._ending = None
        self._outlet.send_json({"type": "interrupted", "generation": self._performer.generation})
        for segment in self._intake.clear():
            position_s = self._playout.position_s(segment.number, heard_pts)
            self._count.segments_interrupted += 1
            self._send_finished(segment, generation, position_s, interrupted=True)

    def begin_speech(self, number: int) -> None:
        """A text is going to be said, after what is queued; ``number`` 0 takes the segment's next.

        Raises:
            VisavisError: ``segment_closed``, ``queue_full``.
        """
        self._active_s = time.monotonic()
        self._intake.close_open()
        segment = self._intake.begin(number, self._config.sample_rate_hz, 1)
        self._speeches.append(segment)
        self._outlet.send_json(
            {"type": "speak_accepted", "segment": segment.number, "generation": self._performer.generation}
        )

    def push_speech(self, pcm: NDArray[np.int16], sample_rate_hz: int, phones: Sequence[Phone] | None = None) -> None:
        """Sound of the first text that is not complete, and its phones where they are known.

        Raises:
            VisavisError: ``queue_full``.
        """
        if self._speeches:
            segment = self._speeches[0]
            if not segment.pcm:
                segment.sample_rate_hz = sample_rate_hz
            self._intake.push(segment, pcm.tobytes(), phones)

    def cue_speech(self, act: Act) -> None:
        """Something to do when what came of that text so far has been played.

        Raises:
            VisavisError: ``queue_full``.
        """
        if self._speeches:
            self._intake.cue(self._speeches[0], act)

    def on_act(self, act: Act, *, queued: bool) -> None:
        """Show an emotion, or make a gesture: now, or when the sound that the client has sent was played.

        Raises:
            VisavisError: ``queue_full``.
        """
        self._active_s = time.monotonic()
        if queued and self._intake.open_segment is not None:
            self._intake.cue(self._intake.open_segment, act)
        else:
            self._performer.act(act)

    def on_face(self, direction: Direction) -> None:
        """Move the face, or part of it, from outside."""
        self._active_s = time.monotonic()
        self._performer.drive(direction.controls, time_s=direction.time_s, hold_s=direction.hold_s)

    def on_listening(self, listening: bool) -> None:
        """Somebody speaks to the face, or has ended."""
        self._active_s = time.monotonic()
        self._performer.listening = listening

    def end_speech(self) -> None:
        """That text is complete."""
        if self._speeches:
            self._speeches.popleft().complete = True

    def _tick(self, in_time: bool) -> None:
        self._intake.feed()
        tick = self._performer.next_tick(render=False)
        pts = sample_of_frame(tick.index, self._config.output_rate_hz, self._performer.fps)
        self._finish_ended()
        self._pts = pts
        self._playout.note_tick(pts, len(tick.audio))
        segment = self._intake.of_performer(tick.segment_id) if tick.segment_id is not None else None
        if segment is not None:
            self._note_segment(segment, tick, pts)
        self._send_sound(segment, tick, pts)
        self._count.ticks_late += not in_time
        self._count.strain = _STRAIN_MEMORY * self._count.strain + (1 - _STRAIN_MEMORY) * (not in_time)
        if self._outlet.unsent_bytes > SLOW_PICTURE_BYTES or self._backlog.is_full:
            self._count.pictures_left_out += 1
        elif in_time and self._is_picture_due(tick):
            self._send_picture(segment, tick, pts)

    @property
    def _behind_ms(self) -> float | None:
        """What was sent and has not been received, as far as the client says so."""
        samples = self._backlog.behind_samples(self._pts)
        return None if samples is None else round(samples / self._config.output_rate_hz * 1000)

    def _is_picture_due(self, tick: Tick) -> bool:
        """A face that hardly moves is drawn less often: its last picture shows it still."""
        return (
            tick.speaking
            or tick.index % _STILL_TICKS == 0
            or self._encoder.is_key_wanted
            or self._performer.has_changed
        )

    def _note_segment(self, segment: Segment, tick: Tick, pts: int) -> None:
        self._active_s = time.monotonic()
        if tick.segment_samples:
            position_samples = round(tick.segment_position_s * self._config.output_rate_hz)
            self._playout.note_sound(segment.number, position_samples, tick.segment_samples)
        if tick.segment_started:
            if segment.first_sound_s:
                self._count.latency_ms = round((time.monotonic() - segment.first_sound_s) * 1000, 1)
            self._outlet.send_json(
                {
                    "type": "playback_started",
                    "segment": segment.number,
                    "generation": tick.generation,
                    "pts": pts,
                }
            )
        if tick.segment_ended:
            self._ending = segment, tick.segment_position_s

    def _finish_ended(self) -> None:
        """Answer the segment whose last sound was in the tick before: it has been played by now."""
        if self._ending is not None:
            (segment, position_s), self._ending = self._ending, None
            self._intake.answered(segment)
            self._count.segments_played += 1
            self._send_finished(segment, self._performer.generation, position_s, interrupted=False)

    def _send_finished(self, segment: Segment, generation: int, position_s: float, *, interrupted: bool) -> None:
        self._outlet.send_json(
            {
                "type": "playback_finished",
                "segment": segment.number,
                "generation": generation,
                "playback_position": round(position_s, 6),
                "interrupted": interrupted,
            }
        )

    def _send_sound(self, segment: Segment | None, tick: Tick, pts: int) -> None:
        flags = Flag(0)
        if tick.segment_started:
            flags |= Flag.START
        if tick.segment_ended:
            flags |= Flag.END
        self._send(Kind.SOUND, flags, segment, tick, pts, tick.audio.tobytes())

    def _send_picture(self, segment: Segment | None, tick: Tick, pts: int) -> None:
        picture = self._encoder.encode(self._performer.draw(), pts)
        if picture is None:
            self._count.pictures_left_out += 1
            return
        self._send(Kind.PICTURE, Flag.KEY if picture.is_key else Flag(0), segment, tick, pts, picture.data)
        self._count.pictures_sent += 1

    def _send(self, kind: Kind, flags: Flag, segment: Segment | None, tick: Tick, pts: int, payload: bytes) -> None:
        number = segment.number if segment is not None else 0
        message = pack(Header(kind, flags, tick.generation, number, len(tick.audio), pts), payload)
        self._outlet.send_bytes(message)
        self._count.bytes_sent += len(message)
        self._backlog.note_sent(pts, len(message))

    def _ready(self) -> dict[str, Any]:
        config, picture = self._config, self._config.picture
        return {
            "type": "ready",
            "stream_id": config.stream_id,
            "agent_id": config.agent_id,
            "driver": config.driver,
            "sample_rate": config.sample_rate_hz,
            "channels": config.channels,
            "output_sample_rate": config.output_rate_hz,
            "video": {
                "format": picture.format,
                "width": picture.width_px,
                "height": picture.height_px,
                "fps": picture.fps,
            },
        }

    def _report(self) -> None:
        now_s = time.monotonic()
        elapsed_s = now_s - self._reported_s
        if elapsed_s < _STATS_INTERVAL_S:
            return
        count, before = self._count, self._reported
        self._outlet.send_json(
            {
                "type": "stats",
                "generation": self._performer.generation,
                "fps": round((count.pictures_sent - before.pictures_sent) / elapsed_s, 1),
                "bitrate_bps": round((count.bytes_sent - before.bytes_sent) * 8 / elapsed_s),
                "pictures_sent": count.pictures_sent,
                "pictures_left_out": count.pictures_left_out,
                "ticks_late": count.ticks_late,
                "strain": round(count.strain, 3),
                "queued_ms": round(self._intake.queued_s * 1000, 1),
                "latency_ms": count.latency_ms,
                "behind_ms": self._behind_ms,
                "segments_played": count.segments_played,
                "segments_interrupted": count.segments_interrupted,
                "pcm_dropped": count.pcm_dropped,
            }
        )
        self._reported = _Counters(pictures_sent=count.pictures_sent, bytes_sent=count.bytes_sent)
        self._reported_s = now_s

    def _check_client(self) -> None:
        """
        Raises:
            VisavisError: ``reader_too_slow``, ``idle_timeout``.
        """
        if self._outlet.unsent_bytes > SLOW_SOUND_S * 2 * self._config.output_rate_hz:
            raise VisavisError(
                "reader_too_slow",
                f"The client is more than {SLOW_SOUND_S:.0f} s of sound behind.",
                "Read messages as they come; ask for smaller pictures or a lower output_sample_rate on a thin line.",
            )
        idle_s = time.monotonic() - self._active_s
        if idle_s > self._config.idle_timeout_s and not self._intake.unanswered:
            raise VisavisError(
                "idle_timeout",
                f"Nothing came from the client for {self._config.idle_timeout_s:.0f} s.",
                "Connect again when there is something to say, or ask for a longer idle_timeout_s.",
            )
