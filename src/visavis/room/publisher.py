"""Picture and sound of a performer leave in step, in real time.

Sound is the master. What is queued to be said is handed to the SDK up to :data:`LEAD_S` before it is heard, so that
this process may be held up without a gap; each frame waits until its sound leaves. A tick for which there is no time
goes out without a new frame: pictures are given up before sound. While nothing is said no sound is handed over (the
SDK sends silence by itself), so every utterance starts with an empty queue, a small margin ahead of its sound.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, cast

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from visavis.performer import FRAME_BUFFERS, Performer, Tick
from visavis.room.config import VideoConfig
from visavis.room.connection import AUDIO_TRACK_NAME, VIDEO_TRACK_NAME
from visavis.room.ladder import Rung, rungs_of

logger = logging.getLogger(__name__)

AUDIO_BITRATE_BPS: Final = 20_000
"""With the headers of its fifty packets a second it makes 50 kbit/s: what a very thin link still carries."""
LEAD_S: Final = 0.160
"""Known speech is handed over so much before it is due: what an overloaded machine may keep this process waiting."""
SOUND_LAG_S: Final = 0.030
"""A receiver plays sound so much later than it shows a picture that left at the same time: sound waits in a jitter
buffer. Receivers align the two by themselves only where they are more than 30 ms apart. Measured: docs/clocks.md."""
_QUEUE_MS: Final = 500
_FIRST_MARGIN_S: Final = 0.020
_MARGIN_STEP_S: Final = 0.020
_MARGIN_MAX_S: Final = 0.120
_EMPTY_S: Final = 0.005
"""A queue with less sound than this has run dry, or is about to before more can be handed over."""
_RESYNC_S: Final = 0.5
"""Later than this the schedule starts anew: nobody wants half a second caught up in a burst."""
_LEAVING_KEPT: Final = 32
_DRAWING_S: Final = 0.008
"""What drawing a frame takes at first; then the longest of late counts,"""
_DRAWING_MEMORY: Final = 0.98
"""less so with every frame since."""
_DRAWING_SPARE: Final = 2.5
"""Only with so many times as much sound in the queue is one drawn: the next may take longer than any before."""
_STRAIN_MEMORY: Final = 0.98
"""The share of ticks without time to draw is watched over some fifty ticks."""
_STILL_S: Final = 0.17
"""A face that hardly moves is drawn so often all the same: receivers count what stands still for longer as a freeze."""
_LIVELY_S: Final = 1.0
"""Every frame is drawn for so long after something was said, and once somebody may have come: who is new waits for a
frame to begin with."""
_LATENCIES_KEPT: Final = 600

_CODECS: Final = {"vp8": rtc.VideoCodec.VP8, "h264": rtc.VideoCodec.H264}


class SpeechWatcher(Protocol):
    """Told what is heard of each segment, when it is."""

    def on_speech_started(self, segment_id: int) -> None:
        """Its first sound leaves."""
        ...

    def on_speech_ended(self, segment_id: int, played_s: float) -> None:
        """Its last sound has left."""
        ...


@dataclass(frozen=True, slots=True)
class Heard:
    """What of a segment has left."""

    segment_id: int
    played_s: float


@dataclass(frozen=True, slots=True)
class _Leaving:
    """A tick's sound on its way out."""

    segment_id: int
    at_s: float
    from_s: float
    """Position in the segment where it begins."""
    duration_s: float


