"""Starts, watches and stops the processes of sessions."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import socket
from collections.abc import AsyncIterator, Callable
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Final

from visavis.errors import RoomError
from visavis.placement.channel import Channel, Sound, decode_event
from visavis.placement.worker import run_worker
from visavis.room import Joined, SessionConfig, SessionState, StateChanged, Stats
from visavis.room.events import SessionEvent
from visavis.room.preflight import check_room

logger = logging.getLogger(__name__)

SESSIONS_PER_CORE: Final = 2.5
"""Speaking sessions of 512x512 at 25 fps that a core holds beside a LiveKit server: see benchmarks/README.md."""
START_TIMEOUT_S: Final = 20.0
_LEAVE_TIMEOUT_S: Final = 6.0
_TERMINATE_TIMEOUT_S: Final = 2.0
_MACHINE_FULL: Final = "machine_full"

EventSink = Callable[[str, SessionEvent], None]


def default_max_sessions() -> int:
    """How many sessions this machine is trusted with."""
    return max(2, round((os.cpu_count() or 1) * SESSIONS_PER_CORE))


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
        self.speech_lock = asyncio.Lock()
        self._interruptions = 0

    @property
    def session_id(self) -> str:
        """Whose session it is."""
        return self.config.session_id

    async def speak(self, pieces: AsyncIterator[Sound]) -> bool:
        """Say one utterance, piece by piece as it comes; False where it was interrupted."""
        async with self.speech_lock:
            before = self._interruptions
            try:
                async for piece in pieces:
                    if self._interruptions != before or self.state.final:
                        return False
                    await self.channel.send_sound(piece)
            finally:
                self.channel.post({"do": "end_speech"})
            return self._interruptions == before

    def interrupt(self) -> None:
        """Be silent now, and drop what is still being made."""
        self._interruptions += 1
        self.channel.post({"do": "interrupt"})

    async def leave(self) -> None:
        """Leave the room; returns when the process is gone, however stubborn it is."""
        self.channel.post({"do": "leave"})
        for wait_s, then in ((_LEAVE_TIMEOUT_S, self.process.terminate), (_TERMINATE_TIMEOUT_S, self.process.kill)):
            try:
                async with asyncio.timeout(wait_s):
                    await self.ended.wait()
                return
            except TimeoutError:
                logger.warning("session does not leave", extra={"session_id": self.session_id})
                then()
        await self.ended.wait()


class SessionHost:
    """Runs sessions while its context is open; closing it ends them all.

    Args:
        max_sessions: more than this are refused with ``machine_full``.
        on_event: told everything that happens, with the session's id.
    """

    def __init__(self, *, max_sessions: int | None = None, on_event: EventSink | None = None) -> None:
        self.max_sessions = max_sessions or default_max_sessions()
        self._on_event = on_event
        self._sessions: dict[str, RunningSession] = {}
        self._starting = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["__main__", "visavis.placement.warm"])

    async def __aenter__(self) -> SessionHost:
        self._own(self._warm_up(), "warm up")
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(session.leave() for session in list(self._sessions.values())))
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def sessions(self) -> dict[str, RunningSession]:
        """The sessions that have a process, by id."""
        return dict(self._sessions)

    async def start(self, config: SessionConfig, avatar_path: Path) -> RunningSession:
        """Bring an agent into a room; returns once it is in and its picture is published.

        Raises:
            RoomError: ``machine_full``, ``room_url_invalid``, ``room_unreachable``, ``token_refused``,
                ``join_timeout``, ``session_crashed``, or what the session's process says.
        """
        if len(self._sessions) + self._starting >= self.max_sessions:
            raise RoomError(
                _MACHINE_FULL,
                f"This machine already runs {self.max_sessions} sessions, as many as it is set to hold.",
                "Let one leave first, or raise VISAVIS_MAX_SESSIONS where there is CPU to spare.",
            )
        self._starting += 1
        try:
            await check_room(config.room_url, config.room_token)
            session = await self._spawn(config, avatar_path)
        finally:
            self._starting -= 1
        outcome: asyncio.Future[RoomError | None] = asyncio.get_running_loop().create_future()
        self._own(self._follow(session, outcome), f"follow {config.session_id}")
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                error = await asyncio.shield(outcome)
        except TimeoutError:
            error = RoomError(
                "join_timeout",
                f"The agent was not in the room within {START_TIMEOUT_S:.0f} s.",
                "Check that this machine can reach the LiveKit server's media ports.",
            )
        except asyncio.CancelledError:
            self._own(session.leave(), "leave cancelled start")
            raise
        if error is not None:
            await session.leave()
            raise error
        return session

    async def _warm_up(self) -> None:
        """Start the template: the first session need not wait for it."""
        process = self._context.Process(target=int)
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(process.join)
        process.close()

    async def _spawn(self, config: SessionConfig, avatar_path: Path) -> RunningSession:
        ours, theirs = socket.socketpair()
        log_level = logging.getLogger().getEffectiveLevel()
        process = self._context.Process(
            target=run_worker, args=(theirs, config, avatar_path, log_level), name=f"visavis {config.session_id}"
        )
        try:
            await asyncio.to_thread(process.start)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        session = RunningSession(config, await Channel.open(ours), process)
        self._sessions[config.session_id] = session
        return session

    async def _follow(self, session: RunningSession, outcome: asyncio.Future[RoomError | None]) -> None:
        """Take in everything a session says, until its process is gone."""
        try:
            while (message := await session.channel.receive()) is not None:
                if isinstance(message, Sound):
                    continue
                if "failed" in message:
                    error = RoomError(**message["failed"])
                    session.state, session.reason = SessionState.FAILED, error.code
                    if not outcome.done():
                        outcome.set_result(error)
                    self._tell(session, StateChanged(SessionState.FAILED, error.code))
                else:
                    self._note(session, decode_event(message), outcome)
        finally:
            await self._reap(session, outcome)

    def _note(self, session: RunningSession, event: SessionEvent, outcome: asyncio.Future[RoomError | None]) -> None:
        if isinstance(event, Joined):
            session.joined = event
        elif isinstance(event, Stats):
            session.stats = event
        elif isinstance(event, StateChanged):
            session.state, session.reason = event.state, event.reason
            if event.state is SessionState.CONNECTED and not outcome.done():
                outcome.set_result(None)
        self._tell(session, event)

    async def _reap(self, session: RunningSession, outcome: asyncio.Future[RoomError | None]) -> None:
        await session.channel.aclose()
        await _exited(session.process)
        if not session.state.final:
            session.state, session.reason = SessionState.FAILED, "crashed"
            logger.error(
                "session process died",
                extra={"session_id": session.session_id, "exit_code": session.process.exitcode},
            )
            self._tell(session, StateChanged(SessionState.FAILED, "crashed"))
        if not outcome.done():
            outcome.set_result(
                RoomError("session_crashed", "The agent's process died while it joined.", "Try again; see the log.")
            )
        self._sessions.pop(session.session_id, None)
        session.ended.set()

    def _tell(self, session: RunningSession, event: SessionEvent) -> None:
        if self._on_event is not None:
            self._on_event(session.session_id, event)

    def _own(self, work: Any, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _exited(process: ForkServerProcess) -> None:
    """Wait for the process to end, killing it where it hangs after closing its channel."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(process.sentinel, gone.set)
    try:
        async with asyncio.timeout(_TERMINATE_TIMEOUT_S):
            await gone.wait()
    except TimeoutError:
        process.kill()
        await gone.wait()
    finally:
        loop.remove_reader(process.sentinel)
    process.join()
