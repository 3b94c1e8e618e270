"""How much effort a speaker makes, from loudness: who speaks up opens wider (JALI, Edwards et al. 2016)."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

REFERENCE_DB: Final = -23.0
"""Loudness of ordinary speech, RMS re full scale, which takes an effort of 1."""
EFFORT_PER_DB: Final = 0.016
EFFORT_RANGE: Final = (0.8, 1.25)

_ATTACK, _RELEASE, _ADAPT = 0.03, 0.01, 0.002
"""Per row of 10 ms: the level follows within 0.3 and 1 s, phrase by phrase and not sound by sound (an m is soft however
loudly one speaks); the speaker's habit within 5 s of speech."""


class Effort:
    """One stream of loudness in, one of effort out.

    Half of it compares with ordinary speech, half with how this speaker has been speaking: a quiet microphone does
    not close a mouth, and shouting for minutes still looks like shouting.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As if ordinary speech had been heard."""
        self._level_db = self._habit_db = REFERENCE_DB

    def copy(self) -> Effort:
        """An independent one in the same state."""
        other = Effort()
        other._level_db, other._habit_db = self._level_db, self._habit_db
        return other

    def push(self, loudness_db: NDArray[np.floating], spoken: NDArray[np.bool_]) -> NDArray[np.float64]:
        """A factor of the mouth's opening, ``float64 [rows]``.

        Args:
            loudness_db: ``[rows]``, RMS re full scale of 10 ms each.
            spoken: whether somebody speaks, ``[rows]``; the rest tells nothing.
        """
        excess_db = np.empty(len(loudness_db))
        for row, (now_db, heard) in enumerate(zip(loudness_db.tolist(), spoken.tolist(), strict=True)):
            if heard:
                rate = _ATTACK if now_db > self._level_db else _RELEASE
                self._level_db += rate * (now_db - self._level_db)
                self._habit_db += _ADAPT * (self._level_db - self._habit_db)
            excess_db[row] = self._level_db - 0.5 * (REFERENCE_DB + self._habit_db)
        return np.clip(1 + EFFORT_PER_DB * excess_db, *EFFORT_RANGE)
