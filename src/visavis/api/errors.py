"""Every error leaves in one form, ``{"error": {"code", "message", "hint"}}``, with the status that fits."""

from __future__ import annotations

import http
import logging
import secrets
from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from visavis.errors import AudioError, AvatarFileError, PortraitRefused, RoomError, ServiceError, VisavisError

logger = logging.getLogger(__name__)

STATUS_OF_CODE: Final[Mapping[str, int]] = {
    "token_malformed": 400,
    "room_url_invalid": 400,
    "token_expired": 403,
    "token_refused": 403,
    "token_cannot_join": 403,
    "token_cannot_publish": 403,
    "identity_in_use": 409,
    "room_unreachable": 502,
    "join_timeout": 504,
    "markup_unknown": 422,
    "emotion_unknown": 422,
    "gesture_unknown": 422,
    "control_unknown": 422,
    "background_unknown": 422,
    "background_unreadable": 422,
    "background_too_large": 413,
    "act_invalid": 422,
    "face_invalid": 422,
    "machine_full": 503,
    "stopping": 503,
}
"""Statuses of errors from below service/, by their code."""

STATUS_OF_KIND: Final[Sequence[tuple[type[VisavisError], int]]] = (
    (PortraitRefused, 422),
    (AudioError, 422),
    (RoomError, 502),
    (AvatarFileError, 500),
    (VisavisError, 500),
)
"""Statuses of errors whose code is not listed, by the first kind that fits."""

RETRY_AFTER_S: Final = 5


def status_of(error: VisavisError) -> int:
    """The HTTP status that fits an error."""
    if isinstance(error, ServiceError):
        return error.status
    if error.code in STATUS_OF_CODE:
        return STATUS_OF_CODE[error.code]
    return next(status for kind, status in STATUS_OF_KIND if isinstance(error, kind))


def error_response(
    status: int, code: str, message: str, hint: str = "", headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """One error, in the one form."""
    body = {"error": {"code": code, "message": message, "hint": hint}}
    return JSONResponse(body, status, {**(headers or {})})


def install_error_handlers(app: FastAPI) -> None:
    """Give every error that a route can meet its form."""
    app.add_exception_handler(VisavisError, _on_visavis_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_visavis_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, VisavisError)
    status = status_of(error)
    if status == 500:
        logger.error("a request failed", extra={"code": error.code, "path": request.url.path}, exc_info=error)
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status == 503 else None
    return error_response(status, error.code, error.message, error.hint, headers)


async def _on_invalid_request(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    problems = [_problem(detail) for detail in error.errors()]
    if any(detail["type"] == "json_invalid" for detail in error.errors()):
        return error_response(422, "invalid_json", "The body is not valid JSON.", "Send application/json.")
    return error_response(
        422, "invalid_request", "; ".join(problems) + ".", "GET /docs shows what this route takes, with examples."
    )


def _problem(detail: Mapping[str, Any]) -> str:
    # The first part says where: body, query or path. People look for the field's name.
    place = ".".join(str(part) for part in detail["loc"][1:]) or str(detail["loc"][0])
    return f"{place}: {detail['msg'].removeprefix('Value error, ')}"


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    method, path = request.method, request.url.path
    match error.status_code:
        case 404:
            code, message, hint = "not_found", f"There is nothing at {path}.", "GET /docs lists every route."
        case 405:
            allowed = (error.headers or {}).get("Allow", "another method")
            code, message, hint = "method_not_allowed", f"{path} does not take {method}.", f"It takes {allowed}."
        case 413:
            code, message, hint = "too_large", str(error.detail), "Send a smaller file, or less at once."
        case 400:
            code, message, hint = "invalid_request", str(error.detail), "GET /docs shows what this route takes."
        case status:
            code, message, hint = http.HTTPStatus(status).name.lower(), str(error.detail), ""
    return error_response(error.status_code, code, message, hint, error.headers)


class CatchAll:
    """The last resort: a bug answers 500 in the one form, with an id that is in the log beside the traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def note_start(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, note_start)
        except Exception:
            error_id = secrets.token_hex(4)
            logger.exception("a request broke down", extra={"error_id": error_id, "path": scope["path"]})
            if started:
                raise
            response = error_response(
                500, "internal_error", "Something broke in visavis.", f"The log has the details under {error_id}."
            )
            await response(scope, receive, send)
