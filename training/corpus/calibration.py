"""How far each engine's own times are from where its sounds are heard, measured against a forced aligner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Offset:
    """Forced alignment minus the engine's time, over the boundaries of phones that both name alike."""

    median_ms: float
    interquartile_ms: float
    boundary_count: int

    @property
    def shift_s(self) -> float:
        return self.median_ms / 1000


CALIBRATION: Final[Mapping[str, Offset]] = MappingProxyType(
    {
        "espeak": Offset(-9.0, 15.0, 0),
        "flite": Offset(-8.0, 15.0, 0),
        "festival": Offset(0.0, 15.0, 0),
        "hibari": Offset(-65.0, 30.0, 0),
        "kokoro": Offset(-65.0, 30.0, 0),
        "piper": Offset(-35.0, 38.0, 0),
    }
)
