"""Who speaks in a soak: agents by byte stream, and somebody who asks for texts over HTTP."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, Protocol

import httpx
import numpy as np
from numpy.typing import NDArray

from visavis.bench.soak.product import Product
from visavis.bench.soak.report import Counts
from visavis.bench.speaker import Speaker
from visavis.bench.stage import over_hum
from visavis.bench.subject import SYLLABLE, TALK, said

logger = logging.getLogger(__name__)

TEXTS: Final = (
    TALK,
    "Good morning! What may I do for you today?",
    "Let me have a look. Yes, there are three places left, one of them beside the window.",
    "Ninety-nine per cent of what we worry about never comes to pass, and the rest is rarely as bad as we thought.",
    "No.",
    "The quick brown fox jumps over the lazy dog, again and again, until everybody has gone home.",
    "I am sorry, I did not catch that. Would you mind saying it once more?",
)
_PAUSE_S: Final = (1.5, 4.0)
"""Between utterances; above what a witness takes for the end of one."""
_INTERRUPTED_SHARE: Final = 0.2
_INTERRUPTED_AFTER_S: Final = (0.2, 2.5)
_SYLLABLE_PAUSE_S: Final = 0.3
_ANSWER_WITHIN_S: Final = 5.0
_SPOKEN_WITHIN_S: Final = 20.0


class Voice(Protocol):
    """Somebody who speaks through a session."""

    async def speak(self) -> None:
        """Utterance after utterance until cancelled."""
        ...

    def settle(self) -> None:
        """Add up, once nothing more is said."""
        ...


@dataclass(slots=True)
class AgentVoice:
    """A LiveKit agent: every utterance must be answered once."""

    speaker: Speaker
    counts: Counts
    rng: np.random.Generator
    _handed_over: int = 0
    _waited_for: int = 0

    async def speak(self) -> None:
        """See :class:`Voice`."""
        utterances = [_utterance(text) for text in TEXTS]
        while True:
            pcm, rate_hz = utterances[self.rng.integers(len(utterances))]
            await self._say(pcm, rate_hz)
            await asyncio.sleep(self.rng.uniform(*_PAUSE_S))

    def settle(self) -> None:
        """Compare answers with utterances, once nothing more is said."""
        answers = len(self.speaker.finished)
        self.counts.missing_answers += max(0, self._waited_for - answers)
        self.counts.extra_answers += max(0, answers - self._handed_over)

    async def _say(self, pcm: NDArray[np.int16], rate_hz: int) -> None:
        try:
            await self.speaker.say(pcm, rate_hz)
            self._handed_over += 1
            self.counts.segments += 1
            if self.rng.random() < _INTERRUPTED_SHARE:
                await asyncio.sleep(self.rng.uniform(*_INTERRUPTED_AFTER_S))
                self.counts.interruptions += 1
                await self.speaker.interrupt()
            await self.speaker.until_finished(self._handed_over, len(pcm) / rate_hz + _ANSWER_WITHIN_S)
        except TimeoutError:
            self.counts.late_answers += 1
        except Exception as error:  # the SDK raises bare exceptions while it reconnects
            logger.warning("an utterance failed", extra={"error": repr(error)})
            self.counts.errors += 1
            await asyncio.sleep(_ANSWER_WITHIN_S)
        self._waited_for = self._handed_over


@dataclass(slots=True)
class HttpVoice:
    """Texts and interruptions over HTTP, in the product's own voice."""

    product: Product
    session_id: str
    counts: Counts
    rng: np.random.Generator
    paused: asyncio.Event
    """Set by a witness whenever something that was said has ended."""

    async def speak(self) -> None:
        """See :class:`Voice`."""
        path = f"/v1/sessions/{self.session_id}"
        while True:
            text = TEXTS[self.rng.integers(len(TEXTS))]
            self.paused.clear()
            try:
                await self.product.ask(
                    "POST", f"{path}/speak", {"text": f"{SYLLABLE}. {text}", "language": "en", "voice": "female"}
                )
                if self.rng.random() < _INTERRUPTED_SHARE:
                    await asyncio.sleep(self.rng.uniform(*_INTERRUPTED_AFTER_S))
                    self.counts.interruptions += 1
                    await self.product.ask("POST", f"{path}/interrupt")
                async with asyncio.timeout(_SPOKEN_WITHIN_S):
                    await self.paused.wait()
            except (httpx.HTTPError, TimeoutError):
                self.counts.errors += 1
            await asyncio.sleep(self.rng.uniform(*_PAUSE_S))

    def settle(self) -> None:
        """See :class:`Voice`."""


def _utterance(text: str) -> tuple[NDArray[np.int16], int]:
    """A syllable that opens the mouth at once, then a text, over a hum: ``int16 [n]`` and its rate."""
    syllable, rate_hz = said(SYLLABLE)
    words, _ = said(text)
    syllable = syllable[: np.flatnonzero(syllable)[-1] + 1]
    pause = np.zeros(round(_SYLLABLE_PAUSE_S * rate_hz), np.int16)
    return over_hum(np.concatenate([syllable, pause, words]), rate_hz), rate_hz
