"""Gestures: what each one is made of, and how it is played.

A gesture is a score of strokes, each of which takes one part of the face somewhere along a minimum-jerk curve. Parts
that a later gesture needs go over to it smoothly from wherever they are; the others finish what they are doing.

Sources: head shakes and nods go at 2-4 Hz, a nod in answer has two or three beats of falling size (Hadar, Steiner &
Clifford Rose 1985); a wink is as long as a slow blink; laughter has 4-5 calls a second (Bachorowski, Smoski & Owren
2001, Provine 1996: notes every 210 ms) over a smile with raised cheeks, and rocks head and chest. Degrees are half of
what people do: a photo bears no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Final, Literal

from visavis.acting import Gesture, GestureName
from visavis.face import INDEX, FaceState
from visavis.motion.curves import Glide

Part = Literal["yaw", "pitch", "roll", "brow", "wink", "smile", "teeth", "cheek", "jaw", "chest"]
"""Degrees, and 0..1; ``wink`` shuts an eye and its cheek, ``teeth`` parts the lips, ``chest`` adds to the breath."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One part's way to a place."""

    begin_s: float
    part: Part
    to: float
    move_s: float


@dataclass(frozen=True, slots=True)
class Glance:
    """Where a gesture turns the eyes: degrees from the viewer, +x to image right (or mirrored), +y down."""

    yaw_deg: float
    pitch_deg: float
    hold_s: float


@dataclass(frozen=True, slots=True)
class _Score:
    strokes: tuple[Stroke, ...]
    glance: Glance | None = None


_LAUGH_PERIOD_S: Final = 0.21
_LAUGH_CALLS: Final = 7


def _laugh() -> tuple[Stroke, ...]:
    """Calls that get weaker; the head goes back first and rocks with them."""
    strokes = [
        Stroke(0.0, "smile", 0.90, 0.35), Stroke(0.0, "teeth", 0.90, 0.40), Stroke(0.0, "cheek", 0.90, 0.35),
        Stroke(0.0, "brow", 0.18, 0.3), Stroke(0.0, "pitch", -2.6, 0.35), Stroke(0.0, "roll", 1.2, 0.5),
        Stroke(0.0, "chest", 0.35, 0.3),
    ]  # fmt: skip
    for call in range(_LAUGH_CALLS):
        begin_s = 0.25 + call * _LAUGH_PERIOD_S
        strength = 1 - 0.6 * call / _LAUGH_CALLS
        half_s = _LAUGH_PERIOD_S / 2
        strokes += [
            Stroke(begin_s, "jaw", 0.10 + 0.20 * strength, half_s),
            Stroke(begin_s + half_s, "jaw", 0.12 * strength, half_s),
            Stroke(begin_s, "chest", 0.35 - 0.25 * strength, half_s),
            Stroke(begin_s + half_s, "chest", 0.30 * strength, half_s),
        ]
        if call:
            strokes += [
                Stroke(begin_s, "pitch", -1.6 * strength, half_s),
                Stroke(begin_s + half_s, "pitch", 0.5 * strength, half_s),
            ]
    end_s = 0.25 + _LAUGH_CALLS * _LAUGH_PERIOD_S
    strokes += [
        Stroke(end_s, "jaw", 0.0, 0.35), Stroke(end_s, "chest", 0.0, 0.6), Stroke(end_s, "pitch", 0.0, 0.5),
        Stroke(end_s, "roll", 0.0, 0.8), Stroke(end_s + 0.25, "smile", 0.0, 1.1), Stroke(end_s, "teeth", 0.0, 0.8),
        Stroke(end_s, "cheek", 0.0, 0.9), Stroke(end_s, "brow", 0.0, 0.6),
    ]  # fmt: skip
    return tuple(strokes)


_SCORES: Final[Mapping[GestureName, _Score]] = {
    "nod": _Score(
        (
            Stroke(0.0, "pitch", 4.2, 0.20), Stroke(0.20, "pitch", -0.5, 0.24),
            Stroke(0.44, "pitch", 2.4, 0.18), Stroke(0.62, "pitch", 0.0, 0.34),
        )
    ),
    "shake": _Score(
        (
            Stroke(0.0, "yaw", -4.6, 0.22), Stroke(0.22, "yaw", 4.6, 0.28), Stroke(0.50, "yaw", -3.6, 0.27),
            Stroke(0.77, "yaw", 2.0, 0.25), Stroke(1.02, "yaw", 0.0, 0.36),
        ),
        Glance(0.0, 0.0, 1.4),
    ),
    "tilt": _Score((Stroke(0.0, "roll", 4.4, 0.55), Stroke(1.65, "roll", 0.0, 0.75))),
    "wink": _Score(
        (
            Stroke(0.0, "wink", 1.0, 0.13), Stroke(0.32, "wink", 0.0, 0.24),
            Stroke(0.0, "smile", 0.35, 0.25), Stroke(0.50, "smile", 0.0, 0.7),
            Stroke(0.0, "roll", 1.6, 0.25), Stroke(0.45, "roll", 0.0, 0.6),
        ),
        Glance(0.0, 0.0, 1.2),
    ),
    "raise_brows": _Score((Stroke(0.0, "brow", 0.95, 0.22), Stroke(0.75, "brow", 0.0, 0.50))),
    "look_away": _Score((), Glance(11.0, -1.5, 1.6)),
    "laugh": _Score(_laugh(), Glance(0.0, 0.0, 2.0)),
    "listen": _Score(
        (
            Stroke(0.0, "roll", 1.6, 0.6), Stroke(0.0, "brow", 0.22, 0.5),
            Stroke(0.45, "pitch", 2.0, 0.20), Stroke(0.65, "pitch", 0.0, 0.28),
            Stroke(1.0, "pitch", 1.6, 0.20), Stroke(1.20, "pitch", 0.0, 0.30),
            Stroke(2.1, "pitch", 1.4, 0.20), Stroke(2.30, "pitch", 0.0, 0.34),
            Stroke(2.9, "roll", 0.0, 0.9), Stroke(2.9, "brow", 0.0, 0.7),
        ),
        Glance(0.0, 0.0, 3.5),
    ),
}  # fmt: skip

