"""Sessions: an agent invited into a room, its state kept, made to speak, sent out.

placement/ runs them, voice/ turns text into sound: this module knows the rules, those know processes and rooms.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from visavis.errors import RoomError, ServiceError, VisavisError
from visavis.placement import RunningSession, SessionHost, Sound
from visavis.room import (
    DEFAULT_IDLE_TIMEOUT_S,
    DEFAULT_LOOK_AHEAD_MS,
    SessionConfig,
    SessionState,
    StateChanged,
    Stats,
    VideoConfig,
)
from visavis.service.agents import AgentService
from visavis.service.room_server import RoomServer, same_server
from visavis.service.tokens import RoomClaims, check_signature, read_room_token
from visavis.store import Agent, Session, SessionStore
from visavis.voice import VoiceHost

logger = logging.getLogger(__name__)

MAX_WAITING_TEXTS: Final = 20
"""More than this waiting to be said is a client gone wrong."""

LEAVE_TIMEOUT_S: Final = 10.0
"""A session that has not ended this long after it was told to is given up."""

MAX_CRASHES: Final = 4
CRASHES_WITHIN_S: Final = 60.0
"""A session that dies so often so quickly is not started again."""

NAME_NOT_SET: Final = "name_not_set"

WARNINGS: Final = {
    NAME_NOT_SET: "Others see the name of the token: it does not let the agent change its name (canUpdateOwnMetadata).",
}
"""What a room reports by code, in words."""

REASONS: Final = {
    "asked": "It was asked to leave.",
    "left": "It was asked to leave.",
    "idle": "There was nobody to talk to.",
    "removed": "It was removed from the room.",
    "room_deleted": "The room was deleted.",
    "room_closed": "The room was closed.",
    "identity_taken": "Another participant joined with its identity.",
    "token_expired": "Its room token expired while the LiveKit server was away.",
    "room_lost": "The LiveKit server did not come back.",
    "crashed": "Its process died again and again.",
    "internal_error": "Something broke in its process; the log says what.",
    "server_stopped": "visavis was stopped.",
}
"""Why sessions end, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """An invitation into a room; what is None is the agent's settings' to say, then the room's default."""

    room_url: str
    room_token: str = field(repr=False)
    participant_name: str | None = None
    listen_to: str | None = None
    video: Mapping[str, Any] | None = None
    look_ahead_ms: int | None = None
    idle_timeout_s: float | None = None
    relay_audio: bool | None = None

    def options(self, agent: Agent) -> dict[str, Any]:
        """The options in force, without secrets."""
        asked = {
            "listen_to": self.listen_to,
            "look_ahead_ms": self.look_ahead_ms,
            "idle_timeout_s": self.idle_timeout_s,
            "relay_audio": self.relay_audio,
        }
        defaults = {name: value for name, value in agent.settings.items() if name in asked}
        chosen = defaults | {name: value for name, value in asked.items() if value is not None}
        video = {**agent.settings.get("video", {}), **(self.video or {})}
        return chosen | ({"video": video} if video else {})


@dataclass(slots=True, eq=False)
class _Live:
    """A session that runs here, or is about to."""

    session: Session
    fingerprint: str
    joined: asyncio.Future[Session]
    running: RunningSession | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    leaving: str = ""
    """Why it was told to leave, once it was."""
    texts: set[asyncio.Task[None]] = field(default_factory=set)


