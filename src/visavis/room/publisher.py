"""Picture and sound of a performer leave in step, in real time.

Sound is the master. A tick's sound is handed to the SDK's queue a margin before it is heard; its frame is captured
when that sound leaves the queue. A tick that comes too late is sent without a new frame; when a gap happened all the
same the margin grows. While nothing is said no sound is handed over (the SDK sends silence by itself), so every
utterance starts with an empty queue and no delay accumulates.
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

from visavis.performer import Performer, Tick
from visavis.room.config import VideoConfig
from visavis.room.connection import AUDIO_TRACK_NAME, VIDEO_TRACK_NAME

logger = logging.getLogger(__name__)

AUDIO_BITRATE_BPS: Final = 64_000
"""From 64 kbit/s on Opus leaves its speech coder, which costs half the CPU."""
_QUEUE_MS: Final = 400
_FIRST_MARGIN_S: Final = 0.020
_MARGIN_STEP_S: Final = 0.020
_MARGIN_MAX_S: Final = 0.120
_RESYNC_S: Final = 0.5
"""Later than this the schedule starts anew: nobody wants half a second caught up in a burst."""

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
        self._audio_source = rtc.AudioSource(self._rate_hz, 1, queue_size_ms=_QUEUE_MS)
        self._video_source = rtc.VideoSource(video.width_px, video.height_px)
        self._margin_s = _FIRST_MARGIN_S
        self._sounding = False
        self._last_capture_s = 0.0
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
        tick_s = 1 / self._performer.fps
        due_s = time.monotonic()
        while True:
            await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            late_s = time.monotonic() - due_s
            if late_s > _RESYNC_S:
                due_s, late_s = time.monotonic(), 0.0
            on_time = late_s < tick_s / 2
            self.ticks_late += not on_time
            tick = self._performer.next_tick(render=on_time)
            self.speaking = tick.speaking
            await self._send(tick)
            due_s += tick_s

    def interrupt(self) -> float:
        """Silence now; seconds of the segment that were heard."""
        heard_s = max(0.0, self._performer.interrupt() - self._audio_source.queued_duration)
        self._audio_source.clear_queue()
        for timer in self._pending:
            timer.cancel()
        self._pending.clear()
        self._sounding = False
        return heard_s

    @property
    def audio_queue_s(self) -> float:
        """Sound that was handed over and has not left."""
        return float(self._audio_source.queued_duration)

    @property
    def latency_s(self) -> float:
        """From sound arriving to it, or its lips, leaving."""
        if self._sounding:
            return self.audio_queue_s + 0.5 / self._performer.fps
        return self._performer.stats.live_delay_s + 0.5 / self._performer.fps

    async def aclose(self) -> None:
        """Free the sources."""
        for timer in self._pending:
            timer.cancel()
        await self._audio_source.aclose()
        await self._video_source.aclose()

    async def _send(self, tick: Tick) -> None:
        audible = tick.segment_samples > 0 or (self._relay_audio and tick.segment_id is None and bool(tick.audio.any()))
        wait_s = 0.0
        if audible:
            wait_s = self.audio_queue_s
            if wait_s < 0.005:
                if self._sounding:
                    self._margin_s = min(self._margin_s + _MARGIN_STEP_S, _MARGIN_MAX_S)
                    logger.info("sound came late", extra={"margin_ms": round(self._margin_s * 1000)})
                silence = np.zeros(int(self._margin_s * self._rate_hz), np.int16)
                await self._audio_source.capture_frame(self._audio_frame(silence))
                wait_s += self._margin_s
            await self._audio_source.capture_frame(self._audio_frame(tick.audio))
        self._sounding = audible
        if tick.segment_ended:
            self._on_speech_ended(tick.segment_position_s)
        if tick.rendered:
            self._capture_later(tick.frame, wait_s)

    def _audio_frame(self, pcm: NDArray[np.int16]) -> rtc.AudioFrame:
        return rtc.AudioFrame(pcm.tobytes(), self._rate_hz, 1, len(pcm))

    def _capture_later(self, frame: NDArray[np.uint8], wait_s: float) -> None:
        loop = asyncio.get_running_loop()
        when_s = max(loop.time() + wait_s, self._last_capture_s + 0.001)
        self._last_capture_s = when_s
        while self._pending and (self._pending[0].when() < loop.time() or self._pending[0].cancelled()):
            self._pending.popleft()
        if when_s <= loop.time() + 0.002:
            self._capture(frame)
        else:
            self._pending.append(loop.call_at(when_s, self._capture, frame))

    def _capture(self, frame: NDArray[np.uint8]) -> None:
        data = memoryview(cast(Any, frame.reshape(-1)))
        size = (self._video.width_px, self._video.height_px)
        self._video_source.capture_frame(rtc.VideoFrame(*size, rtc.VideoBufferType.I420, data))
        self.frames_sent += 1
