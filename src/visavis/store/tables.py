"""The tables, as migrations leave them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import JSON, DateTime, Dialect, Float, Integer, MetaData, String, Table, Text, TypeDecorator
from sqlalchemy import Column as C

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware and UTC in Python whatever the database keeps (SQLite drops the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Aware in, UTC out."""
        return value and value.astimezone(UTC)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Whatever the driver gives, aware."""
        if not isinstance(value, datetime):
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


agents: Final = Table(
    "agents",
    metadata,
    C("agent_id", String(64), primary_key=True),
    C("name", String(200), nullable=False),
    C("status", String(16), nullable=False),
    C("progress", Float, nullable=False),
    C("step", String(100), nullable=False),
    C("error", JSON, nullable=True),
    C("notes", JSON, nullable=False),
    C("quality", Float, nullable=True),
    C("settings", JSON, nullable=False),
    C("demo", String(64), nullable=True),
    C("created_at", UtcDateTime, nullable=False),
    C("updated_at", UtcDateTime, nullable=False),
)
"""Agents, and the state of the build that makes each one's avatar."""

sessions: Final = Table(
    "sessions",
    metadata,
    C("session_id", String(64), primary_key=True),
    # No cascade: the record of a session outlives its agent.
    C("agent_id", String(64), nullable=False, index=True),
    C("agent_name", String(200), nullable=False),
    C("state", String(16), nullable=False, index=True),
    C("reason", String(100), nullable=True),
    C("message", Text, nullable=True),
    C("room_url", Text, nullable=False),
    C("room_name", String(200), nullable=False),
    C("identity", String(200), nullable=False),
    C("participant_id", String(64), nullable=True),
    C("participant_name", String(200), nullable=True),
    C("options", JSON, nullable=False),
    C("warnings", JSON, nullable=False),
    C("stats", JSON, nullable=True),
    C("restarts", Integer, nullable=False),
    C("created_at", UtcDateTime, nullable=False, index=True),
    C("connected_at", UtcDateTime, nullable=True),
    C("ended_at", UtcDateTime, nullable=True),
    C("connection", JSON, nullable=False),
    C("rungs", JSON, nullable=False),
    C("crashes", JSON, nullable=False),
    C("instance_id", String(64), nullable=True, index=True),
)
"""Sessions, running and past; what happened to each is kept as short lists of objects."""

instances: Final = Table(
    "instances",
    metadata,
    C("instance_id", String(64), primary_key=True),
    C("machine", String(200), nullable=False),
    C("pid", Integer, nullable=False),
    C("process_started_s", Float, nullable=False),
    C("seen_at", UtcDateTime, nullable=False),
)
"""The running programs that work on this database: each ends its own sessions and nobody else's."""

seeds: Final = Table(
    "seeds",
    metadata,
    C("name", String(64), primary_key=True),
    C("planted_at", UtcDateTime, nullable=False),
)
"""Demo agents that were made once: one that its owner deleted does not come back."""
