"""From what the network hears to the shape of a mouth.

The network gives nine articulation parameters and the probabilities of 15 visemes, each an average over what the
sound may be: lips that half close, a tongue that is half out. Here they become a mouth that commits itself. Causal
and row by row, whatever the chunk size; the smoothing costs :data:`DELAY_MS`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.face import MOUTH_CONTROLS, VISEMES, viseme_controls
from visavis.speech.network import PARAMETERS

DELAY_MS: Final = 10
"""How late the smoothed controls are; closures are about as late."""

JAW_GAIN: Final = 0.95
WIDEST_JAW: Final = 0.68
"""The network's jaw runs from 0.1 (s) over 0.3 (schwa) and 0.5 (e) to 0.95 (a); the rig opens 20 mm at 1. With these
the vowels of running speech open 5-12 mm, as people's do, and what lies between them 2 mm."""

REFERENCE_DB: Final = -24.0
"""Loudness of ordinary speech, RMS re full scale, that opens the mouth as far as the network says."""
JAW_PER_DB: Final = 0.025
JAW_EFFORT_RANGE: Final = (0.8, 1.25)
"""Loud speech opens wider than soft."""

CLOSE_ON: Final = 0.5
CLOSE_ROWS: Final = 2
CLOSE_SURE: Final = 0.8
CLOSE_OFF: Final = 0.4
"""Lips close once the network has said so for two rows, which takes a third off the false closures, or where it is
sure; they part once it has changed its mind."""
CLOSE_RAMP_ROWS: Final = 2
OPEN_RAMP_ROWS: Final = 3
SEALED_ROWS: Final = 4
"""A closure lasts 40 ms at least: one video frame at 25 fps shows it whole."""
SEALED_JAW: Final = 0.08
"""What is left of the jaw opening behind closed lips."""

_PARAMETER: Final = {name: index for index, name in enumerate(PARAMETERS)}
_CONTROL: Final = {name: index for index, name in enumerate(MOUTH_CONTROLS)}
_JAW, _CLOSE, _TUCK = _CONTROL["jawOpen"], _CONTROL["mouthClose"], _CONTROL["lipTuck"]
_PUCKER, _FUNNEL = _CONTROL["mouthPucker"], _CONTROL["mouthFunnel"]
_STRETCH: Final = [_CONTROL["mouthStretchLeft"], _CONTROL["mouthStretchRight"]]
_PRESS: Final = [_CONTROL["mouthPressLeft"], _CONTROL["mouthPressRight"]]
_LIPS_APART: Final = [
    _CONTROL[name + side] for name in ("mouthUpperUp", "mouthLowerDown") for side in ("Left", "Right")
]
_TONGUE_TIP, _TONGUE_OUT = _CONTROL["tongueTipUp"], _CONTROL["tongueOut"]
_SILENT: Final = VISEMES.index("sil")

_SMOOTHING: Final = np.array([0.25, 0.5, 0.25], np.float32)


