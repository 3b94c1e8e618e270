"""The database: opened, brought to the newest schema, closed."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from visavis.errors import VisavisError

logger = logging.getLogger(__name__)

Database: TypeAlias = AsyncEngine
"""What the stores work on."""

BUSY_TIMEOUT_S: Final = 10.0
"""How long SQLite waits for another writer."""

MIGRATIONS: Final = Path(__file__).parent / "migrations"


@asynccontextmanager
async def open_database(url: str) -> AsyncIterator[Database]:
    """The database at ``url``, migrated to the newest schema; closed on leaving.

    Raises:
        VisavisError: ``database_unusable``: a URL that is none, a driver that is missing, a server or file that
            cannot be reached, or a schema newer than this program.
    """
    engine = _engine(url)
    try:
        try:
            async with engine.begin() as connection:
                await connection.run_sync(migrate)
        except (DBAPIError, OSError) as error:
            raise _unusable(url, str(getattr(error, "orig", None) or error)) from error
        yield engine
    finally:
        await engine.dispose()


def migrate(connection: Connection) -> None:
    """Bring the schema to the newest revision, within the caller's transaction.

    Raises:
        VisavisError: ``database_unusable``: the schema was made by a newer program.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise VisavisError(
            "database_unusable",
            f"The database has a schema this program does not know: {error}.",
            "A newer visavis has used it: upgrade this one, or restore the backup made before.",
        ) from error


def _engine(url: str) -> AsyncEngine:
    try:
        parsed = make_url(url)
        is_sqlite = parsed.get_backend_name() == "sqlite"
        if is_sqlite and parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        connect_args: dict[str, Any] = {"timeout": BUSY_TIMEOUT_S} if is_sqlite else {}
        engine = create_async_engine(parsed, connect_args=connect_args, pool_pre_ping=not is_sqlite)
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError, OSError) as error:
        raise _unusable(url, str(error)) from error
    if is_sqlite:
        event.listen(engine.sync_engine, "connect", _sqlite_pragmas)
    return engine


def _sqlite_pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # Readers never wait for the writer, and a power cut loses no committed transaction's integrity.
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _unusable(url: str, reason: str) -> VisavisError:
    try:
        shown = make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        shown = "the database URL"
    return VisavisError(
        "database_unusable",
        f"{shown} cannot be used: {reason}.",
        "Set VISAVIS_DATABASE_URL, for example postgresql+asyncpg://user:password@host/visavis, or unset it for "
        "a SQLite file in the data folder.",
    )
