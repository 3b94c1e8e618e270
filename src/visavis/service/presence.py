"""This program among those that work on the same database: whose session is whose, and which are lost.

A program says every few seconds that it runs. Where one is gone, the others end what it left behind: at once where
they can see that its process is dead, else when it has said nothing for :data:`LEASE_S`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psutil
from sqlalchemy.exc import SQLAlchemyError

from visavis.service.reasons import REASONS, SERVER_DIED
from visavis.store import Instance, InstanceStore, Session, SessionStore

logger = logging.getLogger(__name__)

BEAT_S: Final = 2.0
LEASE_S: Final = 30.0
"""Long enough for a busy machine and a slow database, short enough that nobody believes a ghost for long.

Programs on different machines compare their clocks with it: those should agree within seconds."""


class Presence:
    """Of this program.

    Args:
        mine: the sessions that run here.
        on_lost: told of sessions whose program has gone.
    """

    def __init__(
        self,
        instances: InstanceStore,
        sessions: SessionStore,
        mine: Callable[[], Iterable[Session]],
        on_lost: Callable[[list[Session]], Awaitable[None]],
    ) -> None:
        self._instances = instances
        self._sessions = sessions
        self._mine = mine
        self._on_lost = on_lost
        self._me = this_process()
        self._steady_since_s = time.monotonic()

    @property
    def instance_id(self) -> str:
        """What marks sessions as this program's."""
        return self._me.instance_id

    async def begin(self) -> None:
        """Appear, and end what a program that died on this machine has left behind."""
        await self._instances.add(self._me)
        await self._sweep()

    async def run(self) -> None:
        """Stay seen, and look after the others, until cancelled."""
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self.look_round()
            except (SQLAlchemyError, OSError) as error:
                # Nobody could renew while the database was away: all get time to, before anybody is judged.
                self._steady_since_s = time.monotonic()
                logger.warning("the database does not answer", extra={"error": type(error).__name__})

    async def look_round(self) -> None:
        """Say that this program runs, and end what those that do not have left behind."""
        if not await self._instances.renew(self.instance_id, datetime.now(UTC)):
            await self._return()
        await self._sweep()

    async def end(self) -> None:
        """Disappear in order."""
        await self._instances.remove([self.instance_id])

    async def _return(self) -> None:
        """Another program held this one for dead: what runs here runs all the same."""
        logger.error("another visavis on this database held this one for dead")
        self._steady_since_s = time.monotonic()
        self._me = this_process(self.instance_id)
        await self._instances.add(self._me)
        for session in self._mine():
            await self._sessions.reclaim(session)

    async def _sweep(self) -> None:
        everybody = await self._instances.all()
        gone = [
            other.instance_id for other in everybody if other.instance_id != self.instance_id and self._is_gone(other)
        ]
        if gone:
            await self._instances.remove(gone)
        living = {other.instance_id for other in everybody} - set(gone) | {self.instance_id}
        lost = await self._sessions.lose(living, SERVER_DIED, REASONS[SERVER_DIED])
        if lost:
            logger.warning("sessions were running when a visavis died", extra={"count": len(lost)})
            await self._on_lost(lost)

    def _is_gone(self, other: Instance) -> bool:
        if other.machine == self._me.machine:
            return not _is_running(other.pid, other.process_started_s)
        is_silent = other.seen_at < datetime.now(UTC) - timedelta(seconds=LEASE_S)
        return is_silent and time.monotonic() - self._steady_since_s > LEASE_S


def _machine() -> str:
    """Names what sees the same processes under the same numbers: a boot of a kernel, and a container in it."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _is_running(pid: int, started_s: float) -> bool:
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started_s) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def this_process(instance_id: str = "") -> Instance:
    """This program, under a new name unless one is given."""
    return Instance(
        instance_id=instance_id or f"vis_{secrets.token_hex(8)}",
        machine=_machine(),
        pid=os.getpid(),
        process_started_s=psutil.Process().create_time(),
        seen_at=datetime.now(UTC),
    )
