"""A session that runs here: brought into its room, followed, started again where its process dies, ended."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import time
from collections import deque
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from visavis.acting import Act, Direction, Emotion
from visavis.background import Background
from visavis.errors import VisavisError
from visavis.placement import RunningSession, SessionHost
from visavis.room import SessionState, StateChanged, Stats
from visavis.room.events import RungChanged
from visavis.service.joining import identity_in_use, session_config
from visavis.service.reasons import NAME_NOT_SET, REASONS, WARNINGS
from visavis.service.record import Record
from visavis.service.room_server import RoomServer, same_server
from visavis.service.speaking import Speaker
from visavis.service.tally import Tally
from visavis.service.tokens import RoomClaims, check_signature
from visavis.store import Session, SessionStore
from visavis.store.sessions import with_entry
from visavis.voice import VoiceHost

logger = logging.getLogger(__name__)

LEAVE_TIMEOUT_S: Final = 10.0
"""A session that has not ended this long after it was told to is given up."""

RECORD_WITHIN_S: Final = 1.0
"""A join waits no longer than this for the database to take down who is in the room."""

MAX_CRASHES: Final = 3
CRASHES_WITHIN_S: Final = 60.0
"""A session that dies so often so quickly is not started again."""

TRY_AGAIN_AFTER_S: Final = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0)
"""Waits between attempts to start a session again where its room does not answer."""
WORTH_ANOTHER_TRY: Final = frozenset({"room_unreachable", "join_timeout", "publish_failed"})

COUNTED: Final = ("frames_rendered", "frames_repeated", "ticks_late", "segments_played", "segments_interrupted")
"""Measurements that a process counts from its own beginning."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every session works with."""

    host: SessionHost
    store: SessionStore
    voices: VoiceHost
    room_server: RoomServer | None
    tally: Tally


