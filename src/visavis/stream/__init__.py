"""The avatar over a transport of one's own: sound in, pictures and sound out on one clock. See docs/stream.md."""

from visavis.stream.config import DEFAULT_IDLE_TIMEOUT_S, Driver, PictureConfig, PictureFormat, StreamConfig
from visavis.stream.session import Outlet, StreamSession
from visavis.stream.wire import MAX_MESSAGE_BYTES

__all__ = [
    "DEFAULT_IDLE_TIMEOUT_S",
    "MAX_MESSAGE_BYTES",
    "Driver",
    "Outlet",
    "PictureConfig",
    "PictureFormat",
    "StreamConfig",
    "StreamSession",
]
