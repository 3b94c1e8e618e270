"""The running programs that work on one database."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select, update

from visavis.store.database import Database
from visavis.store.tables import instances


@dataclass(frozen=True, slots=True)
class Instance:
    """One running program."""

    instance_id: str
    machine: str
    """Where its ``pid`` means something."""
    pid: int
    process_started_s: float
    """Unix time: a pid alone may be another process by now."""
    seen_at: datetime
    """When it last said that it runs."""


class InstanceStore:
    """Running programs in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, instance: Instance) -> None:
        """Store a program that has begun."""
        async with self._database.begin() as connection:
            await connection.execute(insert(instances).values(**asdict(instance)))

    async def all(self) -> list[Instance]:
        """Every program that has begun and has not ended in order."""
        async with self._database.connect() as connection:
            return [Instance(**row._mapping) for row in await connection.execute(select(instances))]

    async def renew(self, instance_id: str, seen_at: datetime) -> bool:
        """Note that a program runs; False where another one held it for dead meanwhile."""
        async with self._database.begin() as connection:
            result = await connection.execute(
                update(instances).where(instances.c.instance_id == instance_id).values(seen_at=seen_at)
            )
        return bool(result.rowcount)

    async def remove(self, instance_ids: Collection[str]) -> None:
        """Forget programs that have ended."""
        async with self._database.begin() as connection:
            await connection.execute(delete(instances).where(instances.c.instance_id.in_(instance_ids)))
