"""Messages between the host and its worker: a JSON object and, for sound, samples after it.

A message is 4 bytes (the length of the object), 4 bytes (the length of the samples in bytes), the object in UTF-8,
the samples as little-endian int16. Both numbers are little-endian and unsigned.

To the worker: ``{"do": "speak", "id", "text", "language", "voice"}``, ``{"do": "warm_up", "id", "language"}``,
``{"do": "cancel", "id"}``. From it: ``{"is": "chunk", "id", "sample_rate_hz", "phones"}`` with samples,
``{"is": "end", "id"}``, ``{"is": "error", "id", "code", "message", "hint", "status"}``. Phones are a list of
``[ipa, start_s, end_s]`` with times from the chunk's first sample, or null where the engine does not tell.
"""

from __future__ import annotations

import asyncio
import json
import struct
from typing import Any, BinaryIO, Final, TypeAlias

Message: TypeAlias = dict[str, Any]

_HEADER: Final = struct.Struct("<II")


def packed(message: Message, samples: bytes = b"") -> bytes:
    """A message as bytes."""
    content = json.dumps(message).encode()
    return _HEADER.pack(len(content), len(samples)) + content + samples


def read_message(stream: BinaryIO) -> Message | None:
    """The next message to a worker; None at the end of the stream."""
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    content_bytes, sample_bytes = _HEADER.unpack(header)
    content = stream.read(content_bytes)
    stream.read(sample_bytes)
    if len(content) < content_bytes:
        return None
    message: Message = json.loads(content)
    return message


async def receive_message(stream: asyncio.StreamReader) -> tuple[Message, bytes]:
    """The next message from a worker and its samples.

    Raises:
        asyncio.IncompleteReadError: the worker is gone.
    """
    content_bytes, sample_bytes = _HEADER.unpack(await stream.readexactly(_HEADER.size))
    message: Message = json.loads(await stream.readexactly(content_bytes))
    return message, await stream.readexactly(sample_bytes)
