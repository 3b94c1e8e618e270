"""Whether the face does what it is told: how much, how evenly, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.likeness.meter import FaceMeter, Measured, correlation_and_slope
from benchmarks.likeness.subject import MOUTH_SHAPES, Controls, Subject, both
from visavis.avatar import LIP_COLUMNS
from visavis.face import VISEMES, FaceState, face_state, viseme_controls
from visavis.render.kernels.lips import lip_curves
from visavis.render.rig import Rig, camera_lean

JAW_TRAVEL_MM: Final = 20.0
"""Between the teeth at a full opening; the lips follow."""
SHUT_MM: Final = 0.3
"""Lips nearer than this touch, to the eye."""
_RAMP_STEPS: Final = 200
_STILL_LEVELS: Final = 0.02
"""Mean change of a step below which a ramp counts as not moving at all."""
_COARTICULATION: Final = 0.5
"""How much of a neighbour's jaw and rounding is still there in the middle of a closure."""


@dataclass(frozen=True, slots=True)
class Response:
    """What is seen when a control moves."""

    correlation: float
    slope: float
    """Seen by asked for; 1 is exact, where both have the same unit."""


def responses(subject: Subject, meter: FaceMeter) -> dict[str, Response]:
    """Jaw (mm by mm), yaw, pitch and roll (degrees by degrees), blink (openness by share)."""

    def sweep(low: float, high: float, ask: Callable[[float], Controls], see: Callable[[Measured], float]) -> Response:
        asked = np.linspace(low, high, 11)
        seen = [meter.measure(subject.draw(ask(float(value)))) for value in asked]
        values = np.array([np.nan if face is None else see(face) for face in seen])
        return Response(*correlation_and_slope(asked, values))

    jaw = sweep(0, 1, lambda x: {"jawOpen": x}, lambda face: face.opening_mm)
    return {
        "jaw": Response(jaw.correlation, jaw.slope / JAW_TRAVEL_MM),
        "yaw": sweep(-10, 10, lambda x: {"headYaw": x}, lambda face: face.yaw_deg),
        "pitch": sweep(-8, 8, lambda x: {"headPitch": x}, lambda face: face.pitch_deg),
        "roll": sweep(-10, 10, lambda x: {"headRoll": x}, lambda face: face.roll_deg),
        "blink right": sweep(0, 1, lambda x: both("eyeBlink", x), lambda face: face.right_eye),
        "blink left": sweep(0, 1, lambda x: both("eyeBlink", x), lambda face: face.left_eye),
    }


def closures(subject: Subject) -> tuple[int, int]:
    """Of all bilabials between two visemes, how many shut the lips by their geometry, and of how many."""
    lips = subject.avatar.lips
    rig = Rig()
    edges = [np.zeros((LIP_COLUMNS, 3), np.float32) for _ in range(4)]
    opening = np.zeros(LIP_COLUMNS, np.float32)

    def gap_mm(face: FaceState) -> float:
        rig.set(face)
        lip_curves(
            rig.lips, lips.contact_mm, lips.column, lips.upper_height_mm, lips.lower_height_mm, lips.jaw_drop_mm,
            lips.incisal_mm, lips.half_width_mm, camera_lean(subject.avatar.head), *edges, opening,
        )  # fmt: skip
        return float(opening.max())

    shut = total = 0
    for before in VISEMES:
        for after in VISEMES:
            total += 1
            shut += gap_mm(_closure(before, after)) < SHUT_MM
    return shut, total


def _closure(before: str, after: str) -> FaceState:
    """The middle of /p b m/ between two other sounds: jaw and rounding are still, and already, theirs."""
    face = face_state(viseme_controls("PP"))
    neighbours = (face_state(viseme_controls(before)) + face_state(viseme_controls(after))) / 2
    for name in ("jawOpen", "mouthPucker", "mouthFunnel", "mouthStretchLeft", "mouthStretchRight"):
        index = face_state({name: 1}).argmax()
        face[index] = max(face[index], _COARTICULATION * neighbours[index])
    return face


def ramp_ratios(subject: Subject) -> dict[str, float]:
    """For each control, the largest by the median change of the picture while it moves evenly from rest to full."""
    ratios = {}
    for name, ask in _RAMPS.items():
        steps = np.array(list(_steps(subject, ask)))
        median = float(np.median(steps))
        if median > _STILL_LEVELS:
            ratios[name] = float(steps.max()) / median
    return ratios


def _steps(subject: Subject, ask: Callable[[float], Controls]) -> Iterator[float]:
    before: NDArray[np.float32] | None = None
    for value in np.linspace(0, 1, _RAMP_STEPS + 1):
        frame = subject.draw(ask(float(value))).astype(np.float32)
        if before is not None:
            yield float(np.abs(frame - before).mean())
        before = frame


def _with_jaw(name: str, *, sides: bool = False) -> Callable[[float], Controls]:
    def ask(value: float) -> Controls:
        return {"jawOpen": 0.25, **(both(name, value) if sides else {name: value})}

    return ask


_RAMPS: Final[dict[str, Callable[[float], Controls]]] = {
    "jaw": lambda x: {"jawOpen": x},
    "close": _with_jaw("mouthClose"),
    "pucker": _with_jaw("mouthPucker"),
    "funnel": _with_jaw("mouthFunnel"),
    "press": _with_jaw("mouthPress", sides=True),
    "stretch": _with_jaw("mouthStretch", sides=True),
    "smile": _with_jaw("mouthSmile", sides=True),
    "upper up": _with_jaw("mouthUpperUp", sides=True),
    "lower down": _with_jaw("mouthLowerDown", sides=True),
    "tuck": _with_jaw("lipTuck"),
    "blink": lambda x: both("eyeBlink", x),
    "brows": lambda x: {"browInnerUp": x},
    "yaw": lambda x: {"headYaw": 20 * x - 10},
    "pitch": lambda x: {"headPitch": 16 * x - 8},
}


def leaking_pixels(subject: Subject) -> int:
    """Pixels of the mouth in which the background is seen, over every shape and pose."""
    count = 0
    rows, columns = subject.mouth_box
    for yaw in (-12, -6, 0, 6, 12):
        for pitch in (-6, 0, 6):
            for shape in MOUTH_SHAPES.values():
                face = face_state({**shape, "headYaw": yaw, "headPitch": pitch})
                ours = subject.renderer.render(face)[rows, columns]
                other = subject.inverse.render(face)[rows, columns]
                count += int((cv2.absdiff(ours, other).max(axis=2) > 10).sum())
    return count
