"""What a stream is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from visavis.acting import DEFAULT_IDLE_STYLE, IdleStyle
from visavis.background import KEEP, Background

Driver = Literal["segments", "live"]
"""Sound in queued utterances, each played from its first sample to its last; or as a microphone hears it."""

PictureFormat = Literal["jpeg", "h264", "vp8"]

DEFAULT_IDLE_TIMEOUT_S: Final = 300.0


@dataclass(frozen=True, slots=True)
class PictureConfig:
    """The pictures that are sent."""

    format: PictureFormat = "jpeg"
    """JPEG needs no decoder state and costs least CPU; H.264 and VP8 need a fifth of the bits."""
    width_px: int = 512
    height_px: int = 512
    fps: int = 25
    quality: int = 80
    """Of JPEG, 1 to 100."""
    bitrate_bps: int = 800_000
    """Of H.264 and VP8."""
    background: Background = KEEP
    """What is behind the face; never transparent."""


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """One agent, driven and shown through one connection."""

    stream_id: str
    agent_id: str
    sample_rate_hz: int
    """Of the sound that comes in."""
    channels: int = 1
    output_rate_hz: int = 48_000
    """Of the sound that goes out, which is mono; also what every ``pts`` counts."""
    driver: Driver = "segments"
    picture: PictureConfig = PictureConfig()
    look_ahead_ms: int = 40
    """Of the driver ``live``: what the mouth waits for."""
    idle_timeout_s: float = DEFAULT_IDLE_TIMEOUT_S
    """End after so long without a message from the client and with nothing to say."""
    idle_style: IdleStyle = DEFAULT_IDLE_STYLE
    """How lively the face is where nothing else is asked of it."""
    seed: int = 0
