"""The rules: agents, sessions, room tokens. Knows nothing of HTTP, and of LiveKit only its server API."""

from visavis.service.joining import JoinRequest
from visavis.service.services import ServiceConfig, Services, open_services
from visavis.service.streams import OpenStream, StreamRequest
from visavis.service.tokens import LiveKitKey, RoomTokenRequest
from visavis.stream import MAX_MESSAGE_BYTES

__all__ = [
    "MAX_MESSAGE_BYTES",
    "JoinRequest",
    "LiveKitKey",
    "OpenStream",
    "RoomTokenRequest",
    "ServiceConfig",
    "Services",
    "StreamRequest",
    "open_services",
]
