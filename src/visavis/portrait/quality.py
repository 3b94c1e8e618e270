"""How good a photo is, 0 to 100, and what its owner should know: every loss of more than a trifle has a name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from visavis.avatar import Finding
from visavis.portrait.geometry import smoothstep
from visavis.portrait.inspection import Inspection

_WORTH_SAYING: Final = 0.04
"""A smaller loss has no finding of its own."""


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What is known of an accepted photo once its head is built."""

    face_count: int
    face_height_px: float
    yaw_deg: float
    pitch_deg: float
    lip_gap_mm: float
    extended_share: float
    """Share of the frame's side that had to be invented."""
    spectacles: bool
    sunglasses: bool
    inspection: Inspection


@dataclass(frozen=True, slots=True)
class Quality:
    """A score and its reasons, the worst first."""

    score: float
    """0 .. 100."""
    findings: tuple[Finding, ...]


def judge(facts: PhotoFacts) -> Quality:
    """Score a photo: ``100 * prod(1 - loss)`` over everything that costs something."""
    remaining = 1.0
    named: list[tuple[float, Finding]] = []
    for loss, code, message in _losses(facts):
        remaining *= 1 - loss
        if loss >= _WORTH_SAYING:
            named.append((loss, Finding(code, message)))
    named.sort(key=lambda item: -item[0])
    findings = tuple(finding for _, finding in named)
    if facts.face_count > 1:
        several = Finding("several_faces", f"The photo shows {facts.face_count} faces; the largest was taken.")
        findings = (several, *findings)
    return Quality(round(100 * remaining, 1), findings)


def _losses(facts: PhotoFacts) -> Iterator[tuple[float, str, str]]:
    seen, height = facts.inspection, facts.face_height_px
    yield (
        0.45 * (1 - _ramp(90, 300, height)),
        "small_face",
        f"The face is only {height:.0f} pixels high in the photo: expect a soft picture.",
    )
    yield 0.35 * _ramp(0.45, 0.75, seen.blur), "blurred_face", "The face is out of focus or blurred: so is the avatar."
    turned = abs(facts.yaw_deg)
    yield (
        0.35 * _ramp(8, 32, turned),
        "turned_head",
        f"The head is turned {turned:.0f} degrees: it will move less to that side.",
    )
    tilted = abs(facts.pitch_deg)
    how = "down" if facts.pitch_deg > 0 else "up"
    yield (
        0.30 * _ramp(8, 32, tilted),
        f"looking_{how}",
        f"The head is tilted {how} by {tilted:.0f} degrees: rounded lips and nods look less natural.",
    )
    yield (
        0.35 * _ramp(1.5, 22, facts.lip_gap_mm),
        "open_mouth",
        f"The lips are {facts.lip_gap_mm:.0f} mm apart: they are closed for the rest pose; "
        "a photo with closed lips gives a better one.",
    )
    yield (
        0.30 * _ramp(0.0, 0.35, facts.extended_share),
        "tight_crop",
        f"The photo ends close to the face: {facts.extended_share:.0%} of the picture's side had to be invented.",
    )
    if facts.sunglasses:
        yield 0.12, "sunglasses", "The eyes lie behind dark glasses: they neither blink nor look anywhere."
    elif facts.spectacles:
        yield 0.04, "glasses", "The face wears glasses: they stay rigid, so the brows move less."
    if not facts.sunglasses:
        yield (
            0.25 * (1 - _ramp(0.11, 0.17, min(seen.eye_opening))),
            "narrow_eyes",
            f"The lids are {min(seen.eye_opening):.2f} of the eye's width apart, half of what they usually are: "
            "eyes that are nearly closed stay so.",
        )
    yield (
        0.30 * (1 - _ramp(12, 34, seen.lightness)),
        "dark_photo",
        f"The face is dark (lightness {seen.lightness:.0f} of 100): expect noise and little detail.",
    )
    yield (
        0.30 * _ramp(0.03, 0.25, seen.clipped_share),
        "overexposed",
        f"{seen.clipped_share:.0%} of the face is burnt out to white: it stays flat when the head turns.",
    )
    yield (
        0.20 * _ramp(16, 45, seen.side_contrast),
        "hard_light",
        f"One side of the face is {seen.side_contrast:.0f} of 100 lighter than the other: "
        "shadows stay where they are when the head turns.",
    )


def _ramp(low: float, high: float, x: float) -> float:
    return float(smoothstep(low, high, x))
