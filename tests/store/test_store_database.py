"""The database: from nothing to the newest schema, and what is stored comes back after a restart."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

from visavis.errors import VisavisError
from visavis.store import Agent, AgentStore, Database, Session, SessionStore, open_database
from visavis.store.tables import metadata

NOW = datetime(2026, 5, 4, 12, 30, tzinfo=UTC)


def url_of(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'data' / 'visavis.db'}"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(url_of(tmp_path)) as database:
        yield database


def an_agent(agent_id: str = "A1", **changes: object) -> Agent:
    values: dict[str, object] = {
        "agent_id": agent_id, "name": "Ada", "status": "processing", "progress": 0.0, "step": "waiting",
        "error": None, "notes": [], "settings": {"voice": "x"}, "demo": None,
        "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    return Agent(**(values | changes))  # type: ignore[arg-type]


def a_session(session_id: str, created_at: datetime = NOW, agent_id: str = "A1") -> Session:
    return Session(session_id, agent_id, "Ada", "ws://127.0.0.1:7880", "room", "ada", created_at)


async def test_an_empty_database_gets_the_schema_the_code_expects(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))

    async with database.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_sqlite_keeps_a_write_ahead_log(database: Database) -> None:
    async with database.connect() as connection:
        assert (await connection.execute(text("PRAGMA journal_mode"))).scalar() == "wal"


async def test_what_is_stored_is_there_after_a_restart(tmp_path: Path) -> None:
    async with open_database(url_of(tmp_path)) as database:
        await AgentStore(database).add(an_agent())
        await SessionStore(database).add(a_session("s1"))
    async with open_database(url_of(tmp_path)) as database:
        assert await AgentStore(database).get("A1") == an_agent()
        assert await SessionStore(database).get("s1") == a_session("s1")


async def test_an_update_changes_only_what_it_names(database: Database) -> None:
    store = AgentStore(database)
    await store.add(an_agent())
    await store.update("A1", status="ready", progress=1.0)
    agent = await store.get("A1")
    assert agent is not None
    assert (agent.status, agent.progress, agent.name, agent.created_at) == ("ready", 1.0, "Ada", NOW)
    assert agent.updated_at > NOW


async def test_an_update_of_what_is_no_column_is_an_error(database: Database) -> None:
    with pytest.raises(ValueError, match="created_at"):
        await AgentStore(database).update("A1", created_at=NOW)


async def test_agents_are_listed_oldest_first_and_by_status(database: Database) -> None:
    store = AgentStore(database)
    await store.add(an_agent("new", created_at=NOW + timedelta(hours=1)))
    await store.add(an_agent("old", status="ready"))
    assert [agent.agent_id for agent in await store.all()] == ["old", "new"]
    assert [agent.agent_id for agent in await store.all("processing")] == ["new"]


async def test_a_planted_demo_is_remembered_after_its_agent_is_deleted(database: Database) -> None:
    store = AgentStore(database)
    await store.plant(an_agent("ada", demo="ada"))
    await store.delete("ada")
    assert await store.get("ada") is None
    assert await store.planted() == {"ada"}


async def test_sessions_left_running_are_lost_and_ended_ones_keep_their_end(database: Database) -> None:
    store = SessionStore(database)
    await store.add(a_session("running"))
    await store.add(a_session("done"))
    await store.update("done", state="ended", reason="left", ended_at=NOW)

    assert await store.mark_lost() == 1
    running, done = await store.get("running"), await store.get("done")
    assert running is not None and done is not None
    assert (running.state, running.reason) == ("lost", "server_stopped")
    assert running.ended_at is not None
    assert (done.state, done.reason, done.ended_at) == ("ended", "left", NOW)


async def test_an_ended_session_does_not_come_back_to_life(database: Database) -> None:
    store = SessionStore(database)
    await store.add(a_session("s1"))
    await store.update("s1", state="failed")
    await store.update("s1", state="connected")
    session = await store.get("s1")
    assert session is not None and session.state == "failed"


async def test_sessions_are_listed_newest_first_by_agent_and_by_life(database: Database) -> None:
    store = SessionStore(database)
    for index in range(3):
        await store.add(a_session(f"s{index}", NOW + timedelta(minutes=index)))
    await store.add(a_session("other", agent_id="A2"))
    await store.update("s1", state="ended")

    assert [item.session_id for item in await store.newest(limit=2)] == ["s2", "s1"]
    assert [item.session_id for item in await store.newest(limit=9, agent_id="A1", live=True)] == ["s2", "s0"]
    assert [item.session_id for item in await store.newest(limit=9, live=False)] == ["s1"]


async def test_a_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    async with open_database(url_of(tmp_path)) as database, database.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(VisavisError) as caught:
        async with open_database(url_of(tmp_path)):
            pass
    assert caught.value.code == "database_unusable"
    assert "newer" in caught.value.hint


@pytest.mark.parametrize(
    "url", ["nonsense", "oracle+nodriver://host/db", "sqlite+aiosqlite:////proc/nowhere/visavis.db"]
)
async def test_a_database_that_cannot_be_used_says_so(url: str) -> None:
    with pytest.raises(VisavisError) as caught:
        async with open_database(url):
            pass
    assert caught.value.code == "database_unusable"
