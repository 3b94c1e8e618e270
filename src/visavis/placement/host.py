"""Starts, watches and stops the processes of sessions and streams; says whether there is room for one more."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any, Final, Literal

from visavis.errors import RoomError
from visavis.logs import log_settings
from visavis.placement.channel import Channel, Sound, decode_event
from visavis.placement.load import Load
from visavis.placement.processes import exited
from visavis.placement.running import CRASHED, RunningSession
from visavis.placement.stream_worker import run_stream_worker
from visavis.placement.streams import RunningStream
from visavis.placement.worker import run_worker
from visavis.room import SessionConfig, SessionState, StateChanged, Stats
from visavis.room.preflight import check_room
from visavis.stream import StreamConfig

logger = logging.getLogger(__name__)

SESSIONS_PER_CORE: Final = 2.0
"""Speaking sessions of 512x512 at 25 fps that a core holds beside a LiveKit server: see benchmarks/README.md."""
START_TIMEOUT_S: Final = 20.0
_MACHINE_FULL: Final = "machine_full"

Refusal = Literal["count", "strain", "stopping"]
"""No place is left, the running sessions have no time to draw, or no session is wanted any more."""


def default_max_sessions() -> int:
    """How many sessions this machine is trusted with."""
    return max(2, round((os.cpu_count() or 1) * SESSIONS_PER_CORE))


class SessionHost:
    """Runs sessions while its context is open; closing it ends them all.

    Args:
        max_sessions: more than this are refused with ``machine_full``.
    """

    def __init__(self, *, max_sessions: int | None = None) -> None:
        self.max_sessions = max_sessions or default_max_sessions()
        self._sessions: dict[str, RunningSession] = {}
        self._streams: dict[str, RunningStream] = {}
        self._ending: set[asyncio.Task[None]] = set()
        """Streams on their way out."""
        self._starting = 0
        self._load = Load()
        self._closed = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["__main__", "visavis.placement.warm"])

    async def __aenter__(self) -> SessionHost:
        self._own(self._warm_up(), "warm up")
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(
            *(session.leave() for session in list(self._sessions.values())),
            *(stream.aclose() for stream in list(self._streams.values())),
        )
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def sessions(self) -> dict[str, RunningSession]:
        """The sessions that have a process, by id."""
        return dict(self._sessions)

    @property
    def strain(self) -> float:
        """Share of the sessions' ticks of the last ten seconds without time to draw, 0 to 1."""
        return self._load.strain(time.monotonic())

    @property
    def refusal(self) -> Refusal | None:
        """Why no session more would be let in now; None where one would."""
        if self._closed:
            return "stopping"
        if self._taken >= self.max_sessions:
            return "count"
        return "strain" if self._load.is_strained(time.monotonic()) else None

    def close_door(self) -> None:
        """Let nobody in any more; those who are in may stay, and are started again where they crash."""
        self._closed = True

    async def start(self, config: SessionConfig, avatar_path: Path) -> RunningSession:
        """Bring an agent into a room; returns once it is in and its picture is published.

        One that ``resumes`` has its place already.

        Raises:
            RoomError: ``machine_full``, ``stopping``, ``room_url_invalid``, ``room_unreachable``, ``token_refused``,
                ``join_timeout``, ``session_crashed``, or what the session's process says.
        """
        if not config.resumes:
            self._require_place()
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

    @asynccontextmanager
    async def stream(self, config: StreamConfig, avatar_path: Path) -> AsyncIterator[RunningStream]:
        """An agent behind a connection of one's own, in a process that ends with the context.

        Raises:
            RoomError: ``machine_full``, ``stopping``: streams and sessions share the places there are.
        """
        # A client that comes back at once finds its own place free.
        while self._taken >= self.max_sessions and self._ending:
            await asyncio.wait(self._ending, return_when=asyncio.FIRST_COMPLETED)
        self._require_place()
        self._starting += 1
        try:
            channel, process = await self._fork(run_stream_worker, config, avatar_path, config.stream_id)
            stream = RunningStream(
                config, channel, process, lambda strain: self._load.note(config.stream_id, strain, time.monotonic())
            )
            self._streams[config.stream_id] = stream
        finally:
            self._starting -= 1
        try:
            yield stream
        finally:
            # Owned by the host: whoever is cancelled here leaves no process behind.
            ending = self._own(self._end_stream(stream), f"end {config.stream_id}")
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            await asyncio.shield(ending)

    async def _end_stream(self, stream: RunningStream) -> None:
        await stream.aclose()
        self._load.forget(stream.config.stream_id)
        self._streams.pop(stream.config.stream_id, None)

    @property
    def _taken(self) -> int:
        return len(self._sessions) + len(self._streams) + self._starting

    def _require_place(self) -> None:
        match self.refusal:
            case "stopping":
                raise RoomError("stopping", "visavis is stopping.", "Try again when it runs again.")
            case "count":
                raise RoomError(
                    _MACHINE_FULL,
                    f"This machine already runs {self.max_sessions} sessions, as many as it is set to hold.",
                    "Let one leave first, or raise VISAVIS_MAX_SESSIONS where there is CPU to spare.",
                )
            case "strain":
                raise RoomError(
                    _MACHINE_FULL,
                    f"The sessions on this machine have no time to draw {self.strain:.0%} of their frames.",
                    "Try again in some seconds, let a session leave, or give the machine more CPU.",
                )

    async def _warm_up(self) -> None:
        """Start the template: the first session need not wait for it."""
        process = self._context.Process(target=int)
        await asyncio.to_thread(process.start)
        await asyncio.to_thread(process.join)
        process.close()

    async def _spawn(self, config: SessionConfig, avatar_path: Path) -> RunningSession:
        channel, process = await self._fork(run_worker, config, avatar_path, config.session_id)
        session = RunningSession(config, channel, process)
        self._sessions[config.session_id] = session
        return session

    async def _fork(
        self, run: Callable[..., None], config: object, avatar_path: Path, name: str
    ) -> tuple[Channel, ForkServerProcess]:
        """A process of the warm template that runs ``run``, and our end of the channel to it."""
        ours, theirs = socket.socketpair()
        process = self._context.Process(
            target=run, args=(theirs, config, avatar_path, log_settings()), name=f"visavis {name}"
        )
        try:
            await asyncio.to_thread(process.start)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        return await Channel.open(ours), process

    async def _follow(self, session: RunningSession, outcome: asyncio.Future[RoomError | None]) -> None:
        """Take in everything a session says, until its process is gone."""
        try:
            while (message := await session.channel.receive()) is not None:
                if isinstance(message, Sound | bytes):
                    continue
                if "failed" in message:
                    error = RoomError(**message["failed"])
                    session.note(StateChanged(SessionState.FAILED, error.code))
                    if not outcome.done():
                        outcome.set_result(error)
                else:
                    event = decode_event(message)
                    session.note(event)
                    if isinstance(event, Stats):
                        self._load.note(session.session_id, event.strain, time.monotonic())
                    if session.state is SessionState.CONNECTED and not outcome.done():
                        outcome.set_result(None)
        finally:
            await self._reap(session, outcome)

    async def _reap(self, session: RunningSession, outcome: asyncio.Future[RoomError | None]) -> None:
        session.note_silence()
        self._load.forget(session.session_id)
        await session.channel.aclose()
        await exited(session.process)
        if not session.state.final:
            logger.error(
                "session process died",
                extra={"session_id": session.session_id, "exit_code": session.process.exitcode},
            )
            session.note(StateChanged(SessionState.FAILED, CRASHED))
        if not outcome.done():
            outcome.set_result(
                RoomError("session_crashed", "The agent's process died while it joined.", "Try again; see the log.")
            )
        self._sessions.pop(session.session_id, None)
        session.note_end()

    def _own(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