class MouthShaper:
    """One stream of network rows in, one of mouth controls out."""

    def __init__(self) -> None:
        self._lips = _Seal()
        self._teeth = _Seal()
        self._effort = _Effort()
        self.reset()

    def reset(self) -> None:
        """As if the mouth had been at rest for long."""
        self._recent = np.zeros((len(_SMOOTHING) - 1, len(MOUTH_CONTROLS)), np.float32)
        self._lips.reset()
        self._teeth.reset()
        self._effort.reset()

    def copy(self) -> MouthShaper:
        """An independent shaper in the same state."""
        other = MouthShaper()
        other._recent = self._recent.copy()
        other._lips = self._lips.copy()
        other._teeth = self._teeth.copy()
        other._effort = self._effort.copy()
        return other

    def push(
        self,
        parameters: NDArray[np.float32],
        visemes: NDArray[np.float32],
        loudness_db: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Mouth controls ``float32 [rows, len(MOUTH_CONTROLS)]``, each 0..1.

        Args:
            parameters: ``[rows, len(PARAMETERS)]``.
            visemes: probabilities, ``[rows, len(VISEMES)]``.
            loudness_db: ``[rows]``, RMS re full scale.
        """
        if not len(parameters):
            return np.zeros((0, len(MOUTH_CONTROLS)), np.float32)
        speech = parameters[:, _PARAMETER["speech"]]
        effort = self._effort.push(loudness_db, speech)
        open_shape = _open_shape(parameters, visemes, effort)
        shape = self._smoothed(open_shape)
        lips = self._lips.push(parameters[:, _PARAMETER["close"]])
        teeth = self._teeth.push(parameters[:, _PARAMETER["tuck"]]) * (1 - lips)
        return _sealed(shape, lips, teeth)

    def _smoothed(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        history = np.concatenate((self._recent, rows))
        self._recent = history[len(rows) :].copy()
        smoothed = np.zeros_like(rows)
        for age, weight in enumerate(_SMOOTHING):
            smoothed += weight * history[age : age + len(rows)]
        return smoothed


def _open_shape(
    parameters: NDArray[np.float32], visemes: NDArray[np.float32], effort: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The shape without lip closures and lip-teeth contacts, which are laid over it afterwards."""
    column = {name: parameters[:, index] for name, index in _PARAMETER.items()}
    shape = visemes @ _VISEME_TABLE
    blended_jaw = shape[:, _JAW].copy()

    jaw = WIDEST_JAW * np.tanh(JAW_GAIN / WIDEST_JAW * column["jaw"]) * effort
    shape[:, _JAW] = jaw
    # Teeth show more where the mouth is wide and less where it is small for its viseme.
    shape[:, _LIPS_APART] *= np.clip((jaw + 0.1) / (blended_jaw + 0.1), 0.6, 1.4)[:, None]
    shape[:, _STRETCH] += (0.4 * column["stretch"] - shape[:, _STRETCH[0]])[:, None] / 2
    shape[:, _PUCKER] = np.maximum(shape[:, _PUCKER], column["round"] * (1 - 0.6 * column["funnel"]))
    shape[:, _FUNNEL] = np.maximum(
        shape[:, _FUNNEL], 0.35 * column["round"] + 0.85 * _step(0.15, 0.85, column["funnel"])
    )
    shape[:, _TONGUE_TIP] = np.maximum(shape[:, _TONGUE_TIP], column["tongue"])
    shape[:, _TONGUE_OUT] = _step(0.2, 0.7, np.maximum(column["th"], visemes[:, VISEMES.index("TH")]))
    # In a pause every control has a little left; a face at rest shows the sum of it.
    awake = _step(0.04, 0.3, np.maximum(column["speech"], 1 - visemes[:, _SILENT]))
    shape *= awake[:, None]
    return np.clip(shape, 0, 1, out=shape)


def _sealed(shape: NDArray[np.float32], lips: NDArray[np.float32], teeth: NDArray[np.float32]) -> NDArray[np.float32]:
    """Lip closures (p b m) and lip-teeth contacts (f v), 0..1 each, laid over a shape."""
    contact = np.maximum(lips, teeth)
    shape[:, _JAW] += (np.minimum(shape[:, _JAW], SEALED_JAW) - shape[:, _JAW]) * contact
    shape[:, _LIPS_APART] *= (1 - contact)[:, None]
    shape[:, _STRETCH] *= (1 - 0.5 * contact)[:, None]
    shape[:, _FUNNEL] *= 1 - contact
    shape[:, _PUCKER] *= 1 - 0.4 * contact
    shape[:, _TONGUE_OUT] *= 1 - contact
    shape[:, _CLOSE] = lips
    shape[:, _PRESS] = 0.75 * lips[:, None]
    shape[:, _TUCK] = teeth
    return shape


class _Seal:
    """A contact that is either made or not: hysteresis, a least duration, short ramps."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._made = False
        self._rows_above = 0
        self._rows_full = 0
        self._progress = 0.0

    def copy(self) -> _Seal:
        other = _Seal()
        other._made, other._rows_above = self._made, self._rows_above
        other._rows_full, other._progress = self._rows_full, self._progress
        return other

    def push(self, probability: NDArray[np.float32]) -> NDArray[np.float32]:
        """How far the contact is made, 0..1, ``float32 [rows]``."""
        progress = np.empty(len(probability), np.float32)
        for row, value in enumerate(probability.tolist()):
            self._step(value)
            progress[row] = self._progress
        return progress * progress * (3 - 2 * progress)

    def _step(self, probability: float) -> None:
        self._rows_above = self._rows_above + 1 if probability > CLOSE_ON else 0
        if not self._made:
            if self._rows_above >= CLOSE_ROWS or probability > CLOSE_SURE:
                self._made, self._rows_full = True, 0
        elif probability < CLOSE_OFF and self._rows_full >= SEALED_ROWS:
            self._made = False
        if self._made:
            self._progress = min(1.0, self._progress + 1 / CLOSE_RAMP_ROWS)
            self._rows_full += self._progress == 1.0
        else:
            self._progress = max(0.0, self._progress - 1 / OPEN_RAMP_ROWS)


class _Effort:
    """How much wider than usual the mouth opens, from loudness.

    Half of it compares with ordinary speech, half with how this speaker has been speaking: a quiet microphone does
    not close a mouth, and shouting for minutes still looks like shouting.
    """

    _ATTACK, _RELEASE = 0.3, 0.04
    _ADAPT = 0.002
    """Per row of 10 ms: the loudness follows within 30 and 250 ms, the speaker's habit within 5 s of speech."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._level_db = self._habit_db = REFERENCE_DB

    def copy(self) -> _Effort:
        other = _Effort()
        other._level_db, other._habit_db = self._level_db, self._habit_db
        return other

    def push(self, loudness_db: NDArray[np.float32], speech: NDArray[np.float32]) -> NDArray[np.float32]:
        """A factor for the jaw, ``float32 [rows]``."""
        excess_db = np.empty(len(loudness_db), np.float32)
        for row, (now_db, spoken) in enumerate(zip(loudness_db.tolist(), speech.tolist(), strict=True)):
            if spoken > 0.5:
                rate = self._ATTACK if now_db > self._level_db else self._RELEASE
                self._level_db += rate * (now_db - self._level_db)
                self._habit_db += self._ADAPT * (self._level_db - self._habit_db)
            excess_db[row] = self._level_db - 0.5 * (REFERENCE_DB + self._habit_db)
        return np.asarray(np.clip(1 + np.float32(JAW_PER_DB) * excess_db, *JAW_EFFORT_RANGE), np.float32)


def _step(low: float, high: float, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """0 below low, 1 above high, smooth between."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _viseme_table() -> NDArray[np.float32]:
    table = np.zeros((len(VISEMES), len(MOUTH_CONTROLS)), np.float32)
    for row, viseme in enumerate(VISEMES):
        for name, value in viseme_controls(viseme).items():
            table[row, _CONTROL[name]] = value
    return table


_VISEME_TABLE: Final = _viseme_table()
"""``float32 [visemes, mouth controls]``."""
