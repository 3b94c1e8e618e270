"""An utterance on its way to a session, so that it survives the session's process."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterator

from visavis.placement.channel import Sound


class Speech:
    """One utterance, piece by piece as it is made; a piece that could not be handed over comes again."""

    def __init__(self, pieces: AsyncGenerator[Sound]) -> None:
        self._pieces = pieces
        self._returned: deque[Sound] = deque()

    async def next(self) -> Sound | None:
        """The next piece; None after the last."""
        if self._returned:
            return self._returned.popleft()
        return await anext(self._pieces, None)

    def give_back(self, piece: Sound) -> None:
        """Let ``piece`` come next."""
        self._returned.appendleft(piece)

    async def aclose(self) -> None:
        """Nobody wants the rest."""
        await self._pieces.aclose()


class Unplayed:
    """What was handed to a session and has not been heard yet, as far as can be told from outside."""

    def __init__(self) -> None:
        self._ahead: deque[tuple[float, Sound | None]] = deque()
        self.until_s = 0.0
        """When the last of it will have been played."""

    def add(self, sound: Sound, now_s: float) -> None:
        """A piece is handed over; it is played after what is there."""
        self._drop_played(now_s)
        self.until_s = max(self.until_s, now_s) + sound.duration_s
        self._ahead.append((self.until_s, sound))

    def end_utterance(self) -> None:
        """What comes next belongs to another utterance."""
        self._ahead.append((self.until_s, None))

    def clear(self) -> None:
        """It was interrupted: none of it will be played."""
        self._ahead.clear()
        self.until_s = 0.0

    def rest(self, now_s: float) -> Iterator[Sound | None]:
        """What is not played at an instant, the first piece cut; None is the end of an utterance."""
        for until_s, sound in self._ahead:
            if until_s <= now_s:
                continue
            if sound is not None:
                left = min(len(sound.pcm), round((until_s - now_s) * sound.sample_rate_hz))
                sound = Sound(sound.pcm[len(sound.pcm) - left :], sound.sample_rate_hz)
            yield sound

    def _drop_played(self, now_s: float) -> None:
        while self._ahead and self._ahead[0][0] <= now_s:
            self._ahead.popleft()
