"""Messages between a host and a session's process: length-prefixed JSON, and sound as it is.

Each message is ``uint32 length, uint8 kind, payload`` (little endian). Kind 0 is JSON, kind 1 is sound: ``uint32 rate``
and ``int16`` mono samples. Kind 2 is whatever a stream's client sends or is sent, passed through unread.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import socket
import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from visavis.room.events import (
    Joined,
    RungChanged,
    SessionEvent,
    SessionState,
    SpeechEnded,
    StateChanged,
    Stats,
    TokenRefreshed,
)

_HEADER: Final = struct.Struct("<IB")
_RATE: Final = struct.Struct("<I")
_JSON: Final = 0
_SOUND: Final = 1
_BYTES: Final = 2
_MAX_BYTES: Final = 1 << 26
_EVENTS: Final = {
    kind.__name__: kind for kind in (Joined, StateChanged, SpeechEnded, RungChanged, TokenRefreshed, Stats)
}


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of speech."""

    pcm: NDArray[np.int16]
    sample_rate_hz: int

    @property
    def duration_s(self) -> float:
        """How long it sounds."""
        return len(self.pcm) / self.sample_rate_hz


class Channel:
    """One end of a socket pair."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @staticmethod
    async def open(end: socket.socket) -> Channel:
        """Take over one end of a socket pair."""
        end.setblocking(False)
        return Channel(*await asyncio.open_connection(sock=end))

    def post(self, message: dict[str, Any]) -> None:
        """Send without waiting; for small messages."""
        self._write(_JSON, json.dumps(message).encode())

    async def send_sound(self, sound: Sound) -> None:
        """Send speech, at the pace at which the other end takes it."""
        self._write(_SOUND, _RATE.pack(sound.sample_rate_hz) + np.ascontiguousarray(sound.pcm, np.int16).tobytes())
        await self._writer.drain()

    def post_bytes(self, message: bytes) -> None:
        """Send without waiting; :attr:`unsent_bytes` tells whether the other end keeps up."""
        self._write(_BYTES, message)

    async def send_bytes(self, message: bytes) -> None:
        """Send at the pace at which the other end takes it."""
        self._write(_BYTES, message)
        with contextlib.suppress(ConnectionError):  # the end of the stream tells it too
            await self._writer.drain()

    @property
    def unsent_bytes(self) -> int:
        """What waits for the other end to read."""
        return self._writer.transport.get_write_buffer_size()

    async def receive(self) -> dict[str, Any] | Sound | bytes | None:
        """The next message; None when the other end is gone."""
        try:
            length, kind = _HEADER.unpack(await self._reader.readexactly(_HEADER.size))
            if length > _MAX_BYTES:
                return None
            payload = await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        if kind == _SOUND:
            (rate,) = _RATE.unpack_from(payload)
            return Sound(np.frombuffer(payload, np.int16, offset=_RATE.size), rate)
        if kind == _BYTES:
            return payload
        message: dict[str, Any] = json.loads(payload)
        return message

    async def finish(self) -> None:
        """Send no more, and wait until the other end is gone: closing at once, with something unread, would take what
        was sent last from it."""
        with contextlib.suppress(ConnectionError):
            self._writer.write_eof()
        while await self.receive() is not None:
            pass

    async def aclose(self) -> None:
        """Close this end; the other sees the end of the stream."""
        self._writer.close()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def _write(self, kind: int, payload: bytes) -> None:
        if not self._writer.is_closing():
            self._writer.write(_HEADER.pack(len(payload), kind) + payload)


def encode_event(event: SessionEvent) -> dict[str, Any]:
    """An event as a JSON message."""
    return {"event": type(event).__name__, **dataclasses.asdict(event)}


def decode_event(message: dict[str, Any]) -> SessionEvent:
    """The event of a JSON message."""
    values = dict(message)
    kind = _EVENTS[values.pop("event")]
    if kind is StateChanged:
        values["state"] = SessionState(values["state"])
    if kind is Joined:
        values["warnings"] = tuple(values["warnings"])
    return kind(**values)
