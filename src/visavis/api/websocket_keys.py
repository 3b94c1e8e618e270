"""The key of a WebSocket, where browsers cannot set headers: as a subprotocol, because URLs end up in logs."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any, Final

from starlette.types import Scope, Send

SUBPROTOCOL: Final = "visavis.v1"
"""What a client that offers subprotocols must offer first; it is the one that is chosen."""
KEY_PREFIX: Final = "visavis.key."
"""Before the key in base64url without padding: keys may hold what a subprotocol may not."""


def key_of_subprotocols(scope: Scope) -> str:
    """The key among a WebSocket's subprotocols; empty where there is none."""
    for offered in scope.get("subprotocols", ()):
        if offered.startswith(KEY_PREFIX):
            encoded = offered.removeprefix(KEY_PREFIX)
            try:
                return base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)).decode()
            except (binascii.Error, UnicodeDecodeError):
                return "?"  # not the key, but not none either
    return ""


async def refuse_in_band(send: Send, error: dict[str, Any]) -> None:
    """Open the WebSocket only to say why it is refused: a page cannot see the answer of a handshake that failed."""
    await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
    await send({"type": "websocket.send", "text": json.dumps({"type": "error", "error": error, "fatal": True})})
    await send({"type": "websocket.close", "code": 1008, "reason": error["code"]})