class SessionService:
    """The rules about sessions. Use as an async context manager: leaving it ends every session."""

    def __init__(
        self,
        store: SessionStore,
        agents: AgentService,
        host: SessionHost,
        voices: VoiceHost,
        room_server: RoomServer | None,
    ) -> None:
        self._store = store
        self._agents = agents
        self._host = host
        self._voices = voices
        self._room_server = room_server
        self._live: dict[str, _Live] = {}
        self._tasks = asyncio.TaskGroup()
        self._closing = False

    async def __aenter__(self) -> SessionService:
        lost = await self._store.mark_lost()
        if lost:
            logger.warning("sessions were running when visavis stopped", extra={"count": lost})
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._closing = True
        try:
            await asyncio.gather(*(self._end(live, "server_stopped") for live in list(self._live.values())))
        finally:
            await self._tasks.__aexit__(*error)

    @property
    def capacity(self) -> int:
        """Sessions that may run at once."""
        return self._host.max_sessions

    async def join(self, agent_id: str, request: JoinRequest) -> Session:
        """The agent's session in the room, once its video is published there.

        The same token, agent and room again answers with the session there is: a retry is safe.

        Raises:
            ServiceError: unknown agent, agent not ready, a token that cannot work, ``identity_in_use``.
            RoomError: what joining met; ``machine_full`` where no session fits any more.
        """
        agent, avatar_path = await self._agents.ready(agent_id)
        claims = read_room_token(request.room_token)
        room_url = _checked_url(request.room_url)
        same = self._same_join(agent_id, room_url, claims)
        if same:
            return await asyncio.shield(same.joined)
        if self._closing:
            raise ServiceError("stopping", "visavis is stopping.", "Try again when it runs again.", status=503)
        self._refuse_own_duplicate(room_url, claims)
        session = Session(
            session_id=f"ses_{secrets.token_hex(8)}",
            agent_id=agent_id,
            agent_name=agent.name,
            room_url=room_url,
            room_name=claims.room,
            identity=claims.identity,
            created_at=datetime.now(UTC),
            participant_name=request.participant_name or claims.name or agent.name,
            options=request.options(agent),
        )
        live = _Live(session, claims.fingerprint, asyncio.get_running_loop().create_future())
        # Registered before the first wait: a second request with this token or identity finds it.
        self._live[session.session_id] = live
        # A client that hangs up does not leave half a join behind.
        self._tasks.create_task(
            self._join(live, request.room_token, claims, avatar_path), name=f"session {session.session_id}"
        )
        return await asyncio.shield(live.joined)

    async def leave(self, agent_id: str, session_id: str | None = None) -> None:
        """End one session of the agent, or all. Raises ``session_not_found`` for one that is not the agent's."""
        if session_id is not None:
            session = await self.get(session_id)
            if session.agent_id != agent_id:
                raise _not_found(session_id)
        chosen = [
            live
            for live in self._live.values()
            if live.session.agent_id == agent_id and session_id in (None, live.session.session_id)
        ]
        await asyncio.gather(*(self._end(live, "left") for live in chosen))

    async def newest(self, *, limit: int, agent_id: str | None = None, live: bool | None = None) -> list[Session]:
        """Sessions, newest first, with their measurements of now where they run."""
        return [self._now(found) for found in await self._store.newest(limit=limit, agent_id=agent_id, live=live)]

    async def get(self, session_id: str) -> Session:
        """One session. Raises ``session_not_found``."""
        session = await self._store.get(session_id)
        if session is None:
            raise _not_found(session_id)
        return self._now(session)

    async def speak(self, session_id: str, text: str, *, language: str | None, voice: str | None) -> bool:
        """Say ``text``; returns once its first sound is on its way (True), or at once where it must wait (False).

        Raises:
            ServiceError: ``session_not_found``, ``session_ended``, ``too_many_texts``.
            VisavisError: what the voice refuses, such as a language it lacks.
        """
        live = await self._running(session_id)
        if len(live.texts) >= MAX_WAITING_TEXTS:
            raise ServiceError(
                "too_many_texts",
                f"{MAX_WAITING_TEXTS} texts wait to be said in this session.",
                "Wait until some were said, or interrupt.",
                status=429,
            )
        agent = await self._agents.get(live.session.agent_id)
        language = language or agent.settings.get("language")
        voice = voice or agent.settings.get("voice")
        waits = bool(live.texts)
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = self._tasks.create_task(self._say(live, text, language, voice, started))
        live.texts.add(task)
        task.add_done_callback(live.texts.discard)
        if waits:
            # Nobody waits for it any more: what it meets is in the log.
            started.add_done_callback(lambda future: future.cancelled() or future.exception())
            return False
        await started
        return True

    async def interrupt(self, session_id: str) -> float:
        """Fall silent and forget the waiting texts; how much of the current utterance was heard, in seconds.

        Raises:
            ServiceError: ``session_not_found``, ``session_ended``.
        """
        live = await self._running(session_id)
        await self._drop_texts(live)
        assert live.running is not None
        return await live.running.interrupt()

    def _same_join(self, agent_id: str, room_url: str, claims: RoomClaims) -> _Live | None:
        for live in self._live.values():
            is_same = live.fingerprint == claims.fingerprint and live.session.agent_id == agent_id
            if is_same and not live.leaving and same_server(live.session.room_url, room_url):
                return live
        return None

    def _refuse_own_duplicate(self, room_url: str, claims: RoomClaims) -> None:
        for live in self._live.values():
            session = live.session
            is_same = (session.room_name, session.identity) == (claims.room, claims.identity)
            if is_same and same_server(session.room_url, room_url):
                raise _identity_in_use(claims)

    async def _join(self, live: _Live, token: str, claims: RoomClaims, avatar_path: Path) -> None:
        session = live.session
        try:
            await self._store.add(session)
            try:
                await self._look_first(session.room_url, token, claims)
                live.running = await self._host.start(_config(session, token), avatar_path)
            except VisavisError as error:
                await self._finish(live, "failed", error.code, error.message)
                live.joined.set_exception(error)
                return
            await self._on_joined(live, live.running, claims)
            await self._stay(live, token, claims, avatar_path)
        except Exception as error:
            logger.exception("a session broke down", extra={"session_id": session.session_id})
            await self._finish(live, "failed", "internal_error", "The session broke down; the log says why.")
            if not live.joined.done():
                live.joined.set_exception(error)
        finally:
            # Its callers may all have hung up.
            live.joined.done() and not live.joined.cancelled() and live.joined.exception()
            self._live.pop(session.session_id, None)
            live.over.set()

    async def _look_first(self, room_url: str, token: str, claims: RoomClaims) -> None:
        server = self._room_server
        if server is None or not server.serves(room_url, claims):
            return
        check_signature(token, server.key)
        if await server.is_in_room(claims.room, claims.identity):
            raise _identity_in_use(claims)

    async def _on_joined(self, live: _Live, running: RunningSession, claims: RoomClaims) -> None:
        joined = running.joined
        assert joined is not None
        codes = list(joined.warnings)
        session = live.session
        server = self._room_server
        if (
            NAME_NOT_SET in codes
            and session.participant_name
            and server
            and server.serves(session.room_url, claims)
            and await server.set_name(claims.room, claims.identity, session.participant_name)
        ):
            codes.remove(NAME_NOT_SET)
        await self._change(
            live,
            state="connected",
            connected_at=datetime.now(UTC),
            participant_id=joined.participant_id,
            participant_name=claims.name or claims.identity if NAME_NOT_SET in codes else session.participant_name,
            warnings=[{"code": code, "message": WARNINGS[code]} for code in codes],
        )
        logger.info(
            "a session began",
            extra={"session_id": session.session_id, "agent_id": session.agent_id, "warnings": codes},
        )
        live.joined.set_result(live.session)

    async def _stay(self, live: _Live, token: str, claims: RoomClaims, avatar_path: Path) -> None:
        """Follow the session to its end; one whose process died is started again as the same participant."""
        crashes_s: deque[float] = deque(maxlen=MAX_CRASHES)
        assert live.running is not None
        while True:
            running = live.running
            await self._watch(live, running)
            if running.reason != "crashed":
                break
            crashes_s.append(time.monotonic())
            hopeless = len(crashes_s) == MAX_CRASHES and crashes_s[-1] - crashes_s[0] < CRASHES_WITHIN_S
            if live.leaving or hopeless:
                await self._remove_dead(live, claims)
                break
            await self._change(live, state="reconnecting", restarts=live.session.restarts + 1)
            logger.warning("a session is started again", extra={"session_id": live.session.session_id})
            try:
                config = replace(_config(live.session, token), resumes=True)
                live.running = await self._host.start(config, avatar_path)
            except VisavisError as error:
                await self._remove_dead(live, claims)
                await self._finish(live, "failed", error.code, error.message)
                return
        state = "failed" if running.state is SessionState.FAILED else "ended"
        reason = live.leaving if running.reason == "asked" and live.leaving else running.reason
        await self._finish(live, state, reason, REASONS.get(reason))

    async def _watch(self, live: _Live, running: RunningSession) -> None:
        async for event in running.events():
            match event:
                case StateChanged(state=SessionState.RECONNECTING) if not live.leaving:
                    await self._change(live, state="reconnecting")
                case StateChanged(state=SessionState.CONNECTED) if not live.leaving:
                    assert running.joined is not None
                    await self._change(live, state="connected", participant_id=running.joined.participant_id)
                case Stats():
                    live.session = replace(live.session, stats=asdict(event))

    async def _remove_dead(self, live: _Live, claims: RoomClaims) -> None:
        """The server would show a dead participant until its connection times out."""
        server = self._room_server
        if server and server.serves(live.session.room_url, claims):
            await server.remove(claims.room, claims.identity)

    async def _end(self, live: _Live, reason: str) -> None:
        if not live.leaving:
            live.leaving = reason
            if live.session.is_live:
                await self._change(live, state="leaving")
        await self._drop_texts(live)
        try:
            async with asyncio.timeout(LEAVE_TIMEOUT_S):
                with contextlib.suppress(VisavisError):
                    # A join on its way is let in first: that takes less than the timeout, and leaves no ghost.
                    await asyncio.shield(live.joined)
                if live.running is not None:
                    await live.running.leave()
                await live.over.wait()
        except TimeoutError:
            logger.error("a session did not end when told to", extra={"session_id": live.session.session_id})
            await self._finish(live, "failed", "leave_timeout", "The session did not end when told to.")

    async def _say(
        self, live: _Live, text: str, language: str | None, voice: str | None, started: asyncio.Future[None]
    ) -> None:
        async def sound() -> AsyncGenerator[Sound]:
            async with contextlib.aclosing(self._voices.speak(text, language=language, voice=voice)) as chunks:
                async for chunk in chunks:
                    yield Sound(chunk.pcm, chunk.sample_rate_hz)
                    # Resumed: the piece before is on its way.
                    _resolve(started)

        try:
            assert live.running is not None
            await live.running.speak(sound())
            _resolve(started)
        except VisavisError as error:
            logger.info("a text was not said", extra={"code": error.code})
            _resolve(started, error)
        except Exception as error:
            logger.exception("a text was not said")
            _resolve(started, error)
        finally:
            _resolve(started, ServiceError("interrupted", "The text was interrupted before it began.", status=409))

    async def _drop_texts(self, live: _Live) -> None:
        waiting = list(live.texts)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def _running(self, session_id: str) -> _Live:
        live = self._live.get(session_id)
        if live and live.running and live.running.joined and not live.running.state.final and not live.leaving:
            return live
        session = await self.get(session_id)
        raise ServiceError(
            "session_ended" if not session.is_live else "session_not_connected",
            f"This session is {session.state}" + (f" ({session.reason})." if session.reason else "."),
            "GET /v1/sessions?live=true lists those that run.",
            status=409,
        )

    def _now(self, session: Session) -> Session:
        live = self._live.get(session.session_id)
        return live.session if live else session

    async def _change(self, live: _Live, **changes: Any) -> None:
        live.session = replace(live.session, **changes)
        await self._store.update(live.session.session_id, **changes)

    async def _finish(self, live: _Live, state: Any, reason: str, message: str | None) -> None:
        if not live.session.is_live:
            return
        await self._change(
            live, state=state, reason=reason, message=message, stats=live.session.stats, ended_at=datetime.now(UTC)
        )
        await self._drop_texts(live)
        logger.info(
            "a session ended",
            extra={"session_id": live.session.session_id, "agent_id": live.session.agent_id, "reason": reason},
        )


