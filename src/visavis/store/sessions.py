"""Sessions as they are stored: running ones and past ones."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeVar

from sqlalchemy import insert, or_, select, update

from visavis.store.database import Database
from visavis.store.tables import sessions

T = TypeVar("T")

SessionState = Literal["joining", "connected", "reconnecting", "leaving", "ended", "failed", "lost"]

ENDED_STATES: Final[frozenset[SessionState]] = frozenset({"ended", "failed", "lost"})
"""States a session never leaves: it ended as asked or for a reason, it failed, or the program died under it."""


@dataclass(frozen=True, slots=True)
class Session:
    """One agent in one room, from join to leave."""

    session_id: str
    agent_id: str
    agent_name: str
    room_url: str
    room_name: str
    identity: str
    """The participant's identity, from the room token."""
    created_at: datetime
    state: SessionState = "joining"
    reason: str | None = None
    """Code of why it ended or failed."""
    message: str | None = None
    """The same in words."""
    participant_id: str | None = None
    participant_name: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    warnings: list[dict[str, str]] = field(default_factory=list)
    stats: dict[str, Any] | None = None
    """Last measurements."""
    restarts: int = 0
    """How often its process died and was started again."""
    connected_at: datetime | None = None
    ended_at: datetime | None = None
    connection: list[dict[str, str]] = field(default_factory=list)
    """The last states it was in, oldest first: ``{"at", "state", "reason"}``."""
    rungs: list[dict[str, str]] = field(default_factory=list)
    """The last rungs of its picture, oldest first: ``{"at", "rung", "reason"}``."""
    crashes: list[dict[str, Any]] = field(default_factory=list)
    """The last deaths of its process, oldest first: ``{"at", "exit", "outcome", "back_after_s"}``."""
    instance_id: str | None = None
    """The running program it belongs to."""

    @property
    def is_live(self) -> bool:
        """Whether it still runs."""
        return self.state not in ENDED_STATES


_CHANGEABLE: Final = frozenset(item.name for item in fields(Session)) - {"session_id", "agent_id", "created_at"}

MAX_HISTORY: Final = 50
"""Entries that are kept of what happened to a session."""


def with_entry(history: list[T], entry: T) -> list[T]:
    """A history with one entry more, the oldest left out where it gets long."""
    return [*history, entry][-MAX_HISTORY:]


class SessionStore:
    """Sessions in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, session: Session) -> None:
        """Store a new session."""
        async with self._database.begin() as connection:
            await connection.execute(insert(sessions).values(**asdict(session)))

    async def get(self, session_id: str) -> Session | None:
        """The session, or None."""
        async with self._database.connect() as connection:
            row = (await connection.execute(select(sessions).where(sessions.c.session_id == session_id))).first()
        return Session(**row._mapping) if row else None

    async def newest(self, *, limit: int, agent_id: str | None = None, live: bool | None = None) -> list[Session]:
        """Sessions, newest first: of one agent, running or ended only, where asked."""
        query = select(sessions).order_by(sessions.c.created_at.desc(), sessions.c.session_id).limit(limit)
        if agent_id is not None:
            query = query.where(sessions.c.agent_id == agent_id)
        if live is not None:
            ended = sessions.c.state.in_(ENDED_STATES)
            query = query.where(~ended if live else ended)
        async with self._database.connect() as connection:
            return [Session(**row._mapping) for row in await connection.execute(query)]

    async def update(self, session_id: str, **changes: Any) -> None:
        """Change columns of one session that has not ended; what has ended stays as it is."""
        if unknown := changes.keys() - _CHANGEABLE:
            raise ValueError(f"not a changeable column: {sorted(unknown)}")
        async with self._database.begin() as connection:
            await connection.execute(
                update(sessions)
                .where(sessions.c.session_id == session_id, sessions.c.state.not_in(ENDED_STATES))
                .values(**changes)
            )

    async def live_in_room(self, room_name: str, identity: str) -> list[Session]:
        """Running sessions of an identity in a room of that name, on whichever LiveKit server."""
        query = select(sessions).where(
            sessions.c.room_name == room_name,
            sessions.c.identity == identity,
            sessions.c.state.not_in(ENDED_STATES),
        )
        async with self._database.connect() as connection:
            return [Session(**row._mapping) for row in await connection.execute(query)]

    async def lose(self, living: Collection[str], reason: str, message: str) -> list[Session]:
        """End what runs in none of the ``living`` programs any more; what that was."""
        abandoned = select(sessions).where(
            sessions.c.state.not_in(ENDED_STATES),
            or_(sessions.c.instance_id.is_(None), sessions.c.instance_id.not_in(living)),
        )
        now = datetime.now(UTC)
        lost = []
        async with self._database.begin() as connection:
            for row in (await connection.execute(abandoned)).all():
                session = Session(**row._mapping)
                entry = {"at": now.isoformat(), "state": "lost", "reason": reason}
                changes: dict[str, Any] = {
                    "state": "lost",
                    "reason": reason,
                    "message": message,
                    "ended_at": now,
                    "connection": with_entry(session.connection, entry),
                }
                changed = await connection.execute(
                    update(sessions)
                    .where(sessions.c.session_id == session.session_id, sessions.c.state.not_in(ENDED_STATES))
                    .values(**changes)
                )
                if changed.rowcount:  # else another program was quicker
                    lost.append(replace(session, **changes))
        return lost

    async def reclaim(self, session: Session) -> None:
        """Take back a session that was wrongly held for lost: it runs."""
        values = {name: getattr(session, name) for name in _CHANGEABLE}
        async with self._database.begin() as connection:
            await connection.execute(
                update(sessions)
                .where(sessions.c.session_id == session.session_id, sessions.c.state == "lost")
                .values(**values)
            )
