"""From what the network says to the shape of a mouth.

The network gives averages over what the sound may be: lips that half close, a tongue that is half out. Here they
become a mouth that commits itself. Causal and row by row, whatever the chunk size, and without delay.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.speech.articulation import SHAPE_COLUMNS, TARGETS, exert, touch
from visavis.speech.effort import Effort
from visavis.speech.phonemes import mouth_controls

LIPS_MEET: Final = (0.5, 0.45)
TEETH_MEET: Final = (0.35, 0.30)
"""A contact is made above the first and held until below the second. f and v are rarer and softer, and their network
says less of them."""
OPENING: Final = 1.15
"""The mean of what a mouth may do is smaller than what it does."""
CLOSE_RAMP_ROWS: Final = 4
OPEN_RAMP_ROWS: Final = 3
"""From open to shut and back: what people take (see ``articulation.py``), less the rows the network's mean has run
ahead by when it is sure."""
SEALED_ROWS: Final = 5
"""A closure lasts 50 ms at least: one video frame at 25 fps shows it whole."""
AT_REST: Final = 0.06
"""Less than this is nothing: in a pause every control has a little left, and a face at rest shows the sum of it."""

TONGUE_SEEN: Final = (0.05, 0.45)
"""Between these the tongue comes out: half of a th is no th."""

_COLUMN: Final = {name: index for index, name in enumerate(TARGETS)}


class MouthShaper:
    """One stream of network rows in, one of mouth controls out."""

    def __init__(self) -> None:
        self._lips = _Seal(*LIPS_MEET)
        self._teeth = _Seal(*TEETH_MEET)
        self._effort = Effort()

    def reset(self) -> None:
        """As if the mouth had been at rest for long."""
        self._lips.reset()
        self._teeth.reset()
        self._effort.reset()

    def copy(self) -> MouthShaper:
        """An independent shaper in the same state."""
        other = MouthShaper()
        other._lips = self._lips.copy()
        other._teeth = self._teeth.copy()
        other._effort = self._effort.copy()
        return other

    def push(self, outputs: NDArray[np.float32], loudness_db: NDArray[np.float32]) -> NDArray[np.float32]:
        """Mouth controls ``float32 [rows, len(MOUTH_CONTROLS)]``, each 0..1.

        Args:
            outputs: of the network, ``[rows, len(TARGETS)]``.
            loudness_db: ``[rows]``, RMS re full scale.
        """
        track = outputs.copy()
        shape = track[:, SHAPE_COLUMNS]
        track[:, SHAPE_COLUMNS] = np.minimum(shape * (np.float32(OPENING) * _step(0, AT_REST, shape)), 1)
        exert(track, self._effort.push(loudness_db, outputs[:, _COLUMN["speech"]] > 0.5))
        likely_lips, likely_teeth = outputs[:, _COLUMN["mouthClose"]], outputs[:, _COLUMN["lipTuck"]]
        lips, teeth = self._lips.push(likely_lips), self._teeth.push(likely_teeth)
        # The shape has made room already for as much of a contact as was likely.
        touch(
            track,
            _beyond(likely_lips, lips),
            _beyond(likely_teeth, teeth),
            _step(*TONGUE_SEEN, outputs[:, _COLUMN["tongueOut"]]),
        )
        track[:, _COLUMN["mouthClose"]] = lips
        track[:, _COLUMN["lipTuck"]] = teeth * (1 - lips)
        return mouth_controls(track)


class _Seal:
    """A contact that is made whole where it is likely: hysteresis, a least duration, short ramps.

    Where it is not, the lips come as near each other as it is likely, and do not touch.
    """

    def __init__(self, on: float, off: float) -> None:
        self._on, self._off = on, off
        self.reset()

    def reset(self) -> None:
        self._made = False
        self._rows_full = 0
        self._progress = 0.0

    def copy(self) -> _Seal:
        other = _Seal(self._on, self._off)
        other._made, other._rows_full, other._progress = self._made, self._rows_full, self._progress
        return other

    def push(self, probability: NDArray[np.float32]) -> NDArray[np.float32]:
        """How far the contact is made, 0..1, ``float32 [rows]``."""
        progress = np.empty(len(probability), np.float32)
        for row, value in enumerate(probability.tolist()):
            self._step(value)
            progress[row] = self._progress
        return progress * progress * (3 - 2 * progress)

    def _step(self, probability: float) -> None:
        if not self._made:
            if probability > self._on:
                self._made, self._rows_full = True, 0
        elif probability < self._off and self._rows_full >= SEALED_ROWS:
            self._made = False
        if self._made:
            self._progress = min(1.0, max(self._progress, probability) + 1 / CLOSE_RAMP_ROWS)
            self._rows_full += self._progress == 1.0
        else:
            self._progress = max(probability, self._progress - 1 / OPEN_RAMP_ROWS)


def _beyond(likely: NDArray[np.float32], made: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far of the way from likely to whole a contact is made, 0..1."""
    return np.asarray(np.clip((made - likely) / np.maximum(1 - likely, 1e-3), 0, 1), np.float32)


def _step(low: float, high: float, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """0 below low, 1 above high, smooth between."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)
