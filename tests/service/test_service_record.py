"""A session's record is written beside the session, whatever the database does."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from visavis.service import record as record_module
from visavis.service.record import Record
from visavis.store import Session, SessionStore, open_database


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SessionStore]:
    """With one session, in a database whose patience is short."""
    monkeypatch.setattr("visavis.store.database.BUSY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(record_module, "RETRY_S", 0.02)
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'visavis.db'}") as database:
        store = SessionStore(database)
        await store.add(Session("s1", "ada", "Ada", "ws://there", "room", "ada", datetime.now(UTC)))
        yield store


async def test_changes_are_written_and_the_last_one_wins(store: SessionStore) -> None:
    record = Record(store, "s1")
    running = asyncio.create_task(record.run())
    record.note(state="connected", participant_id="PA_1")
    record.note(participant_id="PA_2")
    await record.settled()
    session = await store.get("s1")
    assert session is not None and (session.state, session.participant_id) == ("connected", "PA_2")
    record.note(state="ended")
    record.close()
    await running
    session = await store.get("s1")
    assert session is not None and session.state == "ended"


async def test_what_a_locked_database_does_not_take_is_written_later(store: SessionStore, tmp_path: Path) -> None:
    record = Record(store, "s1")
    running = asyncio.create_task(record.run())
    with closing(sqlite3.connect(tmp_path / "visavis.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        record.note(participant_id="PA_1")
        await asyncio.sleep(0.2)
        record.note(state="connected")
        session = await store.get("s1")
        assert session is not None and session.participant_id is None
        other.execute("ROLLBACK")
    await record.settled()
    session = await store.get("s1")
    assert session is not None and (session.state, session.participant_id) == ("connected", "PA_1")
    record.close()
    await running


async def test_a_database_that_never_answers_does_not_hold_up_the_end(store: SessionStore, tmp_path: Path) -> None:
    record = Record(store, "s1")
    running = asyncio.create_task(record.run())
    with closing(sqlite3.connect(tmp_path / "visavis.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        record.note(state="ended")
        record.close()
        await asyncio.wait_for(running, 30)
        other.execute("ROLLBACK")
    session = await store.get("s1")
    assert session is not None and session.state == "joining"
