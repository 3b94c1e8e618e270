"""Agents as they are stored."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal

from sqlalchemy import delete, insert, select, update

from visavis.store.database import Database
from visavis.store.tables import agents, seeds

AgentStatus = Literal["processing", "ready", "failed"]


@dataclass(frozen=True, slots=True)
class Agent:
    """What a user creates and keeps, and the state of the build of its avatar."""

    agent_id: str
    name: str
    status: AgentStatus
    progress: float
    """0 .. 1"""
    step: str
    """The build's current step, in words."""
    error: dict[str, Any] | None
    """``{"code", "message", "hint"}`` where the build failed."""
    notes: list[dict[str, str]]
    """What its owner should know of the photo, such as which of several faces was taken: ``{"code", "message"}``."""
    quality: float | None
    """How good the photo is, 0 .. 100; None until it was looked at."""
    settings: dict[str, Any]
    demo: str | None
    """The demo this agent was planted from."""
    created_at: datetime
    updated_at: datetime


_CHANGEABLE: Final = frozenset(field.name for field in fields(Agent)) - {"agent_id", "created_at", "updated_at"}


class AgentStore:
    """Agents in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, agent: Agent) -> None:
        """Store a new agent."""
        async with self._database.begin() as connection:
            await connection.execute(insert(agents).values(**asdict(agent)))

    async def get(self, agent_id: str) -> Agent | None:
        """The agent, or None."""
        async with self._database.connect() as connection:
            row = (await connection.execute(select(agents).where(agents.c.agent_id == agent_id))).first()
        return Agent(**row._mapping) if row else None

    async def all(self, status: AgentStatus | None = None) -> list[Agent]:
        """Every agent, oldest first; with one ``status`` where given."""
        query = select(agents).order_by(agents.c.created_at, agents.c.agent_id)
        if status:
            query = query.where(agents.c.status == status)
        async with self._database.connect() as connection:
            return [Agent(**row._mapping) for row in await connection.execute(query)]

    async def update(self, agent_id: str, **changes: Any) -> None:
        """Change columns of one agent; an agent that is gone stays gone."""
        if unknown := changes.keys() - _CHANGEABLE:
            raise ValueError(f"not a changeable column: {sorted(unknown)}")
        async with self._database.begin() as connection:
            await connection.execute(
                update(agents).where(agents.c.agent_id == agent_id).values(**changes, updated_at=datetime.now(UTC))
            )

    async def delete(self, agent_id: str) -> None:
        """Remove the agent's record."""
        async with self._database.begin() as connection:
            await connection.execute(delete(agents).where(agents.c.agent_id == agent_id))

    async def planted(self) -> frozenset[str]:
        """Names of the demo agents that were made here once."""
        async with self._database.connect() as connection:
            return frozenset((await connection.execute(select(seeds.c.name))).scalars())

    async def plant(self, agent: Agent) -> None:
        """Store a demo agent and that it was made, together."""
        async with self._database.begin() as connection:
            await connection.execute(insert(agents).values(**asdict(agent)))
            await connection.execute(insert(seeds).values(name=agent.demo, planted_at=agent.created_at))
