"""Queued utterances on their way to the performer.

Sound waits here as plain bytes and is given to the performer shortly before it is due: a client may send minutes
ahead, in pieces of any size, and costs only the bytes it sent.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from visavis.acting import Act
from visavis.errors import VisavisError
from visavis.performer import Performer, Phone

MAX_QUEUED_BYTES: Final = 64 << 20
"""Eleven minutes of mono at 48 kHz."""
MAX_CUES: Final = 1000
"""Acts that wait in a segment."""
MAX_SEGMENTS: Final = 1000
"""Segments that wait to be played."""
AHEAD_S: Final = 0.6
"""What the performer is given ahead: several times what the mouth must hear."""
_PIECE_S: Final = 0.2


@dataclass(slots=True, eq=False)
class Segment:
    """One utterance that has not been answered."""

    number: int
    sample_rate_hz: int
    channels: int
    complete: bool = False
    """Nothing more comes."""
    pcm: bytearray = field(default_factory=bytearray)
    """What the performer has not been given."""
    given_bytes: int = 0
    """What it has been given."""
    phones: deque[Phone] | None = None
    """The sounds of the rest, with times from the segment's first sample; None where nobody knows."""
    cues: deque[tuple[int, Act]] = field(default_factory=deque)
    """After how many bytes of the segment something is to be done, and what."""
    first_sound_s: float = 0.0
    """When its first sound came, by the monotonic clock; 0 before."""
    performer_id: int | None = None

    def position_s(self, position_bytes: int) -> float:
        """Where so many bytes of it end."""
        return position_bytes / (2 * self.channels * self.sample_rate_hz)

    def take_phones(self, from_s: float, to_s: float) -> list[Phone] | None:
        """Those that begin before ``to_s``, with times from ``from_s``."""
        if self.phones is None:
            return None
        taken = []
        while self.phones and self.phones[0].start_s < to_s:
            phone = self.phones.popleft()
            taken.append(Phone(phone.ipa, phone.start_s - from_s, phone.end_s - from_s))
        return taken


