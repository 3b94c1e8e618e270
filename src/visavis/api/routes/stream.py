"""An agent over a WebSocket: sound in, pictures and sound out. docs/stream.md tells the protocol."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from contextlib import suppress
from typing import Any, Final, TypeVar

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import TypeAdapter, ValidationError

from visavis.api.stream_messages import (
    COMMAND,
    HELLO,
    EmotionMessage,
    EndSegment,
    FaceMessage,
    GestureMessage,
    Interrupt,
    KeyFrame,
    Listening,
    Received,
    SpeakText,
)
from visavis.api.websocket_keys import SUBPROTOCOL
from visavis.errors import VisavisError
from visavis.service import MAX_MESSAGE_BYTES, OpenStream, Services

logger = logging.getLogger(__name__)

router = APIRouter()

HELLO_TIMEOUT_S: Final = 10.0
SEND_TIMEOUT_S: Final = 15.0
"""A client that takes nothing for so long is given up."""
_FAREWELL_S: Final = 2.0

CLOSE_CODES: Final = {
    "idle_timeout": 1000,
    "agent_deleted": 1001,
    "stopping": 1001,
    "message_kind": 1003,
    "message_malformed": 1007,
    "message_invalid": 1007,
    "pcm_odd": 1007,
    "message_too_large": 1009,
    "internal_error": 1011,
    "stream_crashed": 1011,
    "stream_stuck": 1011,
    "machine_full": 1013,
}
"""RFC 6455's close codes by our errors'; of any other error it is 1008."""

Message = TypeVar("Message")


@router.websocket("/agents/{agent_id}/stream")
async def stream(websocket: WebSocket, agent_id: str) -> None:
    """Runs until the client closes, or an error ends it: that is sent first, in the one form."""
    services: Services = websocket.app.state.services
    await websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in websocket.scope["subprotocols"] else None)
    try:
        hello = await _hello(websocket)
        async with services.streams.open(agent_id, hello) as opened:
            await _converse(websocket, opened)
    except WebSocketDisconnect:
        return
    except VisavisError as error:
        await _end(websocket, error)
    except Exception:
        error_id = secrets.token_hex(4)
        logger.exception("a stream broke down", extra={"error_id": error_id, "agent_id": agent_id})
        await _end(
            websocket,
            VisavisError("internal_error", "Something broke in visavis.", f"The log has the details under {error_id}."),
        )


async def _hello(websocket: WebSocket) -> Any:
    try:
        async with asyncio.timeout(HELLO_TIMEOUT_S):
            message = await _receive(websocket)
    except TimeoutError:
        raise VisavisError(
            "hello_missing",
            f"No hello came within {HELLO_TIMEOUT_S:.0f} s.",
            'Begin with {"type": "hello", "sample_rate": ...}.',
        ) from None
    if isinstance(message, bytes):
        raise VisavisError(
            "hello_missing", "The first message is binary.", 'Begin with {"type": "hello", "sample_rate": ...}.'
        )
    return _parsed(HELLO, message).request()


async def _converse(websocket: WebSocket, opened: OpenStream) -> None:
    """Pass messages on in both directions until one of them ends.

    Raises:
        WebSocketDisconnect: the client has gone.
        VisavisError: what ended the stream.
    """
    tasks = {
        asyncio.create_task(_listen(websocket, opened), name="listen to the client"),
        asyncio.create_task(_relay(websocket, opened), name="relay to the client"),
    }
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


async def _listen(websocket: WebSocket, opened: OpenStream) -> None:
    while True:
        message = await _receive(websocket)
        if isinstance(message, bytes):
            await opened.push(message)
            continue
        command = _parsed(COMMAND, message)
        match command:
            case Interrupt(played_pts=played_pts):
                await opened.interrupt(played_pts)
            case EndSegment():
                opened.end_segment()
            case KeyFrame():
                opened.request_key_frame()
            case Received(pts=pts):
                opened.note_received(pts)
            case EmotionMessage() | GestureMessage() | FaceMessage():
                _direct(opened, command)
            case Listening(listening=listening):
                opened.listen(listening)
            case SpeakText() as speak:
                opened.speak(speak.text, language=speak.language, voice=speak.voice, segment=speak.segment)


def _direct(opened: OpenStream, command: EmotionMessage | GestureMessage | FaceMessage) -> None:
    """A name that there is not ends no stream: it may come from a language model."""
    try:
        if isinstance(command, FaceMessage):
            opened.direct(command.direction())
        else:
            opened.act(command.act(), queued=command.queued)
    except VisavisError as error:
        opened.tell(error)


async def _relay(websocket: WebSocket, opened: OpenStream) -> None:
    # One message at a time, at the client's pace: what it does not read waits in the stream's own process, which
    # then leaves out pictures.
    while True:
        message = await opened.receive()
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                if isinstance(message, bytes):
                    await websocket.send_bytes(message)
                else:
                    await websocket.send_text(json.dumps(message))
        except TimeoutError:
            raise VisavisError(
                "reader_too_slow",
                f"The client took nothing for {SEND_TIMEOUT_S:.0f} s.",
                "Read messages as they come.",
            ) from None


async def _receive(websocket: WebSocket) -> bytes | str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    data: bytes | str = message["text"] if message.get("bytes") is None else message["bytes"]
    if len(data) > MAX_MESSAGE_BYTES:
        raise VisavisError(
            "message_too_large",
            f"A message of {len(data)} bytes; {MAX_MESSAGE_BYTES} is the most.",
            "Send sound in smaller pieces.",
        )
    return data


def _parsed(adapter: TypeAdapter[Message], text: str) -> Message:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        problems = [_problem(detail) for detail in error.errors(include_url=False, include_input=False)]
        raise VisavisError(
            "message_invalid", f"{'; '.join(problems)}.", "docs/stream.md lists the messages and their fields."
        ) from None


def _problem(detail: Any) -> str:
    place = ".".join(str(part) for part in detail["loc"])
    return f"{place}: {detail['msg']}" if place else str(detail["msg"])


async def _end(websocket: WebSocket, error: VisavisError) -> None:
    """Tell an error, then close with the code that fits. Whoever does not read any more is not waited for."""
    with suppress(TimeoutError, WebSocketDisconnect, RuntimeError):
        async with asyncio.timeout(_FAREWELL_S):
            await websocket.send_text(json.dumps({"type": "error", "error": error.as_dict(), "fatal": True}))
            await websocket.close(CLOSE_CODES.get(error.code, 1008), error.code)
