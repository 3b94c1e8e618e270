"""The rules: agents, sessions, room tokens. Knows nothing of HTTP, and of LiveKit only its server API."""

from visavis.service.services import ServiceConfig, Services, open_services
from visavis.service.sessions import JoinRequest
from visavis.service.tokens import LiveKitKey, RoomTokenRequest

__all__ = ["JoinRequest", "LiveKitKey", "RoomTokenRequest", "ServiceConfig", "Services", "open_services"]
