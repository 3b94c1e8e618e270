"""The performer: speech, motion and picture on one clock, without a clock of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from visavis.acting import DEFAULT_HOLD_S, DEFAULT_IDLE_STYLE, Act, Emotion, IdleStyle, checked_direction
from visavis.avatar import Avatar
from visavis.background import KEEP, Background
from visavis.face import CONTROLS, MOUTH_CONTROLS, MOUTH_INDEX, FaceState, neutral
from visavis.media import sample_of_frame
from visavis.motion import Motion, MotionLimits
from visavis.performer.drive import DrivenFace
from visavis.performer.fifo import Chunk
from visavis.performer.live import LiveFeed, LiveStats
from visavis.performer.mouth import SILENCE_DB, MouthBlend
from visavis.performer.screen import FRAME_BUFFERS, Screen
from visavis.performer.segments import QUEUED_LOOK_AHEAD_MS, SegmentQueue, SegmentTick
from visavis.speech.phonemes import TimedSpeech
from visavis.speech.phones import Phone

# What counts as voice, and for how long a gap between words still does.
VOICE_DB: Final = -46.0
VOICE_HOLD_S: Final = 0.25
# How far a head may be driven from where it is in the photo; its turns are the avatar's to limit.
DRIVEN_SHIFT_MM: Final = 12.0
_LIVE: Final = "live"


@dataclass(frozen=True, slots=True)
class Tick:
    """One step of the performance: a frame and exactly its audio."""

    index: int
    frame: NDArray[np.uint8]
    """I420, ``uint8 [height * 3 / 2, width]``, or BGRA, ``uint8 [height, width, 4]``, where the background is
    transparent; a buffer of a ring that is valid until :data:`FRAME_BUFFERS` ticks later."""
    audio: NDArray[np.int16]
    """Mono at the performer's audio rate; also a buffer of a ring."""
    rendered: bool
    """False: the frame is the one before."""
    speaking: bool
    """A voice is heard in this tick or was a moment ago."""
    generation: int
    """Counts interruptions: whatever has an older one is obsolete."""
    segment_id: int | None
    """The segment that this tick belongs to; None when idle or live."""
    segment_samples: int
    """How many samples of ``audio`` are that segment's; the rest is silence."""
    segment_position_s: float
    """How much of the segment has been played at the end of this tick."""
    segment_started: bool
    """The first tick of its segment."""
    segment_ended: bool
    """The last tick of its segment: everything that was pushed has been played."""


@dataclass(frozen=True, slots=True)
class PerformerStats:
    """Counters since the start."""

    ticks: int
    rendered: int
    repeated: int
    queue_s: float
    """Pushed sound that has not been played."""
    live_delay_s: float
    live_underruns: int
    live_left_out_s: float


