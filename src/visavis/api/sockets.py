"""How the API's connections are set up for those that stay open and carry what is only good now."""

from __future__ import annotations

import socket
from typing import Any, Final

NOT_SENT_BYTES: Final = 128 << 10
"""What the kernel takes beyond what is on its way. By default it is megabytes: seconds of pictures that a slow reader
would get late, before anybody noticed that it is slow."""
GONE_AFTER_MS: Final = 30_000
"""A peer that takes nothing for so long, or has vanished without a word, is given up by the kernel."""

WEBSOCKET_OPTIONS: Final[dict[str, Any]] = {
    "ws_per_message_deflate": False,  # sound and pictures do not get smaller by it, only later
    "ws_max_size": 2 << 20,  # routes say what is too large in a better form than the server can
}
"""For uvicorn."""


def tune(listener: socket.socket) -> None:
    """Set up a listening TCP socket; what it accepts inherits it."""
    # asyncio sets this only for sockets that name their protocol, which these do not: without it, what follows a small
    # message waits for its acknowledgement, which the other end holds back for 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for option, value in (("TCP_NOTSENT_LOWAT", NOT_SENT_BYTES), ("TCP_USER_TIMEOUT", GONE_AFTER_MS)):
        if hasattr(socket, option):  # Linux has them
            listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