_MIRRORED: Final[frozenset[Part]] = frozenset({"yaw", "roll"})
TEMPO: Final = (0.92, 1.10)
SIZE: Final = (0.90, 1.10)


class GesturePlayer:
    """Plays gestures; several at once where they need different parts."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._parts: dict[str, Glide] = {
            name: Glide()
            for name in (
                "yaw",
                "pitch",
                "roll",
                "brow",
                "winkLeft",
                "winkRight",
                "smile",
                "teeth",
                "cheek",
                "jaw",
                "chest",
            )
        }
        self._waiting: list[tuple[float, str, float, float]] = []
        """When a stroke begins, of which part, where to and how long, in order."""
        self._time_s = 0.0

    @property
    def yaw_deg(self) -> float:
        return self._parts["yaw"].value

    @property
    def pitch_deg(self) -> float:
        return self._parts["pitch"].value

    @property
    def roll_deg(self) -> float:
        return self._parts["roll"].value

    @property
    def chest(self) -> float:
        """What is added to the breath."""
        return self._parts["chest"].value

    def start(self, gesture: Gesture) -> Glance | None:
        """Begin a gesture; where the eyes go with it. No two are alike: tempo, size and side are chance."""
        random = self._random
        tempo, size = random.uniform(*TEMPO), random.uniform(*SIZE) * gesture.intensity
        left = random.random() < 0.5
        if gesture.intensity == 0:
            return None
        side = 1.0 if left else -1.0
        added = []
        for stroke in _SCORES[gesture.name].strokes:
            part: str = stroke.part
            to = min(size, 1.0) * stroke.to if part in _UNIT else size * stroke.to
            if part == "wink":  # an eye that does not shut does not wink
                part, to = ("winkLeft" if left else "winkRight"), stroke.to
            elif part in _MIRRORED:
                to *= side
            added.append((self._time_s + stroke.begin_s * tempo, part, to, stroke.move_s * tempo))
        taken = {part for _, part, _, _ in added}
        kept = [waiting for waiting in self._waiting if waiting[1] not in taken]
        self._waiting = sorted(kept + added, key=lambda waiting: waiting[0])
        glance = _SCORES[gesture.name].glance
        if glance is None:
            return None
        return Glance(side * glance.yaw_deg * gesture.intensity, glance.pitch_deg, glance.hold_s * tempo)

    def step(self, dt_s: float, face: FaceState) -> None:
        """Advance one tick and add brows, eyes and mouth to ``face``."""
        while self._waiting and self._waiting[0][0] <= self._time_s:
            _, name, to, move_s = self._waiting.pop(0)
            self._parts[name].to(to, move_s)
        self._time_s += dt_s
        for name, glide in self._parts.items():
            value = glide.step(dt_s)
            for index, share in _MOVED.get(name, ()):
                face[index] += share * value


_UNIT: Final[frozenset[Part]] = frozenset({"brow", "smile", "teeth", "cheek", "jaw", "chest"})
"""Parts whose full strength is all there is."""
_MOVED: Final[Mapping[str, tuple[tuple[int, float], ...]]] = {
    part: tuple((INDEX[name], share) for name, share in controls.items())
    for part, controls in {
        "brow": {"browInnerUp": 1.0, "browOuterUpLeft": 1.0, "browOuterUpRight": 1.0},
        "winkLeft": {"eyeBlinkLeft": 1.0, "cheekSquintLeft": 0.6},
        "winkRight": {"eyeBlinkRight": 1.0, "cheekSquintRight": 0.6},
        "smile": {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0},
        "teeth": {
            "mouthUpperUpLeft": 0.50,
            "mouthUpperUpRight": 0.50,
            "mouthLowerDownLeft": 0.25,
            "mouthLowerDownRight": 0.25,
            "mouthStretchLeft": 0.35,
            "mouthStretchRight": 0.35,
        },
        "cheek": {"cheekSquintLeft": 1.0, "cheekSquintRight": 1.0},
        "jaw": {"jawOpen": 1.0},
    }.items()
}
"""Controls that a part moves in the face; the others are the head's and the chest's."""
