"""Whose session is whose, where several programs work on one database."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from visavis.service import presence as presence_module
from visavis.service.presence import LEASE_S, Presence
from visavis.store import Database, Instance, InstanceStore, Session, SessionStore, open_database

NOW = datetime.now(UTC)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(f"sqlite+aiosqlite:///{tmp_path / 'visavis.db'}") as database:
        yield database


async def has_session(database: Database, owner: str) -> None:
    session = Session(f"of_{owner}", "ada", "Ada", "ws://there", "room", "ada", NOW, instance_id=owner)
    await SessionStore(database).add(session)


async def state_of(database: Database, owner: str) -> str:
    session = await SessionStore(database).get(f"of_{owner}")
    assert session is not None
    return session.state


def newcomer(database: Database, mine: list[Session] | None = None, told: list[Session] | None = None) -> Presence:
    async def on_lost(lost: list[Session]) -> None:
        (told if told is not None else []).extend(lost)

    return Presence(InstanceStore(database), SessionStore(database), lambda: mine or [], on_lost)


def on_this_machine(name: str, pid: int, started_s: float) -> Instance:
    return replace(presence_module.this_process(), instance_id=name, pid=pid, process_started_s=started_s)


def elsewhere(name: str, silent_s: float) -> Instance:
    return Instance(name, "another machine", 1, 0.0, datetime.now(UTC) - timedelta(seconds=silent_s))


async def test_what_a_dead_process_left_behind_is_lost_at_once_and_told(database: Database) -> None:
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    started_s = psutil.Process(child.pid).create_time()
    await child.communicate(b"\n")
    await InstanceStore(database).add(on_this_machine("dead", child.pid, started_s))
    await has_session(database, "dead")
    told: list[Session] = []
    await newcomer(database, told=told).begin()
    assert await state_of(database, "dead") == "lost"
    assert [session.session_id for session in told] == ["of_dead"]


async def test_what_runs_keeps_its_sessions(database: Database) -> None:
    other = on_this_machine("running", os.getpid(), psutil.Process().create_time())
    await InstanceStore(database).add(other)
    await has_session(database, "running")
    await newcomer(database).begin()
    assert await state_of(database, "running") == "joining"


async def test_another_process_with_a_dead_ones_number_is_another(database: Database) -> None:
    await InstanceStore(database).add(on_this_machine("before", os.getpid(), psutil.Process().create_time() - 100))
    await has_session(database, "before")
    await newcomer(database).begin()
    assert await state_of(database, "before") == "lost"


async def test_a_silent_one_elsewhere_is_judged_only_by_who_has_watched_long_enough(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await InstanceStore(database).add(elsewhere("silent", silent_s=LEASE_S + 5))
    await InstanceStore(database).add(elsewhere("busy", silent_s=LEASE_S / 2))
    for name in ("silent", "busy"):
        await has_session(database, name)
    watcher = newcomer(database)
    await watcher.begin()
    assert await state_of(database, "silent") == "joining"

    monkeypatch.setattr(presence_module, "LEASE_S", 0.0)
    await watcher.look_round()
    assert (await state_of(database, "silent"), await state_of(database, "busy")) == ("lost", "lost")


async def test_who_was_wrongly_held_for_dead_takes_its_sessions_back(database: Database) -> None:
    mine: list[Session] = []
    me = newcomer(database, mine)
    await me.begin()
    mine.append(Session("mine", "ada", "Ada", "ws://there", "room", "ada", NOW, instance_id=me.instance_id))
    await SessionStore(database).add(mine[0])
    await InstanceStore(database).remove([me.instance_id])
    await newcomer(database).begin()
    lost = await SessionStore(database).get("mine")
    assert lost is not None and lost.state == "lost"

    await me.look_round()
    back = await SessionStore(database).get("mine")
    assert back is not None and back.state == "joining"
    assert me.instance_id in [instance.instance_id for instance in await InstanceStore(database).all()]


async def test_who_ends_in_order_is_forgotten(database: Database) -> None:
    me = newcomer(database)
    await me.begin()
    await me.end()
    assert await InstanceStore(database).all() == []