class Intake:
    """The queue before a performer; one per stream."""

    def __init__(self, performer: Performer) -> None:
        self._performer = performer
        self._waiting: deque[Segment] = deque()
        """Those that the performer has not been given to the end."""
        self._unanswered: dict[int, Segment] = {}
        self._open: Segment | None = None
        self._last_number = 0
        self._queued_bytes = 0

    @property
    def open_segment(self) -> Segment | None:
        """The client's open one."""
        return self._open

    @property
    def unanswered(self) -> list[int]:
        """The numbers of the segments that were neither played to the end nor dropped, in order."""
        return list(self._unanswered)

    @property
    def queued_s(self) -> float:
        """Sound that has not been played."""
        here_s = sum(len(item.pcm) / (2 * item.channels * item.sample_rate_hz) for item in self._waiting)
        return here_s + self._performer.queued_s

    def begin(self, number: int, sample_rate_hz: int, channels: int) -> Segment:
        """A new segment, behind all others; ``number`` 0 takes the next.

        Raises:
            VisavisError: ``segment_closed`` (a number that does not rise), ``queue_full``.
        """
        number = number or self._last_number + 1
        if number <= self._last_number:
            raise VisavisError(
                "segment_closed",
                f"Segment {number} is over, or later ones have begun.",
                "Numbers of segments rise; 0 lets the server count.",
            )
        if len(self._unanswered) >= MAX_SEGMENTS:
            raise _queue_full(f"{MAX_SEGMENTS} segments wait to be played already.")
        segment = Segment(number, sample_rate_hz, channels)
        self._last_number = number
        self._waiting.append(segment)
        self._unanswered[number] = segment
        return segment

    def open(self, number: int, sample_rate_hz: int, channels: int) -> Segment:
        """The client's open segment, if it has that ``number`` (0: whichever it is); else a new one in its place.

        Raises:
            VisavisError: as :meth:`begin`.
        """
        if self._open is not None and number in (0, self._open.number):
            return self._open
        segment = self.begin(number, sample_rate_hz, channels)
        self.close_open()
        self._open = segment
        return segment

    def close_open(self) -> bool:
        """Nothing more comes for the client's open segment; whether there was one."""
        segment, self._open = self._open, None
        if segment is None:
            return False
        segment.complete = True
        return True

    def push(self, segment: Segment, pcm: bytes | memoryview, phones: Sequence[Phone] | None = None) -> None:
        """Append sound, whole samples of ``int16``, and its phones where they are known, with times from its first.

        Raises:
            VisavisError: ``queue_full``.
        """
        if self._queued_bytes + len(pcm) > MAX_QUEUED_BYTES:
            raise _queue_full(f"{MAX_QUEUED_BYTES >> 20} MiB of sound wait to be played already.")
        if pcm and not segment.first_sound_s:
            segment.first_sound_s = time.monotonic()
        if phones is not None:
            at_s = segment.position_s(segment.given_bytes + len(segment.pcm))
            segment.phones = deque() if segment.phones is None else segment.phones
            segment.phones += (Phone(phone.ipa, at_s + phone.start_s, at_s + phone.end_s) for phone in phones)
        segment.pcm += pcm
        self._queued_bytes += len(pcm)

    def cue(self, segment: Segment, act: Act) -> None:
        """Do ``act`` once what was pushed so far has been played.

        Raises:
            VisavisError: ``queue_full``.
        """
        if len(segment.cues) >= MAX_CUES:
            raise _queue_full(f"{MAX_CUES} acts wait in the segment already.")
        segment.cues.append((segment.given_bytes + len(segment.pcm), act))

    def feed(self) -> None:
        """Give the performer what it needs for the next ticks."""
        while self._waiting:
            segment = self._waiting[0]
            if not segment.pcm and not segment.cues and not segment.complete:
                return
            if segment.performer_id is None:
                segment.performer_id = self._performer.begin_segment()
            while segment.cues and segment.cues[0][0] <= segment.given_bytes:
                self._performer.cue(segment.cues.popleft()[1])
            if segment.pcm:
                if self._performer.queued_s >= AHEAD_S:
                    return
                self._give(segment)
            elif not segment.complete:
                return
            else:
                self._performer.end_segment()
                self._waiting.popleft()

    def of_performer(self, performer_id: int) -> Segment:
        """The segment that the performer plays under an id of its own."""
        return next(segment for segment in self._unanswered.values() if segment.performer_id == performer_id)

    def answered(self, segment: Segment) -> None:
        """It was played to its end."""
        self._unanswered.pop(segment.number, None)

    def clear(self) -> list[Segment]:
        """Drop everything; the segments that are unanswered thereby, in order."""
        dropped = list(self._unanswered.values())
        self._waiting.clear()
        self._unanswered.clear()
        self._open = None
        self._queued_bytes = 0
        return dropped

    def _give(self, segment: Segment) -> None:
        count = 2 * segment.channels * max(1, round(_PIECE_S * segment.sample_rate_hz))
        if segment.cues:
            count = min(count, segment.cues[0][0] - segment.given_bytes)
        piece = bytes(segment.pcm[:count])
        del segment.pcm[:count]
        from_s = segment.position_s(segment.given_bytes)
        segment.given_bytes += len(piece)
        phones = segment.take_phones(from_s, segment.position_s(segment.given_bytes))
        self._queued_bytes -= len(piece)
        pcm = np.frombuffer(piece, np.int16)
        self._performer.push_audio(
            pcm.reshape(-1, segment.channels) if segment.channels > 1 else pcm, segment.sample_rate_hz, phones
        )


def _queue_full(what: str) -> VisavisError:
    return VisavisError("queue_full", what, "Send at the pace of playing, or wait for playback_finished.")