class LiveSession:
    """One session; :meth:`run` is its whole life."""

    def __init__(
        self,
        session: Session,
        claims: RoomClaims,
        room_token: str,
        avatar_path: Path,
        background: Background,
        surroundings: Surroundings,
    ) -> None:
        self.session = session
        self.claims = claims
        self.joined: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        """Resolved once its video is published, or with what went wrong."""
        self.over = asyncio.Event()
        self.leaving = ""
        """Why it was told to leave, once it was."""
        self.speaker = Speaker(surroundings.voices, self.connected)
        self._around = surroundings
        # Never stored and never logged: without it, a process that died could not be replaced.
        self._room_token = room_token
        self._avatar_path = avatar_path
        self._background = background
        self._running: RunningSession | None = None
        self._in_room = asyncio.Event()
        self._told_to_leave = asyncio.Event()
        self._emotion: Emotion | None = None
        """What was asked for last and lasts: a process that takes over shows it too."""
        self._record = Record(surroundings.store, session.session_id)
        self._counted_before: dict[str, int] = {}
        self._crashes_s: deque[float] = deque(maxlen=MAX_CRASHES)

    @property
    def takes_orders(self) -> bool:
        """Whether it can be made to speak, now or as soon as it is back."""
        return self.joined.done() and not self.over.is_set() and not self.leaving and self.session.is_live

    @property
    def is_in_room(self) -> bool:
        """Whether its process runs and is in its room, as far as is known."""
        return self._in_room.is_set()

    async def connected(self) -> RunningSession | None:
        """The session in its room, once it is there; None where it will not be there again."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._in_room, self.over)]
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiting:
                waiter.cancel()
        return None if self.over.is_set() else self._running

    async def run(self) -> None:
        """From the invitation to the end."""
        session = self.session = replace(self.session, connection=_entry_added([], "joining", ""))
        asked_s = time.monotonic()
        recording = asyncio.create_task(self._record.run(), name=f"record {session.session_id}")
        try:
            await self._around.store.add(session)
            try:
                await self._look_first()
                config = session_config(session, self._room_token, self._background)
                running = await self._around.host.start(config, self._avatar_path)
                self._running = running
            except VisavisError as error:
                self._around.tally.refused[error.code] += 1
                self._finish("failed", error.code, error.message)
                self.joined.set_exception(error)
                return
            await self._on_joined(running)
            self._around.tally.join_s.observe(time.monotonic() - asked_s)
            await self._stay(running)
        except Exception as error:
            logger.exception("a session broke down")
            if self._running is not None:
                await self._running.leave()
            self._finish("failed", "internal_error", "The session broke down; the log says why.")
            if not self.joined.done():
                self.joined.set_exception(error)
        finally:
            self._record.close()
            await recording
            # Its callers may all have hung up.
            self.joined.done() and not self.joined.cancelled() and self.joined.exception()
            self.over.set()
            await self.speaker.hush()

    async def interrupt(self) -> float:
        """Fall silent and forget the waiting texts; how much of the current utterance was heard, in seconds."""
        await self.speaker.hush()
        return 0.0 if self._running is None else await self._running.interrupt()

    def act(self, act: Act) -> None:
        """Show an emotion from now on, or make a gesture now; a gesture is missed while nobody is in the room."""
        if isinstance(act, Emotion):
            self._emotion = act if act.duration_s is None else None
        if self._running is not None:
            self._running.act(act)

    def direct(self, direction: Direction) -> None:
        """Move the face, or part of it, from outside."""
        if self._running is not None:
            self._running.direct(direction)

    async def leave(self, reason: str) -> None:
        """End it; returns when it has."""
        if not self.leaving:
            self.leaving = reason
            self._told_to_leave.set()
            if self.session.is_live:
                self._enter("leaving", reason)
        await self.speaker.hush()
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                with contextlib.suppress(VisavisError):
                    # A join on its way is let in first: that takes less than the timeout, and leaves no ghost.
                    await asyncio.shield(self.joined)
                if self._running is not None:
                    await self._running.leave()
                await self.over.wait()
        except TimeoutError:
            logger.error("a session did not end when told to", extra={"session_id": self.session.session_id})
            self._finish("failed", "leave_timeout", REASONS["leave_timeout"])

    async def _look_first(self) -> None:
        server, claims, session = self._server(), self.claims, self.session
        for other in await self._around.store.live_in_room(claims.room, claims.identity):
            # Those that run here were looked at already; another visavis on this database has its own.
            if other.instance_id != session.instance_id and same_server(other.room_url, session.room_url):
                raise identity_in_use(claims)
        if server is None:
            return
        check_signature(self._room_token, server.key)
        if await server.is_in_room(claims.room, claims.identity):
            raise identity_in_use(claims)

    async def _on_joined(self, running: RunningSession) -> None:
        joined = running.joined
        assert joined is not None
        codes = list(joined.warnings)
        session, claims, server = self.session, self.claims, self._server()
        if (
            NAME_NOT_SET in codes
            and session.participant_name
            and server
            and await server.set_name(claims.room, claims.identity, session.participant_name)
        ):
            codes.remove(NAME_NOT_SET)
        self._in_room.set()
        self._enter(
            "connected",
            "joined",
            connected_at=datetime.now(UTC),
            participant_id=joined.participant_id,
            participant_name=claims.name or claims.identity if NAME_NOT_SET in codes else session.participant_name,
            warnings=[{"code": code, "message": WARNINGS[code]} for code in codes],
        )
        logger.info("a session began", extra={"room": session.room_name, "warnings": codes})
        with contextlib.suppress(TimeoutError):
            # Whoever takes over from a visavis that dies now must know who is in the room.
            async with asyncio.timeout(RECORD_WITHIN_S):
                await self._record.settled()
        self.joined.set_result(self.session)

    async def _stay(self, running: RunningSession | None) -> None:
        """Follow the session to its end; one whose process died is started again as the same participant."""
        while running is not None:
            await self._watch(running)
            if not running.has_crashed:
                reason = self.leaving if running.reason == "asked" and self.leaving else running.reason
                state = "failed" if running.state is SessionState.FAILED else "ended"
                self._finish(state, reason, REASONS.get(reason))
                return
            running = await self._after_crash(running)

    async def _watch(self, running: RunningSession) -> None:
        async for event in running.events():
            match event:
                case StateChanged(state=SessionState.RECONNECTING, reason=reason) if not self.leaving:
                    self._enter("reconnecting", reason)
                case StateChanged(state=SessionState.CONNECTED, reason=reason) if not self.leaving and reason:
                    self._enter("connected", reason)
                case RungChanged(rung=rung, reason=reason):
                    self._note_rung(rung, reason)
                case Stats():
                    self._note_stats(event)

    async def _after_crash(self, running: RunningSession) -> RunningSession | None:
        """Count it, and start the session again unless that is in vain; None where it is over."""
        self._in_room.clear()
        self._room_token = running.room_token
        died_s = time.monotonic() if running.died_s is None else running.died_s
        self._crashes_s.append(died_s)
        self._around.tally.crashes += 1
        self._keep_counts()
        crash = {"at": _now(), "exit": _exit(running.exit_code), "outcome": "restarting", "back_after_s": None}
        self._change(crashes=with_entry(self.session.crashes, crash))
        hopeless = len(self._crashes_s) == MAX_CRASHES and died_s - self._crashes_s[0] < CRASHES_WITHIN_S
        if self.leaving or hopeless:
            await self._give_up(self.leaving or "crashed")
            return None
        self._enter("reconnecting", "crashed", restarts=self.session.restarts + 1)
        logger.warning("a session is started again", extra={"exit": crash["exit"]})
        try:
            successor = await self._start_again()
        except VisavisError as error:
            await self._give_up(error.code, error.message)
            return None
        if successor is None:
            await self._give_up(self.leaving)
            return None
        if self._emotion is not None:
            successor.act(self._emotion)
        await successor.replay(running.unplayed())
        self._running = successor
        self._in_room.set()
        back_after_s = time.monotonic() - died_s
        self._around.tally.comeback_s.observe(back_after_s)
        assert successor.joined is not None
        self._enter(
            "connected",
            "restarted",
            participant_id=successor.joined.participant_id,
            crashes=self._last_crash(outcome="restarted", back_after_s=round(back_after_s, 2)),
        )
        return successor

    async def _start_again(self) -> RunningSession | None:
        """Another process in the room; None where the session was told to leave meanwhile."""
        config = session_config(self.session, self._room_token, self._background, resumes=True)
        for wait_s in (*TRY_AGAIN_AFTER_S, None):
            try:
                successor = await self._around.host.start(config, self._avatar_path)
            except VisavisError as error:
                if wait_s is None or error.code not in WORTH_ANOTHER_TRY:
                    raise
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._told_to_leave.wait()
                if self.leaving:
                    return None
            else:
                if not self.leaving:
                    return successor
                await successor.leave()
                return None
        raise AssertionError("the last attempt either works or fails")

    async def _give_up(self, reason: str, message: str | None = None) -> None:
        server = self._server()
        if server:
            # It would show a dead participant until its connection times out.
            await server.remove(self.claims.room, self.claims.identity)
        self._change(crashes=self._last_crash(outcome="given_up"))
        state = "ended" if reason == self.leaving else "failed"
        self._finish(state, reason, message or REASONS.get(reason))

    def _last_crash(self, **changes: Any) -> list[dict[str, Any]]:
        *before, last = self.session.crashes
        return [*before, last | changes]

    def _note_rung(self, rung: str, reason: str) -> None:
        last = self.session.rungs[-1] if self.session.rungs else {}
        if (last.get("rung"), last.get("reason")) != (rung, reason):
            entry = {"at": _now(), "rung": rung, "reason": reason}
            self._change(rungs=with_entry(self.session.rungs, entry))

    def _note_stats(self, event: Stats) -> None:
        stats = {"at": _now(), **asdict(event)}
        for name in COUNTED:
            stats[name] += self._counted_before.get(name, 0)
        before = self.session.stats or {}
        for outcome in ("played", "interrupted"):
            name = f"segments_{outcome}"
            self._around.tally.segments[outcome] += stats[name] - before.get(name, 0)
        if stats["latency_ms"] and stats["latency_ms"] != before.get("latency_ms"):  # a new utterance was measured
            self._around.tally.latency_s.observe(stats["latency_ms"] / 1000)
        self.session = replace(self.session, stats=stats)

    def _keep_counts(self) -> None:
        stats = self.session.stats or {}
        self._counted_before = {name: stats.get(name, 0) for name in COUNTED}

    def _enter(self, state: Any, why: str, **changes: Any) -> None:
        self._change(state=state, connection=_entry_added(self.session.connection, state, why), **changes)

    def _change(self, **changes: Any) -> None:
        self.session = replace(self.session, **changes)
        self._record.note(**changes)

    def _finish(self, state: str, reason: str, message: str | None) -> None:
        if not self.session.is_live:
            return
        self._enter(state, reason, reason=reason, message=message, stats=self.session.stats, ended_at=datetime.now(UTC))
        self._around.tally.ended[state, reason] += 1
        logger.info(
            "a session ended",
            extra={"session_id": self.session.session_id, "agent_id": self.session.agent_id, "reason": reason},
        )

    def _server(self) -> RoomServer | None:
        """The server of its room, where we hold the key."""
        server = self._around.room_server
        return server if server and server.serves(self.session.room_url, self.claims) else None


def _entry_added(history: list[dict[str, str]], state: str, reason: str) -> list[dict[str, str]]:
    return with_entry(history, {"at": _now(), "state": state, "reason": reason})


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _exit(code: int | None) -> str:
    """How a process ended, for people: ``SIGKILL``, ``exit code 1``."""
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"
