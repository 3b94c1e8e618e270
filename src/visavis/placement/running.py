"""A session in a process of its own, as seen from outside."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing, suppress
from dataclasses import asdict
from multiprocessing.context import ForkServerProcess
from typing import Final

from visavis.acting import Act, Direction, act_values
from visavis.placement.channel import Channel, Sound
from visavis.placement.processes import TERMINATE_TIMEOUT_S
from visavis.placement.speech import Piece, Speech, Unplayed
from visavis.room import Joined, SessionConfig, SessionState, StateChanged, Stats
from visavis.room.events import SessionEvent, SpeechEnded, TokenRefreshed

logger = logging.getLogger(__name__)

CRASHED: Final = "crashed"
_MAX_AHEAD_S: Final = 20.0
"""A text makes sound faster than it is heard: more than this is not sent ahead."""
_ON_THE_WAY_S: Final = 0.1
"""From here to leaving the session's process: what was there had not been heard."""
_LEAVE_TIMEOUT_S: Final = 6.0


class RunningSession:
    """A session in a process of its own, as seen from outside."""

    def __init__(self, config: SessionConfig, channel: Channel, process: ForkServerProcess) -> None:
        self.config = config
        self.state = SessionState.STARTING
        self.reason = ""
        self.joined: Joined | None = None
        self.stats: Stats | None = None
        self.ended = asyncio.Event()
        """Set once the process is gone."""
        self.channel = channel
        self.process = process
        self.died_s: float | None = None
        """When its process fell silent for good, on the monotonic clock."""
        self._room_token = config.room_token
        self._speech_lock = asyncio.Lock()
        self._interruptions = 0
        self._unplayed = Unplayed()
        self._hush = asyncio.Event()
        self._silence: asyncio.Future[float] | None = None
        self._events: asyncio.Queue[SessionEvent | None] = asyncio.Queue()

    @property
    def session_id(self) -> str:
        """Whose session it is."""
        return self.config.session_id

    @property
    def room_token(self) -> str:
        """The newest token of its participant: the LiveKit server refreshes it. Kept in memory only."""
        return self._room_token

    @property
    def exit_code(self) -> int | None:
        """Of its process once that has ended; the negative number of the signal that ended it."""
        return self.process.exitcode

    @property
    def has_crashed(self) -> bool:
        """Whether its process died without a word."""
        return self.reason == CRASHED

    async def events(self) -> AsyncIterator[SessionEvent]:
        """Everything it says, from before it joined until its process is gone; one reader."""
        while (event := await self._events.get()) is not None:
            yield event

    async def speak(self, pieces: AsyncGenerator[Piece] | Speech) -> bool:
        """Say one utterance, piece by piece as it comes; False where it was interrupted, or its process died.

        Utterances wait for each other. What could not be handed over stays in a :class:`Speech`; a mere generator is
        closed in the end, whatever happens.
        """
        if not isinstance(pieces, Speech):
            async with aclosing(Speech(pieces)) as speech:
                return await self.speak(speech)
        async with self._speech_lock:
            before = self._interruptions
            try:
                while self._interruptions == before and not self._is_over():
                    if (piece := await pieces.next()) is None:
                        return True
                    await self._let_play()
                    if self._is_over():
                        pieces.give_back(piece)
                    elif self._interruptions == before:
                        await self._send(piece)
                return False
            finally:
                if not self._is_over():  # else the next process goes on with it
                    self._end_utterance()

    def unplayed(self) -> list[Piece | None]:
        """What was handed over and not heard when its process died; None is the end of an utterance."""
        died_s = time.monotonic() if self.died_s is None else self.died_s
        return list(self._unplayed.rest(died_s - _ON_THE_WAY_S))

    async def replay(self, pieces: Iterable[Piece | None]) -> None:
        """Say what another process of this session did not get to say."""
        for piece in pieces:
            if piece is None:
                self._end_utterance()
            else:
                await self._send(piece)

    def act(self, act: Act) -> None:
        """Show an emotion from now on, or make a gesture now."""
        self.channel.post({"do": "act", "act": act_values(act)})

    def direct(self, direction: Direction) -> None:
        """Move the face, or part of it, from outside."""
        self.channel.post({"do": "direct", "direction": asdict(direction)})

    async def interrupt(self) -> float:
        """Be silent now, and drop what is still being made; how much of the utterance was played, in seconds."""
        self._unplayed.clear()
        if self.state.final or self.ended.is_set():
            return 0.0
        self._interruptions += 1
        self._hush.set()
        if self._silence is None:
            self._silence = asyncio.get_running_loop().create_future()
            self.channel.post({"do": "interrupt"})
        return await asyncio.shield(self._silence)

    async def leave(self) -> None:
        """Leave the room; returns when the process is gone, however stubborn it is."""
        self.channel.post({"do": "leave"})
        for wait_s, then in ((_LEAVE_TIMEOUT_S, self.process.terminate), (TERMINATE_TIMEOUT_S, self.process.kill)):
            try:
                async with asyncio.timeout(wait_s):
                    await self.ended.wait()
                return
            except TimeoutError:
                logger.warning("session does not leave", extra={"session_id": self.session_id})
                then()
        await self.ended.wait()

    def note(self, event: SessionEvent) -> None:
        """Take in what its process, or the host about it, has said."""
        match event:
            case Joined():
                self.joined = event
            case Stats():
                self.stats = event
            case StateChanged():
                self.state, self.reason = event.state, event.reason
            case SpeechEnded(played_s=played_s, interrupted=True):
                self._unplayed.clear()
                self._resolve_silence(played_s)
            case TokenRefreshed(room_token=room_token):
                self._room_token = room_token
                return  # a secret goes no further
        self._events.put_nowait(event)

    def note_silence(self) -> None:
        """Its process says nothing any more."""
        self.died_s = time.monotonic()

    def note_end(self) -> None:
        """Its process is gone."""
        self._resolve_silence(0.0)
        self._events.put_nowait(None)
        self._hush.set()
        self.ended.set()

    def _is_over(self) -> bool:
        return self.state.final

    async def _send(self, piece: Piece) -> None:
        self._unplayed.add(piece, time.monotonic())
        if isinstance(piece, Sound):
            await self.channel.send_sound(piece)
        else:
            self.channel.post({"do": "cue", "act": act_values(piece)})

    def _end_utterance(self) -> None:
        self._unplayed.end_utterance()
        self.channel.post({"do": "end_speech"})

    async def _let_play(self) -> None:
        """Wait while more is ahead than a session's memory should hold."""
        self._hush.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, self._unplayed.until_s - time.monotonic() - _MAX_AHEAD_S)):
                await self._hush.wait()

    def _resolve_silence(self, played_s: float) -> None:
        silence, self._silence = self._silence, None
        if silence is not None:
            silence.set_result(played_s)
