"""An utterance on its way to a session, so that it survives the session's process."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterator
from typing import TypeAlias

from visavis.acting import Act, Emotion
from visavis.placement.channel import Sound

Piece: TypeAlias = Sound | Act
"""Of an utterance: sound, or what the face does when the sound before has been heard."""


class Speech:
    """One utterance, piece by piece as it is made; a piece that could not be handed over comes again."""

    def __init__(self, pieces: AsyncGenerator[Piece]) -> None:
        self._pieces = pieces
        self._returned: deque[Piece] = deque()

    async def next(self) -> Piece | None:
        """The next piece; None after the last."""
        if self._returned:
            return self._returned.popleft()
        return await anext(self._pieces, None)

    def give_back(self, piece: Piece) -> None:
        """Let ``piece`` come next."""
        self._returned.appendleft(piece)

    async def aclose(self) -> None:
        """Nobody wants the rest."""
        await self._pieces.aclose()


class Unplayed:
    """What was handed to a session and has not been heard yet, as far as can be told from outside."""

    def __init__(self) -> None:
        self._ahead: deque[tuple[float, Piece | None]] = deque()
        self._shown: Emotion | None = None
        """With the utterance that is being played."""
        self.until_s = 0.0
        """When the last of it will have been played."""

    def add(self, piece: Piece, now_s: float) -> None:
        """A piece is handed over; it is played after what is there."""
        self._drop_played(now_s)
        duration_s = piece.duration_s if isinstance(piece, Sound) else 0.0
        self.until_s = max(self.until_s, now_s) + duration_s
        self._ahead.append((self.until_s, piece))

    def end_utterance(self) -> None:
        """What comes next belongs to another utterance."""
        self._ahead.append((self.until_s, None))

    def clear(self) -> None:
        """It was interrupted: none of it will be played."""
        self._ahead.clear()
        self._shown = None
        self.until_s = 0.0

    def rest(self, now_s: float) -> Iterator[Piece | None]:
        """What is not played at an instant, the first piece cut; None is the end of an utterance.

        An emotion that was shown comes again: it lasts as long as its utterance.
        """
        self._drop_played(now_s)
        if self._ahead and self._shown is not None:
            yield self._shown
        for until_s, piece in self._ahead:
            if isinstance(piece, Sound):
                left = min(len(piece.pcm), round((until_s - now_s) * piece.sample_rate_hz))
                piece = piece.part(len(piece.pcm) - left)
            yield piece

    def _drop_played(self, now_s: float) -> None:
        while self._ahead and self._ahead[0][0] <= now_s:
            _, piece = self._ahead.popleft()
            if piece is None:
                self._shown = None
            elif isinstance(piece, Emotion):
                self._shown = piece
