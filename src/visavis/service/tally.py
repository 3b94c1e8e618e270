"""What has happened since this program began, counted for whoever watches many of them."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field


class Histogram:
    """Counts of values up to each bound; the last count is of what is larger than every bound."""

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = tuple(bounds)
        self.counts = [0] * (len(self.bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value


@dataclass(slots=True)
class Tally:
    """Of all sessions together. Keys are codes of a closed set: never a name, a room or an id."""

    ended: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By final state and reason."""
    refused: Counter[str] = field(default_factory=Counter)
    """Joins that did not become a session, by the error's code."""
    crashes: int = 0
    """Processes of sessions that died."""
    segments: Counter[str] = field(default_factory=Counter)
    """Utterances, ``played`` and ``interrupted``."""
    join_s: Histogram = field(default_factory=lambda: Histogram((0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20)))
    """From the request to the published picture."""
    comeback_s: Histogram = field(default_factory=lambda: Histogram((0.5, 1, 1.5, 2, 3, 5, 10, 30)))
    """From a process's death to its successor's published picture."""
    latency_s: Histogram = field(
        default_factory=lambda: Histogram((0.05, 0.08, 0.1, 0.12, 0.14, 0.16, 0.18, 0.2, 0.25, 0.3, 0.5, 1))
    )
    """From an utterance's first sound arriving at its session to it, with its lips, leaving."""