class Publisher:
    """Owns the sources and tracks, and the pacing loop :meth:`run`."""

    def __init__(
        self,
        performer: Performer,
        video: VideoConfig,
        *,
        relay_audio: bool,
        watcher: SpeechWatcher,
    ) -> None:
        self._performer = performer
        self._video = video
        self._relay_audio = relay_audio
        self._watcher = watcher
        self._rate_hz = performer.audio_rate_hz
        self._tick_s = 1 / performer.fps
        self._still_ticks = max(1, int(_STILL_S * performer.fps))
        self._audio_source = rtc.AudioSource(self._rate_hz, 1, queue_size_ms=_QUEUE_MS)
        self._video_source = rtc.VideoSource(video.width_px, video.height_px)
        self._pushed = asyncio.Event()
        self._pushed_s: float | None = None
        self._due_s = 0.0
        self._margin_s = _FIRST_MARGIN_S
        self._drawing_s = _DRAWING_S
        self._rung = rungs_of(video)[0]
        self._braked_until_s = self._lively_until_s = float("-inf")
        self._video_track: rtc.LocalVideoTrack | None = None
        self._sounding = False
        self._drawn_index = 0
        self._position_s = 0.0
        self._start_latency_s = 0.0
        self._last_frame_s = 0.0
        self._pending: deque[asyncio.TimerHandle] = deque()
        self._leaving: deque[_Leaving] = deque(maxlen=_LEAVING_KEPT)
        self.frames_sent = 0
        self.ticks_late = 0
        self.speaking = False
        self.strain = 0.0
        """Share of the last few seconds' ticks without time to draw."""
        self.latencies: deque[tuple[float, float]] = deque(maxlen=_LATENCIES_KEPT)
        """When and how late speech left, at the start of each segment."""
        self.watched = True

    async def publish(self, room: rtc.Room) -> None:
        """Publish both tracks into a room that was just entered."""
        me = room.local_participant
        audio = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE, dtx=False, red=False)
        audio.audio_encoding.max_bitrate = AUDIO_BITRATE_BPS
        video = rtc.TrackPublishOptions(
            source=rtc.TrackSource.SOURCE_CAMERA,
            simulcast=False,
            video_codec=_CODECS[self._video.codec],
            video_encoding=rtc.VideoEncoding(
                max_bitrate=self._video.max_bitrate_bps, max_framerate=max(30, self._video.fps)
            ),
            degradation_preference=cast(Any, rtc.DegradationPreference.MAINTAIN_FRAMERATE_AND_RESOLUTION),
        )
        self._video_track = rtc.LocalVideoTrack.create_video_track(VIDEO_TRACK_NAME, self._video_source)
        await me.publish_track(self._video_track, video)
        await me.publish_track(rtc.LocalAudioTrack.create_audio_track(AUDIO_TRACK_NAME, self._audio_source), audio)

    async def run(self) -> None:
        """Send tick after tick until cancelled."""
        self._due_s = time.monotonic()
        while True:
            await self._until_next_tick()
            started_s = time.monotonic()
            late_s = started_s - self._due_s
            if late_s > _RESYNC_S:
                self._due_s, late_s = started_s, 0.0
            tick = self._performer.next_tick(render=False)
            self.speaking = tick.speaking
            leaves_s = await self._send_sound(tick)
            if leaves_s is not None:
                in_time = self._is_time_to_draw(late_s)
                self._note_strain(in_time)
                if in_time and self._is_picture_due(tick, started_s):
                    self._drawn_index = tick.index
                    self._send_picture(leaves_s)

    def watch_out(self, watched: bool) -> None:
        """Somebody may be looking, or nobody is: then nothing is drawn."""
        self.watched = watched
        if watched:
            self._lively_until_s = time.monotonic() + _LIVELY_S

    def climb_to(self, rung: Rung) -> None:
        """Show the picture in another way, or none."""
        before, self._rung = self._rung, rung
        if rung.has_picture:
            self._performer.resize(rung.width_px, rung.height_px)
        if self._video_track is not None and rung.has_picture != before.has_picture:
            if rung.has_picture:
                self._video_track.unmute()
            else:
                self._video_track.mute()

    def brake(self, until_s: float) -> None:
        """Send no picture until then: the link needs its room for the sound."""
        self._braked_until_s = until_s

    def on_pushed(self) -> None:
        """Speech was queued at the performer: it need not wait for the next tick to be due."""
        if self._pushed_s is None and not self._position_s:
            self._pushed_s = time.monotonic()
        self._pushed.set()

    def interrupt(self) -> Heard | None:
        """Silence now; what was heard of the segment that is being heard, None where none is."""
        self._performer.interrupt()
        heard = self._heard()
        self._leaving.clear()
        self._audio_source.clear_queue()
        for timer in self._pending:
            timer.cancel()
        self._pending.clear()
        self._position_s = 0.0
        self._pushed_s = None
        self._sounding = False
        self._due_s = self._last_frame_s = time.monotonic()
        self._pushed.set()
        return heard

    @property
    def audio_queue_s(self) -> float:
        """Sound that was handed over and has not left."""
        return float(self._audio_source.queued_duration)

    @property
    def latency_s(self) -> float:
        """From sound arriving to it, or its lips, leaving."""
        if self._position_s:
            return self._start_latency_s
        relayed_s = self._margin_s if self._relay_audio else 0.0
        return self._performer.stats.live_delay_s + relayed_s + self._tick_s / 2

    async def aclose(self) -> None:
        """Free the sources."""
        for timer in self._pending:
            timer.cancel()
        await self._audio_source.aclose()
        await self._video_source.aclose()

    async def _until_next_tick(self) -> None:
        """Wait until the next tick is due, or earlier, where what it says is known already."""
        await asyncio.sleep(0)  # a schedule that is never met must not keep everything else waiting
        # bounded by the frames that the performer keeps
        lead_s = min(LEAD_S, (FRAME_BUFFERS - 2) * self._tick_s - self._margin_s - SOUND_LAG_S)
        while (now_s := time.monotonic()) < self._due_s:
            if now_s < self._due_s - lead_s:
                await asyncio.sleep(self._due_s - lead_s - now_s)
                continue
            self._pushed.clear()
            if self._performer.is_speech_ready:
                return
            try:
                async with asyncio.timeout(self._due_s - now_s):
                    await self._pushed.wait()
            except TimeoutError:
                return

    def _is_time_to_draw(self, late_s: float) -> bool:
        """While something is heard: whether the sound that was handed over outlasts the drawing of a frame."""
        if self._sounding:
            most_s = LEAD_S if self._position_s else self._margin_s + self._tick_s / 2
            return self.audio_queue_s > min(_DRAWING_SPARE * self._drawing_s, most_s)
        return late_s < self._tick_s / 2

    def _is_picture_due(self, tick: Tick, now_s: float) -> bool:
        rung = self._rung
        if not (self.watched and rung.has_picture) or now_s < self._braked_until_s:
            return False
        if tick.index % rung.tick_interval:
            return False
        if tick.speaking or tick.segment_id is not None:
            self._lively_until_s = now_s + _LIVELY_S
        is_recent = tick.index - self._drawn_index < self._still_ticks
        may_rest = now_s > self._lively_until_s and is_recent
        return not may_rest or self._performer.has_changed

    def _note_strain(self, in_time: bool) -> None:
        self.ticks_late += not in_time
        self.strain = _STRAIN_MEMORY * self.strain + (1 - _STRAIN_MEMORY) * (not in_time)

    async def _send_sound(self, tick: Tick) -> float | None:
        """Hand over a tick's sound, if there is any; when it leaves, None where it was interrupted meanwhile."""
        audible = tick.segment_samples > 0 or (self._relay_audio and tick.segment_id is None and bool(tick.audio.any()))
        leaves_s = time.monotonic()
        if audible:
            leaves_s += await self._queue_sound(tick.audio)
            if tick.generation != self._performer.generation:
                self._audio_source.clear_queue()
                return None
        self._sounding = audible
        self._due_s = (leaves_s - self._margin_s if audible else self._due_s) + self._tick_s
        if tick.segment_samples or tick.segment_started:
            self._note_leaving(tick, leaves_s)
        if tick.segment_samples:
            self._position_s = tick.segment_position_s
            if self._pushed_s is not None:
                self._start_latency_s = leaves_s - self._pushed_s
                self.latencies.append((leaves_s, self._start_latency_s))
                self._pushed_s = None
        if tick.segment_ended:
            self._later(leaves_s + self._tick_s, self._end_speech, tick.segment_id, tick.segment_position_s)
        return leaves_s

    async def _queue_sound(self, pcm: NDArray[np.int16]) -> float:
        """Append to the SDK's queue; how long until it leaves."""
        wait_s = self.audio_queue_s
        if wait_s < _EMPTY_S:
            if self._sounding:
                self._margin_s = min(self._margin_s + _MARGIN_STEP_S, _MARGIN_MAX_S)
                logger.info("sound came late", extra={"margin_ms": round(self._margin_s * 1000)})
            wait_s += self._margin_s
            pcm = np.concatenate((np.zeros(int(self._margin_s * self._rate_hz), np.int16), pcm))
        await self._audio_source.capture_frame(rtc.AudioFrame(pcm.tobytes(), self._rate_hz, 1, len(pcm)))
        return wait_s

    def _send_picture(self, sound_leaves_s: float) -> None:
        """Draw the last tick's frame; it leaves in step with the sound."""
        started_s = time.monotonic()
        frame = self._performer.draw()
        self._drawing_s = max(time.monotonic() - started_s, _DRAWING_MEMORY * self._drawing_s)
        if self._sounding:
            leaves_s = sound_leaves_s + SOUND_LAG_S
        else:
            # after sound, frames return to their own schedule little by little
            leaves_s = max(sound_leaves_s, self._last_frame_s + 0.8 * self._tick_s)
        self._last_frame_s = leaves_s
        self._later(leaves_s, self._capture, frame)

    def _later(self, when_s: float, act: Callable[..., None], *arguments: Any) -> None:
        """Do something once the sound that was handed over has left so far; an interruption calls it off."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        while self._pending and (self._pending[0].when() < now_s or self._pending[0].cancelled()):
            self._pending.popleft()
        self._pending.append(loop.call_at(when_s, act, *arguments))

    def _capture(self, frame: NDArray[np.uint8]) -> None:
        data = memoryview(cast(Any, frame.reshape(-1)))
        height_px, width_px = frame.shape[0] * 2 // 3, frame.shape[1]
        self._video_source.capture_frame(rtc.VideoFrame(width_px, height_px, rtc.VideoBufferType.I420, data))
        self.frames_sent += 1

    def _note_leaving(self, tick: Tick, leaves_s: float) -> None:
        assert tick.segment_id is not None
        duration_s = tick.segment_samples / self._rate_hz
        self._leaving.append(_Leaving(tick.segment_id, leaves_s, tick.segment_position_s - duration_s, duration_s))
        if tick.segment_started:
            self._later(leaves_s, self._watcher.on_speech_started, tick.segment_id)

    def _heard(self) -> Heard | None:
        now_s = time.monotonic()
        last = next((leaving for leaving in reversed(self._leaving) if leaving.at_s <= now_s), None)
        if last is None:
            return None
        return Heard(last.segment_id, last.from_s + min(now_s - last.at_s, last.duration_s))

    def _end_speech(self, segment_id: int, played_s: float) -> None:
        if self._leaving and self._leaving[-1].segment_id == segment_id:  # the next one may be on its way already
            self._position_s = 0.0
            self._leaving.clear()
        self._watcher.on_speech_ended(segment_id, played_s)
