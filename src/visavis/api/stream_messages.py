"""The text messages that a stream's client sends; docs/stream.md tells the protocol."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, TypeAdapter

from visavis.acting import IdleStyle
from visavis.api.schemas import Backdrop, Face, MakeGesture, Request, ShowEmotion, Speak
from visavis.service import StreamRequest

SegmentNumber = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]


class StreamVideo(Request):
    """The pictures that are wanted."""

    format: Literal["jpeg", "h264", "vp8"] = "jpeg"
    width: int | None = Field(default=None, ge=128, le=1280, multiple_of=2)
    height: int | None = Field(default=None, ge=128, le=1280, multiple_of=2)
    fps: int | None = Field(default=None, ge=10, le=30)
    quality: int | None = Field(default=None, ge=20, le=95)
    bitrate: int | None = Field(default=None, ge=50_000, le=8_000_000)
    background: Backdrop | None = None


class Hello(Request):
    """The first message: what will come in, and what is to come out."""

    type: Literal["hello"]
    sample_rate: int = Field(ge=8_000, le=192_000)
    channels: Literal[1, 2] = 1
    output_sample_rate: int = Field(48_000, ge=8_000, le=48_000)
    driver: Literal["segments", "live"] = "segments"
    video: StreamVideo = StreamVideo()
    look_ahead_ms: Literal[0, 40, 80, 120] | None = None
    idle_timeout_s: float | None = Field(default=None, ge=1, le=86_400)
    idle_style: IdleStyle | None = None

    def request(self) -> StreamRequest:
        """The same for the service."""
        video = self.video
        return StreamRequest(
            sample_rate_hz=self.sample_rate,
            channels=self.channels,
            output_rate_hz=self.output_sample_rate,
            driver=self.driver,
            picture_format=video.format,
            width_px=video.width,
            height_px=video.height,
            fps=video.fps,
            quality=video.quality,
            bitrate_bps=video.bitrate,
            background=video.background,
            look_ahead_ms=self.look_ahead_ms,
            idle_timeout_s=self.idle_timeout_s,
            idle_style=self.idle_style,
        )


class Interrupt(Request):
    """Be silent."""

    type: Literal["interrupt"]
    played_pts: int | None = Field(default=None, ge=0)


class EndSegment(Request):
    """The open segment is complete."""

    type: Literal["end_segment"]


class KeyFrame(Request):
    """The next picture must need no earlier one."""

    type: Literal["key_frame"]


class Received(Request):
    """Everything up to there has come."""

    type: Literal["received"]
    pts: int = Field(ge=0)


class SpeakText(Speak):
    """Say a text with the agent's own voice."""

    type: Literal["speak"]
    segment: SegmentNumber = 0


class EmotionMessage(ShowEmotion):
    """Show an emotion."""

    type: Literal["emotion"]
    queued: bool = False


class GestureMessage(MakeGesture):
    """Make a gesture."""

    type: Literal["gesture"]
    queued: bool = False


class FaceMessage(Face):
    """Move the face from outside."""

    type: Literal["face"]


class Listening(Request):
    """Somebody speaks to the face, or has ended."""

    type: Literal["listening"]
    listening: bool


Command: TypeAlias = (
    Interrupt | EndSegment | KeyFrame | Received | SpeakText | EmotionMessage | GestureMessage | FaceMessage | Listening
)

HELLO: TypeAdapter[Hello] = TypeAdapter(Hello)
COMMAND: TypeAdapter[Command] = TypeAdapter(Annotated[Command, Field(discriminator="type")])