class Performer:
    """One avatar in action: audio in, a steady stream of ticks out.

    Two kinds of sound go in. :meth:`push_audio` queues speech in segments that are played from the first sample to
    the last, as soon as the mouth is known: nothing is dropped or stretched. :meth:`push_live_audio` follows
    somebody who speaks now, with a bounded delay. Segments come before live sound.

    Args:
        avatar: whom to show.
        fps: frames, and ticks, per second.
        width_px, height_px: size of the frames; even.
        background: what is behind the face; with a transparent one frames are BGRA instead of I420.
        look_ahead_ms: what the mouth of live sound waits for: 0, 40, 80 or 120.
        queued_look_ahead_ms: the same for segments, where it costs no time.
        audio_rate_hz: rate of the ticks' audio.
        seed: of everything that is chance; the same seed and the same calls give the same frames.
        early_lips: live lips do not wait for the ticks' delayed sound. For live sound that nobody hears from us.
        idle_style: how lively the face is where nothing else is asked of it.

    :meth:`act` shows an emotion or makes a gesture, :meth:`cue` does at a place of the speech that is being queued,
    :meth:`drive` hands the face, or part of it, to somebody outside.
    """

    def __init__(
        self,
        avatar: Avatar,
        *,
        fps: int = 25,
        width_px: int = 512,
        height_px: int = 512,
        background: Background = KEEP,
        look_ahead_ms: int = 40,
        queued_look_ahead_ms: int = QUEUED_LOOK_AHEAD_MS,
        audio_rate_hz: int = 48_000,
        seed: int = 0,
        early_lips: bool = False,
        idle_style: IdleStyle = DEFAULT_IDLE_STYLE,
    ) -> None:
        if not 1 <= fps <= 60:
            raise ValueError(f"fps is {fps}; use 1 to 60")
        self.fps = fps
        self.audio_rate_hz = audio_rate_hz
        self.listening = False
        """Set while somebody speaks to the face: it looks and nods as a listener does."""
        self._screen = Screen(avatar, width_px, height_px, background)
        self._motion = Motion(seed, fps, _limits(avatar), idle_style)
        self._driven = DrivenFace(1 / fps, _driven_limits(avatar))
        longest_tick_samples = -(-audio_rate_hz // fps)
        self._segments = SegmentQueue(audio_rate_hz, queued_look_ahead_ms)
        self._live = LiveFeed(audio_rate_hz, longest_tick_samples, look_ahead_ms, early_lips=early_lips)
        self._blend = MouthBlend(1 / fps)
        self._face = neutral()
        self._target = np.zeros(len(MOUTH_CONTROLS), np.float32)
        self._audio = np.zeros((FRAME_BUFFERS, longest_tick_samples), np.int16)
        self._index = self._shown_index = 0
        self._generation = 0
        self._quiet_s = VOICE_HOLD_S

    @property
    def generation(self) -> int:
        """Number of interruptions so far."""
        return self._generation

    @property
    def face(self) -> FaceState:
        """The face of the last tick; changes in place."""
        return self._face

    @property
    def has_changed(self) -> bool:
        """Whether a viewer would see a difference between the last tick's face and the last frame drawn."""
        return self._screen.has_changed(self._face, self._moment_s)

    @property
    def queued_s(self) -> float:
        """Pushed segments' sound that has not been played."""
        return self._segments.queued_s

    @property
    def is_speech_ready(self) -> bool:
        """The next tick would carry a segment's sound: a caller may take it before it is due, to be ahead."""
        return self._segments.is_ready(self._samples_of_tick(self._index))

    @property
    def stats(self) -> PerformerStats:
        live: LiveStats = self._live.stats
        return PerformerStats(
            self._index,
            self._screen.frames_drawn,
            self._index - self._screen.frames_drawn,
            self._segments.queued_s,
            live.delay_s,
            live.underruns,
            live.left_out_s,
        )

    def begin_segment(self) -> int:
        """Open a segment, ending an open one; its id. :meth:`push_audio` does it where none is open."""
        return self._segments.begin()

    def push_audio(self, pcm: NDArray[Any], sample_rate_hz: int, phones: Sequence[Phone] | None = None) -> int:
        """Queue sound for the open segment; the segment's id. It is not copied: leave it as it is.

        Args:
            pcm: ``int16`` or ``float32``, ``[n]`` or ``[n, 2]``, any length.
            sample_rate_hz: any; it may change on the way.
            phones: the sounds of speech in it, in order, with times from its first sample: the mouth follows them
                and closes for every p, b and m. None: the mouth listens. See docs/speech.md.

        Raises:
            AudioError: ``audio_format``: another type, shape or rate.
        """
        return self._segments.push(Chunk.checked(pcm, sample_rate_hz, phones))

    def push_speech(self, speech: TimedSpeech) -> int:
        """The same for speech that brings its phones: what any voice yields that knows when it says what."""
        return self.push_audio(speech.pcm, speech.sample_rate_hz, speech.phones)

    def end_segment(self) -> None:
        """Nothing more comes for the open segment: it ends when what was pushed has been played."""
        self._segments.end()

    def interrupt(self) -> float:
        """Drop everything that has not been played; the next tick is silent and the lips close.

        Returns:
            seconds of the current segment that were played, 0 where none was.
        """
        self._generation += 1
        self._live.reset()
        self._motion.utterance_over()
        return self._segments.clear()

    def act(self, act: Act) -> None:
        """Show an emotion from now on, or make a gesture now."""
        self._motion.act(act)

    def cue(self, act: Act) -> int:
        """Do it when everything that was pushed so far for the open segment has been played; the segment's id.

        An emotion that comes so goes with its segment.
        """
        return self._segments.cue(act)

    @property
    def emotion(self) -> Emotion:
        """The emotion that shows, or is on its way."""
        return self._motion.emotion

    def drive(
        self, face: FaceState | Mapping[str, float], *, time_s: float | None = None, hold_s: float = DEFAULT_HOLD_S
    ) -> None:
        """Move the face from outside: what is driven takes the place of what the performer would do.

        Args:
            face: a whole face state, or any controls by name; the others go on as ever. The head stays within what
                the photo bears.
            time_s: when it was seen, by the sender's clock: states are then played evenly, a moment later. None is
                at once.
            hold_s: the controls are let go, smoothly, after so long without another state that has them.

        Raises:
            VisavisError: ``control_unknown``, ``face_invalid``.
        """
        if isinstance(face, np.ndarray):
            face = dict(zip(CONTROLS, face.tolist(), strict=True))
        self._driven.take(checked_direction({"controls": face, "time_s": time_s, "hold_s": hold_s}))

    def push_live_audio(self, pcm: NDArray[Any], sample_rate_hz: int) -> None:
        """Sound that somebody speaks just now; formats and errors as for :meth:`push_audio`."""
        self._live.push(Chunk.checked(pcm, sample_rate_hz))

    def reset_live(self) -> None:
        """The live source has gone or changes: what it sent is forgotten."""
        self._live.reset()

    def next_tick(self, *, render: bool = True) -> Tick:
        """The next frame and its audio. Never blocks, never fails, always moves on by one tick.

        Args:
            render: False repeats the frame: for a caller that is late. The audio goes on all the same.
        """
        index = self._shown_index = self._index
        audio = self._audio[index % FRAME_BUFFERS]
        audio = audio[: self._samples_of_tick(index)]
        segment = self._segments.tick(audio)
        source: object = None
        loudness_db = SILENCE_DB
        if segment is not None:
            if self._live.flowing:
                self._live.reset()
            for act in segment.acts:
                self._motion.utter(act)
            if segment.samples:
                source = segment.segment_id
                self._segments.shape(self._target)
                loudness_db = self._segments.loudness_db
        elif self._live.tick(audio):
            source = _LIVE
            self._live.shape(self._target)
            loudness_db = self._live.loudness_db
        speaking = self._hear_voice(loudness_db)
        self._pose(source, speaking, loudness_db, about_to_speak=segment is not None)
        if segment is not None and segment.ended:
            self._motion.utterance_over()
        rendered = render or not self._screen.frames_drawn
        frame = self.draw() if rendered else self._screen.frame
        self._index += 1
        return self._tick(index, frame, audio, rendered, speaking, segment)

    def draw(self) -> NDArray[np.uint8]:
        """The frame of the last tick, for a caller that had it left out to send the tick's sound first."""
        return self._screen.draw(self._face, self._moment_s)

    @property
    def _moment_s(self) -> float:
        """Of the last tick: where a portrait that is a clip is."""
        return self._shown_index / self.fps

    def resize(self, width_px: int, height_px: int) -> None:
        """Draw frames of another size from now on."""
        self._screen.resize(width_px, height_px)

    def _samples_of_tick(self, index: int) -> int:
        rate, fps = self.audio_rate_hz, self.fps
        return sample_of_frame(index + 1, rate, fps) - sample_of_frame(index, rate, fps)

    def _hear_voice(self, loudness_db: float) -> bool:
        self._quiet_s = 0.0 if loudness_db > VOICE_DB else self._quiet_s + 1 / self.fps
        return self._quiet_s < VOICE_HOLD_S

    def _pose(self, source: object, speaking: bool, loudness_db: float, *, about_to_speak: bool) -> None:
        if source is None:
            self._target[:] = 0
        face = self._face
        face[:] = 0
        face[MOUTH_INDEX] = self._blend.step(self._target, source)
        self._motion.step(
            face,
            speaking=speaking,
            about_to_speak=about_to_speak,
            loudness_db=loudness_db,
            listening=self.listening and not speaking,
        )
        self._driven.lay_over(face)

    def _tick(
        self,
        index: int,
        frame: NDArray[np.uint8],
        audio: NDArray[np.int16],
        rendered: bool,
        speaking: bool,
        segment: SegmentTick | None,
    ) -> Tick:
        return Tick(
            index=index,
            frame=frame,
            audio=audio,
            rendered=rendered,
            speaking=speaking,
            generation=self._generation,
            segment_id=segment.segment_id if segment else None,
            segment_samples=segment.samples if segment else 0,
            segment_position_s=segment.played_samples / self.audio_rate_hz if segment else 0.0,
            segment_started=segment is not None and segment.started,
            segment_ended=segment is not None and segment.ended,
        )


def _limits(avatar: Avatar) -> MotionLimits:
    """How far this photo may be turned: as far as motion goes and the avatar bears."""
    limits, bears = MotionLimits(), avatar.head_range

    def within(wanted: tuple[float, float], borne: NDArray[np.float32]) -> tuple[float, float]:
        return max(wanted[0], float(borne[0])), min(wanted[1], float(borne[1]))

    return MotionLimits(
        yaw_deg=within(limits.yaw_deg, bears.yaw_deg),
        pitch_deg=within(limits.pitch_deg, bears.pitch_deg),
        roll_deg=within(limits.roll_deg, bears.roll_deg),
        shift_mm=limits.shift_mm,
    )


def _driven_limits(avatar: Avatar) -> MotionLimits:
    """How far this photo may be turned by somebody outside: all of what the avatar bears."""
    bears = avatar.head_range
    (left, right), (up, down), (back, forth) = (
        (float(low), float(high)) for low, high in (bears.yaw_deg, bears.pitch_deg, bears.roll_deg)
    )
    return MotionLimits((left, right), (up, down), (back, forth), DRIVEN_SHIFT_MM)
