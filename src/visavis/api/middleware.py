"""What every request passes before its route: the key, and a limit on what it may send."""

from __future__ import annotations

import hmac
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from visavis.api.errors import error_response
from visavis.api.websocket_keys import SUBPROTOCOL, key_of_subprotocols, refuse_in_band

PROTECTED: Final = ("/v1", "/metrics")
"""Everything below is for holders of the key: a route that does not exist, too."""

JSON_LIMIT_BYTES: Final = 1_000_000
PORTRAIT_IN_JSON: Final = frozenset({"/v1/runtime-tokens/request"})
"""Routes whose JSON may hold a portrait in base64."""
FORM_OVERHEAD_BYTES: Final = 100_000
"""Boundaries and the other fields of an upload."""


class RequireKey:
    """Refuses what lacks ``Authorization: Bearer <key>``, before a byte of its body is read."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        self._app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not self._is_protected(scope["path"]):
            await self._app(scope, receive, send)
            return
        given = _given_key(Headers(scope=scope)) or key_of_subprotocols(scope)
        if hmac.compare_digest(given.encode(), self._key):
            await self._app(scope, receive, send)
            return
        code, message = (
            ("key_refused", "This API key is not the one of this installation.")
            if given
            else ("key_missing", "This route needs an API key.")
        )
        hint = "Send Authorization: Bearer <key>; the key is VISAVIS_API_KEY, or in keys.json in the data folder."
        if SUBPROTOCOL in scope.get("subprotocols", ()):
            await refuse_in_band(send, {"code": code, "message": message, "hint": hint})
            return
        response = error_response(401, code, message, hint, {"WWW-Authenticate": "Bearer"})
        await response(scope, receive, send)

    @staticmethod
    def _is_protected(path: str) -> bool:
        return any(path == prefix or path.startswith(prefix + "/") for prefix in PROTECTED)


def _given_key(headers: Headers) -> str:
    """Of ``Authorization: Bearer``, or of ``api-secret``, as bitHuman's clients send it."""
    authorization = headers.get("authorization", "")
    scheme, _, given = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return given.strip()
    return headers.get("api-secret", authorization).strip()


class LimitBody:
    """Refuses a body that is too large: by its stated length at once, else as soon as it has gone too far."""

    def __init__(self, app: ASGIApp, upload_limit_bytes: int) -> None:
        self._app = app
        self._upload_limit_bytes = upload_limit_bytes + FORM_OVERHEAD_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        is_upload = headers.get("content-type", "").startswith("multipart/form-data")
        if is_upload:
            limit = self._upload_limit_bytes
        elif scope["path"] in PORTRAIT_IN_JSON:
            limit = self._upload_limit_bytes * 4 // 3  # base64 takes four bytes for three
        else:
            limit = JSON_LIMIT_BYTES
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > limit:
            hint = "Send a smaller file; 1024 pixels across a face are plenty." if is_upload else "Send less at once."
            response = error_response(413, "too_large", _too_large(limit), hint)
            await response(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                raise HTTPException(413, _too_large(limit))
            return message

        await self._app(scope, counted, send)


def _too_large(limit_bytes: int) -> str:
    return f"The request's body is larger than {limit_bytes / 1e6:.0f} MB."
