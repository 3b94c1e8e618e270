"""The livekit-server of the default run: found, started on loopback, watched, stopped."""

from visavis.embedded.livekit_server import LiveKitServer, find_livekit_server

__all__ = ["LiveKitServer", "find_livekit_server"]
