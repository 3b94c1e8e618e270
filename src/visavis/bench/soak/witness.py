"""Somebody who looks and listens for hours, and remembers only what went wrong.

Speech is told from silence by its sound: what is said here lies over a hum, so that any silence within it was not said
but happened on the way. Pictures count while something is said: a face at rest is drawn rarely on purpose.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.bench.marks import AUDIBLE, opening
from visavis.bench.subscriber import FULL_PX, SOUND_PIECE_S, Box, cut

FREEZE_S: Final = 0.2
SPEECH_ENDS_S: Final = 1.0
"""Silence for so long is a pause, and less is a gap."""
LEAST_GAP_S: Final = 0.02
_MOUTH_OPENS_WITHIN_S: Final = 0.7
"""After the first sound: every utterance begins with a syllable that opens the mouth at once."""
_LOOK_BACK_S: Final = 0.3
_PICTURES_KEPT: Final = 40


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that somebody noticed."""

    at_s: float
    """When it was over."""
    what: str
    """``freeze`` or ``gap``."""
    lasted_s: float


@dataclass(slots=True)
class Witness:
    """One subscriber's memory; it is a :class:`visavis.bench.subscriber.Senses`.

    Args:
        box: the mouth's part of the picture.
        hums: what is said lies over a hum: silence in it is a gap.
    """

    box: Box
    hums: bool
    intervals_s: array[float] = field(default_factory=lambda: array("d"))
    """Between pictures, while something was heard."""
    incidents: list[Incident] = field(default_factory=list)
    """Pictures that stood still for longer than :data:`FREEZE_S`, silence in the middle of what was said."""
    offsets: list[tuple[float, float]] = field(default_factory=list)
    """Of each utterance: when it began, and by how many seconds its picture came after its sound."""
    utterances: int = 0
    on_pause: Callable[[], None] = lambda: None
    """Called when something that was said has ended."""
    _is_speech: bool = False
    _since_s: float = float("inf")
    """When what is, or was last, said began,"""
    _audible_s: float = 0.0
    """and when the last of it so far was heard."""
    _quiet_pieces: int = 0
    _last_frame_s: float = 0.0
    _offset_due: bool = False
    _pictures: deque[tuple[float, NDArray[np.uint8]]] = field(default_factory=lambda: deque(maxlen=_PICTURES_KEPT))

    @property
    def freezes(self) -> int:
        """Pictures that stood still."""
        return sum(incident.what == "freeze" for incident in self.incidents)

    @property
    def gaps_s(self) -> list[float]:
        """Silences."""
        return [incident.lasted_s for incident in self.incidents if incident.what == "gap"]

    def see(self, at_s: float, luma: NDArray[np.uint8]) -> None:
        """Take in a picture."""
        last_s, self._last_frame_s = self._last_frame_s, at_s
        if self._since_s <= last_s < self._audible_s:
            interval_s = min(at_s, self._audible_s) - last_s
            self.intervals_s.append(interval_s)
            if interval_s > FREEZE_S:
                self.incidents.append(Incident(at_s, "freeze", interval_s))
        if luma.shape[1] == FULL_PX:
            self._pictures.append((at_s, cut(luma, self.box)))

    def hear(self, at_s: float, pcm: NDArray[np.int16]) -> None:
        """Take in a piece of sound."""
        audible = np.abs(pcm) > AUDIBLE
        if audible.any():
            self._hear_something(at_s, float(np.argmax(audible)) / len(pcm) * SOUND_PIECE_S)
        elif self._is_speech:
            self._quiet_pieces += 1
            if self._quiet_pieces * SOUND_PIECE_S >= SPEECH_ENDS_S:
                self._is_speech = False
                self.on_pause()
        if self._offset_due and at_s - self._since_s > _MOUTH_OPENS_WITHIN_S:
            self._offset_due = False
            self._note_offset(self._since_s)

    def _hear_something(self, at_s: float, into_piece_s: float) -> None:
        if not self._is_speech:
            self._is_speech = True
            self._since_s = at_s + into_piece_s
            self._offset_due = True
            self.utterances += 1
        elif self.hums and self._quiet_pieces * SOUND_PIECE_S >= LEAST_GAP_S:
            self.incidents.append(Incident(at_s, "gap", self._quiet_pieces * SOUND_PIECE_S))
        self._quiet_pieces = 0
        self._audible_s = at_s + SOUND_PIECE_S

    def _note_offset(self, heard_s: float) -> None:
        from_s, to_s = heard_s - _LOOK_BACK_S, heard_s + _MOUTH_OPENS_WITHIN_S
        near = [(at_s, picture) for at_s, picture in self._pictures if from_s < at_s < to_s]
        index = opening([picture for _, picture in near])
        if index is not None:
            self.offsets.append((heard_s, near[index][0] - heard_s))
