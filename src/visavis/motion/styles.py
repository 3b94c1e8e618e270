"""How lively a face is while nothing else is asked of it: factors on what the other modules say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from visavis.acting import IdleStyle


@dataclass(frozen=True, slots=True)
class Style:
    """Factors; those of ``calm`` are 1."""

    posture: float
    """On how far the head is held from the middle."""
    hold: float
    """On how long a posture is held."""
    drift: float
    """On the small movements within a posture."""
    contact: float
    """On how long the eyes stay with the viewer before they wander."""
    fixation: float
    """On how far the eyes jump within the viewer's face."""
    beats: float
    """On how often, and how far, the head nods and the brows rise with speech."""
    smile: float
    """On the smile of a face at rest."""


STYLES: Final[Mapping[IdleStyle, Style]] = {
    "calm": Style(posture=1.0, hold=1.0, drift=1.0, contact=1.0, fixation=1.0, beats=1.0, smile=1.0),
    "lively": Style(posture=1.4, hold=0.6, drift=1.15, contact=0.8, fixation=1.1, beats=1.35, smile=1.6),
    "still": Style(posture=0.25, hold=1.6, drift=0.5, contact=3.0, fixation=0.6, beats=0.5, smile=0.5),
}
