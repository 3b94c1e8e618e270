"""The database: from nothing to the newest schema, and what is stored comes back after a restart."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, text

from visavis.errors import VisavisError
from visavis.store import Agent, AgentStore, Database, Instance, InstanceStore, Session, SessionStore, open_database
from visavis.store.database import MIGRATIONS
from visavis.store.sessions import MAX_HISTORY, with_entry
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
        "error": None, "notes": [], "quality": None, "settings": {"voice": "x"}, "demo": None,
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


async def test_sessions_of_programs_that_are_gone_are_lost_and_nobody_elses(database: Database) -> None:
    store = SessionStore(database)
    for name, instance_id in (("mine", "me"), ("theirs", "them"), ("abandoned", "gone"), ("of_before", None)):
        await store.add(replace(a_session(name), instance_id=instance_id))
    await store.add(replace(a_session("done"), instance_id="gone"))
    await store.update("done", state="ended", reason="left", ended_at=NOW)

    lost = await store.lose({"me", "them"}, "server_died", "It died.")
    assert {session.session_id for session in lost} == {"abandoned", "of_before"}
    assert await store.lose({"me", "them"}, "server_died", "It died.") == []
    states = {session.session_id: session.state for session in await store.newest(limit=9)}
    assert states == {
        "mine": "joining", "theirs": "joining", "abandoned": "lost", "of_before": "lost", "done": "ended"
    }  # fmt: skip
    abandoned, done = await store.get("abandoned"), await store.get("done")
    assert abandoned is not None and done is not None
    assert (abandoned.reason, abandoned.message) == ("server_died", "It died.")
    assert abandoned.ended_at is not None
    assert [entry["state"] for entry in abandoned.connection] == ["lost"]
    assert (done.reason, done.ended_at) == ("left", NOW)


async def test_a_session_that_was_wrongly_held_for_lost_is_taken_back_and_no_other(database: Database) -> None:
    store = SessionStore(database)
    running = replace(a_session("s1"), state="connected", instance_id="me")
    await store.add(running)
    await store.lose({"them"}, "server_died", "It died.")
    await store.reclaim(running)
    assert await store.get("s1") == running
    await store.update("s1", state="ended", reason="left")
    await store.reclaim(running)
    ended = await store.get("s1")
    assert ended is not None and ended.state == "ended"


def test_a_history_keeps_the_newest_entries() -> None:
    history: list[int] = []
    for number in range(MAX_HISTORY + 20):
        history = with_entry(history, number)
    assert history == list(range(20, MAX_HISTORY + 20))


async def test_running_sessions_of_an_identity_in_a_room_are_found(database: Database) -> None:
    store = SessionStore(database)
    await store.add(a_session("here"))
    await store.add(replace(a_session("elsewhere"), room_name="another"))
    await store.add(replace(a_session("past"), state="ended"))
    assert [session.session_id for session in await store.live_in_room("room", "ada")] == ["here"]


async def test_a_program_is_known_until_it_ends_or_is_held_for_dead(database: Database) -> None:
    store = InstanceStore(database)
    instance = Instance("vis_1", "machine", 17, 1000.5, NOW)
    await store.add(instance)
    later = NOW + timedelta(seconds=5)
    assert await store.renew("vis_1", later)
    assert await store.all() == [replace(instance, seen_at=later)]
    await store.remove(["vis_1"])
    assert await store.all() == []
    assert not await store.renew("vis_1", later)


async def test_sessions_of_the_first_schema_come_along(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.execute(
            text(
                "INSERT INTO sessions (session_id, agent_id, agent_name, state, room_url, room_name, identity, options,"
                " warnings, restarts, created_at) VALUES ('old', 'ada', 'Ada', 'ended', 'ws://there', 'room', 'ada',"
                " '{}', '[]', 0, '2026-05-04 12:30:00')"
            )
        )
    engine.dispose()
    async with open_database(f"sqlite+aiosqlite:///{path}") as database:
        session = await SessionStore(database).get("old")
    assert session is not None
    assert (session.connection, session.rungs, session.crashes, session.instance_id) == ([], [], [], None)


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
