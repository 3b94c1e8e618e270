"""Whether this machine has time for one session more, judged by what the running ones report."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

WINDOW_S: Final = 10.0
STRAINED: Final = 0.25
"""Share of ticks without time to draw, over all sessions and the window, from which on no session is let in.

A session sheds its own picture from 0.20 on (room/ladder.py): whoever is above still has shed what it can."""
RELIEVED: Final = 0.10
"""Below this share sessions are let in again."""
LEAST_S: Final = 5.0
"""What is shorter is a hiccup: a core that was busy with something else for a second refuses nobody."""


@dataclass(frozen=True, slots=True)
class _Report:
    at_s: float
    session_id: str
    strain: float


class Load:
    """The strain of all sessions over the last ten seconds, with hysteresis. Times are of one monotonic clock."""

    def __init__(self) -> None:
        self._reports: deque[_Report] = deque()
        self._strained = False

    def note(self, session_id: str, strain: float, now_s: float) -> None:
        """Take in what a session reports, once a second."""
        self._reports.append(_Report(now_s, session_id, strain))
        self._judge(now_s)

    def forget(self, session_id: str) -> None:
        """A session has ended: what it suffered says nothing any more."""
        self._reports = deque(report for report in self._reports if report.session_id != session_id)

    def strain(self, now_s: float) -> float:
        """Mean share of ticks without time to draw, 0 to 1; 0 where nothing runs."""
        while self._reports and self._reports[0].at_s < now_s - WINDOW_S:
            self._reports.popleft()
        if not self._reports:
            return 0.0
        return sum(report.strain for report in self._reports) / len(self._reports)

    def is_strained(self, now_s: float) -> bool:
        """Whether there is no time for one session more."""
        self._judge(now_s)
        return self._strained

    def _judge(self, now_s: float) -> None:
        strain = self.strain(now_s)
        if self._strained:
            self._strained = strain >= RELIEVED
        elif self._reports and now_s - self._reports[0].at_s >= LEAST_S:
            self._strained = strain > STRAINED
