"""What is on its way to a client that tells what it has received.

Buffers that nobody here can see (the client's, a proxy's, the network's) hold megabytes: on a thin line that is
seconds. So as much is kept on the way as the client has lately taken in :data:`WINDOW_S`, and no more.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Final

WINDOW_S: Final = 0.4
"""More than a round trip around the world; what is on the way arrives so much later at most."""
LEAST_BYTES: Final = 96 << 10
"""A picture or two may always be on the way: from nothing, no rate would ever be seen."""
_RATE_OVER_S: Final = 1.5


class Backlog:
    """Counts bytes by the ``pts`` that they were sent with."""

    def __init__(self) -> None:
        self._sent: deque[tuple[int, int]] = deque()
        """``pts`` and all bytes sent with it or before, of what has not been received."""
        self._sent_bytes = 0
        self._received: deque[tuple[float, int]] = deque()
        """When how many bytes had been received."""
        self._received_bytes = 0
        self._received_pts: int | None = None

    def note_sent(self, pts: int, size_bytes: int) -> None:
        """A message has left."""
        self._sent_bytes += size_bytes
        if self._received_pts is None:
            return
        if self._sent and self._sent[-1][0] == pts:
            self._sent.pop()
        self._sent.append((pts, self._sent_bytes))

    def note_received(self, pts: int) -> None:
        """The client has everything up to there."""
        now_s = time.monotonic()
        if self._received_pts is None:  # the first word: what was sent before is taken for received
            self._received_bytes = self._sent_bytes
        self._received_pts = max(pts, self._received_pts or 0)
        while self._sent and self._sent[0][0] <= pts:
            self._received_bytes = self._sent.popleft()[1]
        self._received.append((now_s, self._received_bytes))
        while self._received[0][0] < now_s - _RATE_OVER_S:
            self._received.popleft()

    def behind_samples(self, pts: int) -> int | None:
        """How far the client is behind ``pts``; None where it says nothing."""
        return None if self._received_pts is None else max(pts - self._received_pts, 0)

    @property
    def is_full(self) -> bool:
        """So much is on the way that a picture more would come late."""
        if self._received_pts is None:
            return False
        return self._sent_bytes - self._received_bytes > max(LEAST_BYTES, WINDOW_S * self._rate_bytes_s)

    @property
    def _rate_bytes_s(self) -> float:
        (first_s, first), (last_s, last) = self._received[0], self._received[-1]
        return (last - first) / max(last_s - first_s, 0.1)
