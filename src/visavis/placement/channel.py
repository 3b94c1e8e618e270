"""Messages between a host and a session's process: length-prefixed JSON, and sound as it is.

Each message is ``uint32 length, uint8 kind, payload`` (little endian). Kind 0 is JSON, kind 1 is sound: ``uint32 rate``
and ``int16`` mono samples. Kind 2 is whatever a stream's client sends or is sent, passed through unread. Kind 3 is
sound whose phones are known: ``uint32 rate, uint32 length``, so many bytes of JSON (``[ipa, start_s, end_s]`` each),
samples.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import socket
import struct
from collections.abc import Sequence
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
from visavis.speech.phones import Phone, cut_phones, phone_values, phones_of_values

_HEADER: Final = struct.Struct("<IB")
_RATE: Final = struct.Struct("<I")
_JSON: Final = 0
_SOUND: Final = 1
_BYTES: Final = 2
_TIMED_SOUND: Final = 3
_TIMED: Final = struct.Struct("<II")
_MAX_BYTES: Final = 1 << 26
_EVENTS: Final = {
    kind.__name__: kind for kind in (Joined, StateChanged, SpeechEnded, RungChanged, TokenRefreshed, Stats)
}


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of speech."""

    pcm: NDArray[np.int16]
    sample_rate_hz: int
    phones: tuple[Phone, ...] | None = None
    """Its sounds, with times from its first sample; None where nobody knows."""

    @property
    def duration_s(self) -> float:
        """How long it sounds."""
        return len(self.pcm) / self.sample_rate_hz

    def part(self, begin: int, end: int | None = None) -> Sound:
        """The samples from ``begin`` to ``end``, with their phones."""
        pcm = self.pcm[begin:end]
        if self.phones is None:
            return Sound(pcm, self.sample_rate_hz)
        from_s = begin / self.sample_rate_hz
        return Sound(pcm, self.sample_rate_hz, cut_phones(self.phones, from_s, from_s + len(pcm) / self.sample_rate_hz))

    @staticmethod
    def joined(sounds: Sequence[Sound]) -> Sound:
        """Sounds of one rate as one."""
        pcm = np.concatenate([sound.pcm for sound in sounds])
        rate_hz = sounds[0].sample_rate_hz
        phones: list[Phone] = []
        at_s = 0.0
        for sound in sounds:
            if sound.phones is None:
                return Sound(pcm, rate_hz)
            phones += [Phone(phone.ipa, at_s + phone.start_s, at_s + phone.end_s) for phone in sound.phones]
            at_s += sound.duration_s
        return Sound(pcm, rate_hz, tuple(phones))


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
        samples = np.ascontiguousarray(sound.pcm, np.int16).tobytes()
        if sound.phones is None:
            self._write(_SOUND, _RATE.pack(sound.sample_rate_hz) + samples)
        else:
            phones = json.dumps(phone_values(sound.phones)).encode()
            self._write(_TIMED_SOUND, _TIMED.pack(sound.sample_rate_hz, len(phones)) + phones + samples)
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
        if kind == _TIMED_SOUND:
            rate, phones_bytes = _TIMED.unpack_from(payload)
            samples_at = _TIMED.size + phones_bytes
            phones = phones_of_values(json.loads(payload[_TIMED.size : samples_at]))
            return Sound(np.frombuffer(payload[samples_at:], np.int16), rate, phones)
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