def _config(session: Session, token: str) -> SessionConfig:
    options = session.options
    video = options.get("video", {})
    default = VideoConfig()
    return SessionConfig(
        session_id=session.session_id,
        agent_id=session.agent_id,
        room_url=session.room_url,
        room_token=token,
        participant_name=session.participant_name,
        listen_to=options.get("listen_to"),
        video=VideoConfig(
            width_px=video.get("width", default.width_px),
            height_px=video.get("height", default.height_px),
            fps=video.get("fps", default.fps),
            max_bitrate_bps=video.get("max_bitrate", default.max_bitrate_bps),
            codec=video.get("codec", default.codec),
        ),
        look_ahead_ms=options.get("look_ahead_ms", DEFAULT_LOOK_AHEAD_MS),
        idle_timeout_s=options.get("idle_timeout_s", DEFAULT_IDLE_TIMEOUT_S),
        relay_audio=options.get("relay_audio", False),
        # Two sessions of one agent do not blink in step.
        seed=secrets.randbits(31),
    )


def _resolve(future: asyncio.Future[None], error: Exception | None = None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in {"ws", "wss", "http", "https"} or not parts.hostname:
        raise ServiceError(
            "room_url_invalid",
            f"{url[:200]!r} is not the URL of a LiveKit server.",
            "Give one such as wss://livekit.example.com or ws://127.0.0.1:7880.",
        )
    return url.rstrip("/")


def _identity_in_use(claims: RoomClaims) -> RoomError:
    return RoomError(
        "identity_in_use",
        f"{claims.identity!r} is in the room {claims.room!r} already: joining would throw that participant out.",
        "Make a token with another identity, or let the agent leave first.",
    )


def _not_found(session_id: str) -> ServiceError:
    return ServiceError(
        "session_not_found",
        f"There is no such session {session_id[:80]!r}.",
        "GET /v1/sessions lists the sessions there are.",
        status=404,
    )
