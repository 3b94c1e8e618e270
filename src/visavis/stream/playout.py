"""What of the segments has been played, by the stream's clock."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass
from typing import Final

_REMEMBERED_S: Final = 20.0
"""A client's own buffer is shorter than this."""


@dataclass(frozen=True, slots=True)
class _Played:
    pts_samples: int
    segment: int
    from_samples: int
    """Position in the segment where this begins."""
    samples: int


class Playout:
    """Remembers which sound left when; positions and ``pts`` count the samples of the sound that goes out."""

    def __init__(self, rate_hz: int, fps: int) -> None:
        self._rate_hz = rate_hz
        self._played: deque[_Played] = deque(maxlen=round(_REMEMBERED_S * fps))
        self._tick_pts = 0
        self._tick_samples = 0
        self._tick_left_s = 0.0

    def note_tick(self, pts_samples: int, samples: int) -> None:
        """A tick leaves now."""
        self._tick_pts, self._tick_samples, self._tick_left_s = pts_samples, samples, time.monotonic()

    def note_sound(self, segment: int, position_samples: int, samples: int) -> None:
        """The tick that was noted last carries so many samples of a segment, up to this position."""
        self._played.append(_Played(self._tick_pts, segment, position_samples - samples, samples))

    @property
    def now_pts(self) -> int:
        """What is being played, for somebody who plays everything as it comes."""
        elapsed = round((time.monotonic() - self._tick_left_s) * self._rate_hz)
        return self._tick_pts + min(elapsed, self._tick_samples)

    def position_s(self, segment: int, pts_samples: int) -> float:
        """How much of a segment had been played at an instant, in seconds."""
        for played in reversed(self._played):
            if played.segment == segment and played.pts_samples <= pts_samples:
                within = min(pts_samples - played.pts_samples, played.samples)
                return (played.from_samples + within) / self._rate_hz
        return 0.0
