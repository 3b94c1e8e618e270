"""How far each engine's own times are from where its sounds are heard, measured against a forced aligner.

``python -m training.corpus.measure_calibration`` measures what remains.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Calibration:
    """What is done to an engine's times, and what the aligner says of them afterwards (its minus ours)."""

    shift_ms: float
    """Added to all times of the engine."""
    remaining_ms: float
    """Median."""
    interquartile_ms: float
    lips_ms: float
    """Median of the beginnings of p, b and m."""

    @property
    def shift_s(self) -> float:
        return self.shift_ms / 1000


CALIBRATION: Final[Mapping[str, Calibration]] = MappingProxyType(
    {
        "espeak": Calibration(-9.0, 0, 16, 4),
        "flite": Calibration(-8.0, 2, 17, 5),
        "festival": Calibration(0.0, -4, 15, -3),
        "hibari": Calibration(-65.0, -5, 25, -5),
        "kokoro": Calibration(-65.0, -5, 19, -10),
        "piper": Calibration(-35.0, 0, 0, 0),
    }
)
