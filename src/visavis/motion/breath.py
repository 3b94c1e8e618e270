"""Breathing: the chest, and what little of it reaches the head."""

from __future__ import annotations

from random import Random
from typing import Final

from visavis.motion.curves import Glide

# TalkingHead: 1.2 s in, 0.5 s hold, 1.0 s out, 1.5 s pause. An adult at rest breathes 12-18 times a minute.
IN_S: Final = 1.3
HOLD_S: Final = 0.3
OUT_S: Final = 1.6
PAUSE_S: Final = 1.1
VARIATION: Final = 0.15
# Speech breathing: a quick breath before an utterance, then a long way out (Hixon 1973: in 0.5 s, out 3-6 s).
SPEECH_IN_S: Final = 0.45
SPEECH_OUT_S: Final = 3.8
# Within a long turn people breathe where a phrase ends (Winkworth et al. 1995).
PHRASE_GAP_S: Final = 0.12


class Breath:
    """Fullness of the chest, 0..1, by :meth:`step`."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._chest = Glide()
        self._left_s = random.uniform(0.2, 1.0)
        self._inhale_next = True
        self._was_about_to_speak = False
        self._quiet_s = 0.0

    def step(self, dt_s: float, *, speaking: bool, about_to_speak: bool = False, voiced: bool = True) -> float:
        """Advance and return the fullness.

        Args:
            speaking: words are being said, the gaps between them included.
            about_to_speak: there is something to say, whether or not it is heard yet.
            voiced: it is heard just now.
        """
        self._left_s -= dt_s
        self._quiet_s = 0.0 if voiced else self._quiet_s + dt_s
        begins = (speaking or about_to_speak) and not self._was_about_to_speak
        between_phrases = speaking and self._quiet_s >= PHRASE_GAP_S and self._inhale_next
        if (begins and self._chest.value < 0.6) or (between_phrases and self._chest.value < 0.45):
            self._inhale(SPEECH_IN_S)
        elif self._left_s <= 0:
            if self._inhale_next:
                self._inhale(SPEECH_IN_S if speaking else IN_S)
            else:
                self._exhale(speaking)
        self._was_about_to_speak = speaking or about_to_speak
        return self._chest.step(dt_s)

    def _inhale(self, duration_s: float) -> None:
        duration_s *= self._variation()
        self._chest.to(self._random.uniform(0.75, 1.0), duration_s)
        self._left_s = duration_s + HOLD_S * self._variation()
        self._inhale_next = False

    def _exhale(self, speaking: bool) -> None:
        duration_s = (SPEECH_OUT_S if speaking else OUT_S) * self._variation()
        self._chest.to(self._random.uniform(0.0, 0.1), duration_s)
        self._left_s = duration_s + (0.1 if speaking else PAUSE_S * self._variation())
        self._inhale_next = True

    def _variation(self) -> float:
        return self._random.uniform(1 - VARIATION, 1 + VARIATION)
