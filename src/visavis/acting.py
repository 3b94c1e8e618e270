"""What a face is told to do besides speak: emotions that last, gestures that pass, and the markup for both in a text.

    [happy] Good to see you! [nod] Shall we? [surprised:0.5] Oh, already?

The names are the API's, the markup's and the data messages'; motion/ knows what each looks like. docs/expression.md.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, cast, get_args

from visavis.errors import VisavisError
from visavis.face import CONTROLS, INDEX

EmotionName = Literal["neutral", "happy", "sad", "angry", "surprised", "afraid", "disgusted", "thoughtful"]
GestureName = Literal["nod", "shake", "tilt", "wink", "raise_brows", "look_away", "laugh", "listen"]
IdleStyle = Literal["calm", "lively", "still"]

EMOTIONS: Final[tuple[EmotionName, ...]] = get_args(EmotionName)
GESTURES: Final[tuple[GestureName, ...]] = get_args(GestureName)
IDLE_STYLES: Final[tuple[IdleStyle, ...]] = get_args(IdleStyle)
DEFAULT_IDLE_STYLE: Final[IdleStyle] = "calm"

DEFAULT_EMOTION_INTENSITY: Final = 0.8
"""Plainly seen, and nothing that anybody would call acted."""
DEFAULT_GESTURE_INTENSITY: Final = 1.0
MAX_DURATION_S: Final = 3600.0
DEFAULT_HOLD_S: Final = 0.5
"""A tracker that has said nothing for so long has gone."""
MAX_HOLD_S: Final = 60.0
MAX_MARKS: Final = 200
"""In one text: more is a program gone wrong."""


@dataclass(frozen=True, slots=True)
class Emotion:
    """A mood that the face takes on, and keeps until another comes or ``duration_s`` is over."""

    name: EmotionName
    intensity: float = DEFAULT_EMOTION_INTENSITY
    """0, which is none, to 1."""
    duration_s: float | None = None
    """None lasts."""


@dataclass(frozen=True, slots=True)
class Gesture:
    """A movement that begins at once and ends by itself."""

    name: GestureName
    intensity: float = DEFAULT_GESTURE_INTENSITY
    """0, which is nothing to be seen, to 1."""


Act: TypeAlias = Emotion | Gesture


@dataclass(frozen=True, slots=True)
class Direction:
    """Controls of the face that somebody outside moves: a tracker, an animator."""

    controls: Mapping[str, float]
    """Any of :data:`visavis.face.CONTROLS`, not all of them."""
    time_s: float | None = None
    """By the sender's own clock, which only has to go evenly; None is at once."""
    hold_s: float = DEFAULT_HOLD_S
    """After so long without another one the face goes back to its own life."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An act at a place in a text."""

    at_char: int
    """How many characters of the text without markup come before it."""
    act: Act


@dataclass(frozen=True, slots=True)
class Script:
    """A text to say, and what to do at which place of it."""

    text: str
    """Without markup."""
    marks: tuple[Mark, ...]
    """In order."""


def checked_act(values: Mapping[str, Any]) -> Act:
    """The act that ``{"emotion": name, "intensity", "duration_s"}`` or ``{"gesture": name, "intensity"}`` tells of.

    Raises:
        VisavisError: ``emotion_unknown``, ``gesture_unknown``, ``act_invalid``.
    """
    if not isinstance(values, Mapping) or ("emotion" in values) == ("gesture" in values):
        raise _invalid("An act names one emotion or one gesture.")
    kind = "emotion" if "emotion" in values else "gesture"
    fields = {"emotion", "intensity", "duration_s"} if kind == "emotion" else {"gesture", "intensity"}
    if unknown := set(values) - fields:
        raise _invalid(f"An act of kind {kind} has no {', '.join(sorted(map(str, unknown)))}.")
    name = _known(values[kind], kind)
    default = DEFAULT_EMOTION_INTENSITY if kind == "emotion" else DEFAULT_GESTURE_INTENSITY
    intensity = _number(values.get("intensity"), "intensity", default, 1.0)
    if kind == "gesture":
        return Gesture(cast(GestureName, name), intensity)
    duration_s = values.get("duration_s")
    if duration_s is not None:
        duration_s = _number(duration_s, "duration_s", 0.0, MAX_DURATION_S)
    return Emotion(cast(EmotionName, name), intensity, duration_s)


def act_values(act: Act) -> dict[str, Any]:
    """An act as :func:`checked_act` takes it."""
    if isinstance(act, Emotion):
        return {"emotion": act.name, "intensity": act.intensity, "duration_s": act.duration_s}
    return {"gesture": act.name, "intensity": act.intensity}


