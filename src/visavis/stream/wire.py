"""The binary messages of a stream: a fixed header of 24 bytes, little endian, then the payload.

    offset 0   uint8   kind: 1 sound, 2 picture
           1   uint8   flags
           2   uint16  0
           4   uint32  generation: how many interruptions came before
           8   uint32  segment; 0 for none, or from a client for "the open one"
          12   uint32  duration in samples of the sound that goes out
          16   uint64  pts, in the same samples since the stream's start

docs/stream.md tells what clients need to know.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final

from visavis.errors import VisavisError

MAX_MESSAGE_BYTES: Final = 1 << 20
"""The longest message that a client may send: five seconds of stereo at 48 kHz."""

_HEADER: Final = struct.Struct("<BBHIIIQ")
HEADER_BYTES: Final = _HEADER.size


class Kind(IntEnum):
    """What the payload is."""

    SOUND = 1
    """``int16``, little endian; interleaved where there are two channels."""
    PICTURE = 2
    """One JPEG, one H.264 access unit (Annex B), or one VP8 frame."""


class Flag(IntFlag):
    """Remarks about a message."""

    KEY = 1
    """A picture that needs no earlier one."""
    START = 2
    """The segment's first sound."""
    END = 4
    """The segment's last sound."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stands before a payload."""

    kind: Kind
    flags: Flag
    generation: int
    segment: int
    duration_samples: int = 0
    pts_samples: int = 0


def pack(header: Header, payload: bytes) -> bytes:
    """A whole message."""
    return _HEADER.pack(header.kind, header.flags, 0, *_numbers(header)) + payload


def unpack_sound(message: bytes, *, channels: int) -> tuple[Header, memoryview]:
    """A client's message, taken apart: header and ``int16`` sound.

    Raises:
        VisavisError: ``message_malformed`` (too short, or a header that is none), ``message_kind`` (no sound),
            ``pcm_odd`` (part of a sample).
    """
    if len(message) < HEADER_BYTES:
        raise VisavisError(
            "message_malformed",
            f"A binary message of {len(message)} bytes is shorter than its header of {HEADER_BYTES}.",
            "Put the header before the sound; docs/stream.md shows it.",
        )
    kind, flags, zero, generation, segment, duration, pts = _HEADER.unpack_from(message)
    if kind != Kind.SOUND:
        raise VisavisError("message_kind", f"A binary message of kind {kind}.", "Clients send sound, which is kind 1.")
    if zero or flags not in (0, Flag.END):
        raise VisavisError(
            "message_malformed",
            f"A header with the flags {flags:#04x} and {zero} in its reserved bytes.",
            "Numbers are little endian; the only flag of clients is 4, the end of a segment.",
        )
    payload = memoryview(message)[HEADER_BYTES:]
    if len(payload) % (2 * channels):
        raise VisavisError(
            "pcm_odd",
            f"{len(payload)} bytes of sound are no whole number of samples ({2 * channels} bytes each).",
            "Send int16 samples, interleaved where there are two channels; keep the rest for the next message.",
        )
    return Header(Kind.SOUND, Flag(flags), generation, segment, duration, pts), payload


def _numbers(header: Header) -> tuple[int, int, int, int]:
    return header.generation, header.segment, header.duration_samples, header.pts_samples
