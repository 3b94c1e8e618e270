"""Does anything grow? Memory, file descriptors, threads and processes of a tree of processes, over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import psutil

SHARE: Final = 5
"""The first of so many parts of a run is compared with the last."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One process at an instant."""

    rss_bytes: int
    pss_bytes: int
    private_bytes: int
    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class TreeSample:
    """A tree of processes at an instant."""

    at_s: float
    named: Mapping[str, Sample]
    """Those of interest, by name."""
    processes: int
    """All there are."""


@dataclass(frozen=True, slots=True)
class Growth:
    """Medians of the first and the last part of a run."""

    first: float
    last: float

    @property
    def percent(self) -> float:
        """By how much the last is above the first."""
        return (self.last / self.first - 1) * 100 if self.first else 0.0

    @property
    def absolute(self) -> float:
        """The same, in what was counted."""
        return self.last - self.first


def sample_tree(root: psutil.Process, named: Mapping[str, int], at_s: float) -> TreeSample:
    """Look at a tree of processes.

    Args:
        root: its oldest process.
        named: ids of those that are looked at closely; one that is gone is left out.
    """
    samples: dict[str, Sample] = {}
    for name, pid in named.items():
        try:
            process = psutil.Process(pid)
            memory = process.memory_full_info()
            samples[name] = Sample(memory.rss, memory.pss, memory.uss, process.num_fds(), process.num_threads())
        except psutil.Error:
            continue
    return TreeSample(at_s, samples, 1 + len(root.children(recursive=True)))


def growth(values: Sequence[float]) -> Growth:
    """From the first part of a series to its last; nothing where it is too short to tell."""
    count = max(1, len(values) // SHARE)
    if not values:
        return Growth(0.0, 0.0)
    return Growth(float(np.median(values[:count])), float(np.median(values[-count:])))


def slope(at_s: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    """Theil and Sen's slope per second, which outliers hardly move, and the standard error of a straight line's."""
    if len(values) < 3:
        return 0.0, float("inf")
    x, y = np.asarray(at_s, float), np.asarray(values, float)
    later, earlier = np.triu_indices(len(x), 1)[::-1]
    apart = x[later] - x[earlier]
    steps = (y[later] - y[earlier])[apart > 0] / apart[apart > 0]
    best = float(np.median(steps))
    rest = y - best * x
    spread = 1.4826 * float(np.median(np.abs(rest - np.median(rest))))
    return best, spread / float(np.sqrt(np.sum((x - x.mean()) ** 2)))