def checked_direction(values: Mapping[str, Any]) -> Direction:
    """What ``{"controls": {name: value}, "time_s", "hold_s"}`` tells of.

    Raises:
        VisavisError: ``control_unknown``, ``face_invalid``.
    """
    if not isinstance(values, Mapping) or not isinstance(values.get("controls"), Mapping):
        raise _invalid_face("A face has controls.")
    if unknown := set(values) - {"controls", "time_s", "hold_s"}:
        raise _invalid_face(f"A face has no {', '.join(sorted(map(str, unknown)))}.")
    controls = values["controls"]
    for name, value in controls.items():
        if name not in INDEX:
            raise VisavisError("control_unknown", f"There is no control {repr(name)[:60]}.", _control_hint(str(name)))
        if not _is_finite(value):
            raise _invalid_face(f"{name} is no number.")
    time_s = values.get("time_s")
    if time_s is not None and not _is_finite(time_s):
        raise _invalid_face("time_s is no number.")
    hold_s = values.get("hold_s")
    if hold_s is None:
        hold_s = DEFAULT_HOLD_S
    elif not _is_finite(hold_s) or not 0 < hold_s <= MAX_HOLD_S:
        raise _invalid_face(f"hold_s goes from 0 to {MAX_HOLD_S:g}.")
    return Direction(dict(controls), time_s, float(hold_s))


def read_script(text: str) -> Script:
    """Take a text with markup apart.

    Markup is a name in square brackets, with an intensity where the usual one will not do: ``[nod]``, ``[happy:0.4]``.
    Brackets around anything but one to three words of Latin letters are text: ``[1]``. ``[[`` is a bracket that is
    said.

    Raises:
        VisavisError: ``markup_unknown``: a name that is neither an emotion nor a gesture; ``act_invalid``.
    """
    marks: list[Mark] = []
    parts: list[str] = []
    length = end = 0
    for found in _MARKUP.finditer(text):
        before = text[end : found.start()]
        end = found.end()
        parts.append(before)
        length += len(before)
        if found["literal"]:
            parts.append("[")
            length += 1
            continue
        if len(marks) == MAX_MARKS:
            raise _invalid(f"The text has more than {MAX_MARKS} marks.")
        marks.append(Mark(length, _marked(found["name"], found["intensity"])))
    parts.append(text[end:])
    return Script("".join(parts), tuple(marks))


_MARKUP: Final = re.compile(
    r"(?P<literal>\[\[)|\[\s*(?P<name>[A-Za-z]+(?:[ _-][A-Za-z]+){0,2})\s*(?::\s*(?P<intensity>[^\[\]]*))?\]"
)


def _marked(written: str, intensity: str | None) -> Act:
    name = re.sub(r"[\s-]+", "_", written.lower())
    kind = "emotion" if name in EMOTIONS else "gesture"
    if name not in EMOTIONS and name not in GESTURES:
        raise VisavisError(
            "markup_unknown",
            f"[{written}] is neither an emotion nor a gesture.",
            f"{_hint(name, (*EMOTIONS, *GESTURES))} Write [[ for a bracket that is to be said.",
        )
    values: dict[str, Any] = {kind: name}
    if intensity is not None:
        try:
            values["intensity"] = float(intensity)
        except ValueError:
            raise _invalid(f"The intensity of [{written}:{intensity[:20]}] is no number.") from None
    return checked_act(values)


def _known(name: object, kind: str) -> str:
    known: tuple[str, ...] = EMOTIONS if kind == "emotion" else GESTURES
    if name not in known:
        shown = repr(name)[:60]
        raise VisavisError(f"{kind}_unknown", f"There is no {kind} {shown}.", _hint(str(name), known))
    return str(name)


def _number(value: object, field: str, default: float, high: float) -> float:
    if value is None:
        return default
    if not _is_finite(value):
        raise _invalid(f"{field} is no number.")
    assert isinstance(value, int | float)
    if not 0 <= value <= high:
        raise _invalid(f"{field} is {value:g}; it goes from 0 to {high:g}.")
    return float(value)


def _is_finite(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer of hundreds of digits
        return False


def _control_hint(name: str) -> str:
    close = difflib.get_close_matches(name, CONTROLS, n=1, cutoff=0.6)
    known = "The names are ARKit's, and headYaw, headPitch, headRoll (degrees), headX, headY, headZ (mm)."
    return f"Did you mean {close[0]}? {known}" if close else known


def _hint(name: str, known: tuple[str, ...]) -> str:
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    listed = f"Known: {', '.join(known)}."
    return f"Did you mean {close[0]}? {listed}" if close else listed


def _invalid(message: str) -> VisavisError:
    return VisavisError(
        "act_invalid", message, 'For example {"emotion": "happy", "intensity": 0.7} or {"gesture": "nod"}.'
    )


def _invalid_face(message: str) -> VisavisError:
    return VisavisError("face_invalid", message, 'For example {"controls": {"jawOpen": 0.3, "headYaw": 5}}.')
