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
from typing import Any, Final, cast

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from visavis.performer import FRAME_BUFFERS, Performer, Tick
from visavis.room.config import VideoConfig
from visavis.room.connection import AUDIO_TRACK_NAME, VIDEO_TRACK_NAME

logger = logging.getLogger(__name__)

AUDIO_BITRATE_BPS: Final = 64_000
"""From 64 kbit/s on Opus leaves its speech coder, which costs half the CPU."""
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
_DRAWING_S: Final = 0.008
"""What drawing a frame takes at first; then it is measured."""
_STRAIN_MEMORY: Final = 0.98
"""The share of ticks without time to draw is watched over some fifty ticks;"""
_STRAINED: Final = 0.10
"""from this much on, an idle face is drawn at half the frame rate,"""
_RELIEVED: Final = 0.02
"""and below this again at the full one."""

_CODECS: Final = {"vp8": rtc.VideoCodec.VP8, "h264": rtc.VideoCodec.H264}


class Publisher:
    """Owns the sources and tracks, and the pacing loop :meth:`run`."""

    def __init__(
        self,
        performer: Performer,
        video: VideoConfig,
        *,
        relay_audio: bool,
        on_speech_ended: Callable[[float], None],
    ) -> None:
        self._performer = performer
        self._video = video
        self._relay_audio = relay_audio
        self._on_speech_ended = on_speech_ended
        self._rate_hz = performer.audio_rate_hz
        self._tick_s = 1 / performer.fps
        self._audio_source = rtc.AudioSource(self._rate_hz, 1, queue_size_ms=_QUEUE_MS)
        self._video_source = rtc.VideoSource(video.width_px, video.height_px)
        self._pushed = asyncio.Event()
        self._pushed_s: float | None = None
        self._due_s = 0.0
        self._margin_s = _FIRST_MARGIN_S
        self._drawing_s = _DRAWING_S
        self._strain = 0.0
        self._sounding = False
        self._position_s = 0.0
        self._start_latency_s = 0.0
        self._last_frame_s = 0.0
        self._pending: deque[asyncio.TimerHandle] = deque()
        self.frames_sent = 0
        self.ticks_late = 0
        self.speaking = False

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
        await me.publish_track(rtc.LocalVideoTrack.create_video_track(VIDEO_TRACK_NAME, self._video_source), video)
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
            in_time = self._is_time_to_draw(late_s)
            self._note_strain(in_time)
            tick = self._performer.next_tick(render=in_time)
            if tick.rendered:
                self._drawing_s += 0.1 * (time.monotonic() - started_s - self._drawing_s)
            self.speaking = tick.speaking
            await self._send(tick)

    def on_pushed(self) -> None:
        """Speech was queued at the performer: it need not wait for the next tick to be due."""
        if self._pushed_s is None and not self._position_s:
            self._pushed_s = time.monotonic()
        self._pushed.set()

    def interrupt(self) -> float:
        """Silence now; seconds of the segment that were heard."""
        self._performer.interrupt()
        heard_s = max(0.0, self._position_s - self.audio_queue_s)
        self._audio_source.clear_queue()
        for timer in self._pending:
            timer.cancel()
        self._pending.clear()
        self._position_s = 0.0
        self._pushed_s = None
        self._sounding = False
        self._due_s = self._last_frame_s = time.monotonic()
        self._pushed.set()
        return heard_s

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
        """While something is heard: whether the sound that was handed over lasts until a frame is drawn."""
        if self._sounding:
            most_s = LEAD_S if self._position_s else self._margin_s / 2
            if self.audio_queue_s < min(1.5 * self._drawing_s, most_s):
                return False
        return late_s < self._tick_s / 2

    def _note_strain(self, in_time: bool) -> None:
        self.ticks_late += not in_time
        self._strain = _STRAIN_MEMORY * self._strain + (1 - _STRAIN_MEMORY) * (not in_time)
        if self._strain > _STRAINED:
            self._performer.idle_render_interval = 2
        elif self._strain < _RELIEVED:
            self._performer.idle_render_interval = 1

    async def _send(self, tick: Tick) -> None:
        audible = tick.segment_samples > 0 or (self._relay_audio and tick.segment_id is None and bool(tick.audio.any()))
        leaves_s = time.monotonic()
        if audible:
            leaves_s += await self._send_sound(tick.audio)
            if tick.generation != self._performer.generation:  # interrupted meanwhile
                self._audio_source.clear_queue()
                return
        else:
            # after sound, frames return to their own schedule little by little
            leaves_s = max(leaves_s, self._last_frame_s + 0.8 * self._tick_s)
        self._sounding = audible
        self._due_s = (leaves_s - self._margin_s if audible else self._due_s) + self._tick_s
        if tick.segment_samples:
            self._position_s = tick.segment_position_s
            if self._pushed_s is not None:
                self._start_latency_s = leaves_s - self._pushed_s
                self._pushed_s = None
        if tick.rendered:
            self._last_frame_s = leaves_s + (SOUND_LAG_S if audible else 0.0)
            self._later(self._last_frame_s, self._capture, tick.frame)
        if tick.segment_ended:
            self._later(leaves_s + self._tick_s, self._end_speech, tick.segment_position_s)

    async def _send_sound(self, pcm: NDArray[np.int16]) -> float:
        """Hand over a tick's sound; how long until it leaves."""
        wait_s = self.audio_queue_s
        if wait_s < _EMPTY_S:
            if self._sounding:
                self._margin_s = min(self._margin_s + _MARGIN_STEP_S, _MARGIN_MAX_S)
                logger.info("sound came late", extra={"margin_ms": round(self._margin_s * 1000)})
            wait_s += self._margin_s
            pcm = np.concatenate((np.zeros(int(self._margin_s * self._rate_hz), np.int16), pcm))
        await self._audio_source.capture_frame(rtc.AudioFrame(pcm.tobytes(), self._rate_hz, 1, len(pcm)))
        return wait_s

    def _later(self, when_s: float, act: Callable[..., None], *arguments: Any) -> None:
        """Do something once the sound that was handed over has left so far; an interruption calls it off."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        while self._pending and (self._pending[0].when() < now_s or self._pending[0].cancelled()):
            self._pending.popleft()
        self._pending.append(loop.call_at(when_s, act, *arguments))

    def _capture(self, frame: NDArray[np.uint8]) -> None:
        data = memoryview(cast(Any, frame.reshape(-1)))
        size = (self._video.width_px, self._video.height_px)
        self._video_source.capture_frame(rtc.VideoFrame(*size, rtc.VideoBufferType.I420, data))
        self.frames_sent += 1

    def _end_speech(self, played_s: float) -> None:
        self._position_s = 0.0
        self._on_speech_ended(played_s)
