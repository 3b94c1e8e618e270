"""Sessions: an agent invited into a room, its state kept, made to speak, sent out.

placement/ runs them, voice/ turns text into sound: this module knows the rules, those know processes and rooms.
"""

from __future__ import annotations

import asyncio
import secrets
from datetime import UTC, datetime
from typing import Any

from visavis.acting import Act, Direction
from visavis.errors import ServiceError
from visavis.logs import log_about
from visavis.placement import Refusal, SessionHost
from visavis.service.agents import AgentService
from visavis.service.joining import JoinRequest, checked_url, identity_in_use
from visavis.service.live import LiveSession, Surroundings
from visavis.service.presence import Presence
from visavis.service.room_server import RoomServer, same_server
from visavis.service.tally import Tally
from visavis.service.tokens import RoomClaims, read_room_token
from visavis.store import InstanceStore, Session, SessionStore
from visavis.voice import VoiceHost


class SessionService:
    """The rules about sessions. Use as an async context manager: leaving it ends every session."""

    def __init__(
        self,
        store: SessionStore,
        instances: InstanceStore,
        agents: AgentService,
        host: SessionHost,
        voices: VoiceHost,
        room_server: RoomServer | None,
    ) -> None:
        self.tally = Tally()
        self._store = store
        self._agents = agents
        self._host = host
        self._room_server = room_server
        self._surroundings = Surroundings(host, store, voices, room_server, self.tally)
        self._live: dict[str, LiveSession] = {}
        self._presence = Presence(
            instances, store, lambda: [live.session for live in self._live.values()], self._remove_ghosts
        )
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> SessionService:
        await self._presence.begin()
        await self._tasks.__aenter__()
        self._watching = self._tasks.create_task(self._presence.run(), name="presence")
        return self

    async def __aexit__(self, *error: Any) -> None:
        self.stop_accepting()
        try:
            await asyncio.gather(*(live.leave("server_stopped") for live in list(self._live.values())))
        finally:
            self._watching.cancel()
            await self._tasks.__aexit__(*error)
        await self._presence.end()

    @property
    def capacity(self) -> int:
        """Sessions that may run at once."""
        return self._host.max_sessions

    @property
    def running(self) -> int:
        """Sessions that run here, or are about to."""
        return len(self._live)

    @property
    def here(self) -> list[Session]:
        """Sessions that run here, as they are now."""
        return [live.session for live in self._live.values() if live.session.is_live]

    @property
    def strain(self) -> float:
        """Share of the sessions' ticks of the last ten seconds without time to draw, 0 to 1."""
        return self._host.strain

    @property
    def refusal(self) -> Refusal | None:
        """Why no session more would be let in now; None where one would."""
        return self._host.refusal

    def stop_accepting(self) -> None:
        """Let no session in any more; those that run go on."""
        self._host.close_door()

    async def until_empty(self) -> None:
        """Wait until no session runs here; for after :meth:`stop_accepting`."""
        await asyncio.gather(*(live.over.wait() for live in list(self._live.values())))

    async def join(self, agent_id: str, request: JoinRequest) -> Session:
        """The agent's session in the room, once its video is published there.

        The same token, agent and room again answers with the session there is: a retry is safe.

        Raises:
            ServiceError: unknown agent, agent not ready, a token that cannot work, ``identity_in_use``,
                ``background_missing``.
            RoomError: what joining met; ``machine_full`` where no session fits any more, ``stopping``.
        """
        agent, avatar_path = await self._agents.ready(agent_id)
        options = request.options(agent)
        background = await self._agents.background(agent_id, options.get("video", {}).get("background"))
        claims = read_room_token(request.room_token)
        room_url = checked_url(request.room_url)
        if same := self._same_join(agent_id, room_url, claims):
            return await asyncio.shield(same.joined)
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
            options=options,
            instance_id=self._presence.instance_id,
        )
        live = LiveSession(session, claims, request.room_token, avatar_path, background, self._surroundings)
        # Registered before the first wait: a second request with this token or identity finds it.
        self._live[session.session_id] = live
        # A client that hangs up does not leave half a join behind.
        self._tasks.create_task(self._run(live), name=f"session {session.session_id}")
        return await asyncio.shield(live.joined)

    async def leave(self, agent_id: str, session_id: str | None = None) -> None:
        """End one session of the agent, or all.

        Raises:
            ServiceError: ``session_not_found`` for one that is not the agent's; ``session_elsewhere`` where another
                visavis on the same database runs it.
        """
        if session_id is not None:
            session = await self.get(session_id)
            if session.agent_id != agent_id:
                raise _not_found(session_id)
        chosen = [
            live
            for live in self._live.values()
            if live.session.agent_id == agent_id and session_id in (None, live.session.session_id)
        ]
        await asyncio.gather(*(live.leave("left") for live in chosen))
        for session in await self._store.newest(limit=500, agent_id=agent_id, live=True):
            if session_id in (None, session.session_id):
                self._require_mine(session)

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
            ServiceError: ``session_not_found``, ``session_ended``, ``session_elsewhere``, ``too_many_texts``.
            VisavisError: ``markup_unknown``, ``act_invalid``; what the voice refuses, such as a language it lacks.
        """
        live = await self._taking_orders(session_id)
        agent = await self._agents.get(live.session.agent_id)
        return await live.speaker.say(
            text,
            language=language or agent.settings.get("language"),
            voice=voice or agent.settings.get("voice"),
            waits=not live.is_in_room,
        )

    async def act(self, session_id: str, act: Act) -> None:
        """Show an emotion from now on, or make a gesture now.

        Raises:
            ServiceError: ``session_not_found``, ``session_ended``, ``session_elsewhere``.
        """
        (await self._taking_orders(session_id)).act(act)

    async def direct(self, session_id: str, direction: Direction) -> None:
        """Move the face, or part of it, from outside.

        Raises:
            ServiceError: ``session_not_found``, ``session_ended``, ``session_elsewhere``.
        """
        (await self._taking_orders(session_id)).direct(direction)

    async def interrupt(self, session_id: str) -> float:
        """Fall silent and forget the waiting texts; how much of the current utterance was heard, in seconds.

        Raises:
            ServiceError: ``session_not_found``, ``session_ended``, ``session_elsewhere``.
        """
        return await (await self._taking_orders(session_id)).interrupt()

    async def _run(self, live: LiveSession) -> None:
        try:
            with log_about(session_id=live.session.session_id, agent_id=live.session.agent_id):
                await live.run()
        finally:
            self._live.pop(live.session.session_id, None)

    def _same_join(self, agent_id: str, room_url: str, claims: RoomClaims) -> LiveSession | None:
        for live in self._live.values():
            is_same = live.claims.fingerprint == claims.fingerprint and live.session.agent_id == agent_id
            if is_same and live.session.is_live and not live.leaving and same_server(live.session.room_url, room_url):
                return live
        return None

    def _refuse_own_duplicate(self, room_url: str, claims: RoomClaims) -> None:
        for live in self._live.values():
            session = live.session
            is_same = (session.room_name, session.identity) == (claims.room, claims.identity)
            # one that has ended may still be writing that down
            if is_same and session.is_live and same_server(session.room_url, room_url):
                raise identity_in_use(claims)

    async def _taking_orders(self, session_id: str) -> LiveSession:
        live = self._live.get(session_id)
        if live and live.takes_orders:
            return live
        session = await self.get(session_id)
        self._require_mine(session)
        raise ServiceError(
            "session_ended" if not session.is_live else "session_not_connected",
            f"This session is {session.state}" + (f" ({session.reason})." if session.reason else "."),
            "GET /v1/sessions?live=true lists those that run.",
            status=409,
        )

    def _require_mine(self, session: Session) -> None:
        if session.is_live and session.instance_id != self._presence.instance_id:
            raise ServiceError(
                "session_elsewhere",
                f"The session {session.session_id} is run by another visavis on this database.",
                "Ask the one that started it.",
                status=409,
            )

    async def _remove_ghosts(self, lost: list[Session]) -> None:
        """Sessions leave when their program dies; where they died with it, the server shows them for a while yet."""
        server = self._room_server
        for session in lost:
            if server and session.participant_id and same_server(session.room_url, server.key.url):
                await server.remove(session.room_name, session.identity, participant_id=session.participant_id)

    def _now(self, session: Session) -> Session:
        live = self._live.get(session.session_id)
        return live.session if live else session


def _not_found(session_id: str) -> ServiceError:
    return ServiceError(
        "session_not_found",
        f"There is no such session {session_id[:80]!r}.",
        "GET /v1/sessions lists the sessions there are.",
        status=404,
    )
