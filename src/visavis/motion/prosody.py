"""Stress in speech, and what the head and the brows do about it."""

from __future__ import annotations

from random import Random
from typing import Final

from visavis.motion.curves import Glide
from visavis.motion.styles import Style

SILENCE_DB: Final = -50.0
# A peak stands this far above the speech around it; TalkingHead compares with a decaying maximum (0.92 a frame).
STRESS_DB: Final = 3.5
SURROUNDINGS_TIME_S: Final = 0.6
ENVELOPE_TIME_S: Final = 0.035
# Syllables come at 4-5 Hz, stresses at about 2; a head nods on some of them. TalkingHead: p = 0.4.
REFRACTORY_S: Final = 0.45
NOD_SHARE: Final = 0.45
BROW_SHARE: Final = 0.22
# TalkingHead nods by 2.9-6.7 deg; a photo bears about half.
NOD_DEG: Final = (1.4, 3.2)
NOD_DOWN_S: Final = (0.14, 0.20)
NOD_UP_S: Final = (0.28, 0.45)
BROW_RAISE: Final = (0.25, 0.55)
# A listener's nod ("go on"): two or three small beats; one every 5-12 s (Dittmann & Llewellyn 1968: mostly where
# the speaker pauses).
BACKCHANNEL_PAUSE_S: Final = (5.0, 12.0)
BACKCHANNEL_DEG: Final = (1.2, 2.2)


class Stress:
    """Finds loudness peaks in speech, one tick at a time."""

    def __init__(self, dt_s: float) -> None:
        self._dt_s = dt_s
        self._envelope_db = self._surroundings_db = SILENCE_DB
        self._since_s = REFRACTORY_S

    def step(self, speaking: bool, loudness_db: float) -> bool:
        """Whether a stressed syllable begins in this tick; ``loudness_db`` is dB re full scale."""
        level_db = max(loudness_db, SILENCE_DB) if speaking else SILENCE_DB
        self._envelope_db += min(self._dt_s / ENVELOPE_TIME_S, 1.0) * (level_db - self._envelope_db)
        self._surroundings_db += self._dt_s / SURROUNDINGS_TIME_S * (level_db - self._surroundings_db)
        self._since_s += self._dt_s
        stressed = self._envelope_db > self._surroundings_db + STRESS_DB and self._since_s >= REFRACTORY_S
        if stressed:
            self._since_s = 0.0
        return stressed


class Beat:
    """Out and back: a nod or a brow raise. Another one may begin at any time."""

    def __init__(self) -> None:
        self._glide = Glide()
        self._back_s = 0.0
        self._hold_left_s = 0.0

    @property
    def busy(self) -> bool:
        return self._back_s > 0 or self._glide.moving

    def start(self, amplitude: float, out_s: float, hold_s: float, back_s: float) -> None:
        self._glide.to(amplitude, out_s)
        self._hold_left_s = out_s + hold_s
        self._back_s = back_s

    def step(self, dt_s: float) -> float:
        if self._back_s > 0:
            self._hold_left_s -= dt_s
            if self._hold_left_s <= 0:
                self._glide.to(0.0, self._back_s)
                self._back_s = 0.0
        return self._glide.step(dt_s)


class Prosody:
    """:attr:`nod_deg` (+ is down) and :attr:`brow` (0..1), by :meth:`step`."""

    def __init__(self, random: Random, dt_s: float, style: Style) -> None:
        self._random = random
        self._beats = style.beats
        self._dt_s = dt_s
        self._stress = Stress(dt_s)
        self._nod = Beat()
        self._brow = Beat()
        self._backchannel_left_s = random.uniform(*BACKCHANNEL_PAUSE_S)
        self._backchannel_beats = 0
        self._backchannel_deg = 0.0
        self._was_listening = False
        self.nod_deg = 0.0
        self.brow = 0.0
        self.brow_tilt = 0.0
        """-1..1: which brow rises more in the present raise."""

    def step(self, *, speaking: bool, loudness_db: float, listening: bool) -> None:
        """Advance by one tick."""
        if self._stress.step(speaking, loudness_db):
            self._on_stress()
        self._listen(listening and not speaking)
        self.nod_deg = self._nod.step(self._dt_s)
        self.brow = self._brow.step(self._dt_s)

    def _on_stress(self) -> None:
        random = self._random
        beats = self._beats
        if random.random() < beats * NOD_SHARE:
            size_deg = min(beats, 1.2) * random.uniform(*NOD_DEG)
            self._nod.start(size_deg, random.uniform(*NOD_DOWN_S), 0.0, random.uniform(*NOD_UP_S))
        if not self._brow.busy and random.random() < beats * BROW_SHARE:
            self.brow_tilt = random.uniform(-0.3, 0.3)
            self._brow.start(random.uniform(*BROW_RAISE), 0.16, random.uniform(0.1, 0.4), 0.4)

    def _listen(self, listening: bool) -> None:
        random = self._random
        if listening:
            self._backchannel_left_s -= self._dt_s
        due = listening and self._backchannel_left_s <= 0
        turn_ended = self._was_listening and not listening and random.random() < 0.5
        if due or turn_ended:
            self._backchannel_left_s = random.uniform(*BACKCHANNEL_PAUSE_S)
            self._backchannel_beats = random.choice((1, 2, 2, 3))
            self._backchannel_deg = random.uniform(*BACKCHANNEL_DEG)
        if self._backchannel_beats and not self._nod.busy:
            self._backchannel_beats -= 1
            self._nod.start(self._backchannel_deg, 0.18, 0.0, 0.26)
            self._backchannel_deg *= 0.75
        self._was_listening = listening
