"""How a serving visavis stops: what each signal that it gets means.

SIGTERM, a supervisor's wish, lets running sessions finish for as long as the operator allows; Ctrl-C, a person's, does
not. Whatever is being waited for, one signal more ends the waiting; the last resort is to be gone.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uvicorn import Server

    from visavis.service import Services

logger = logging.getLogger(__name__)


class Signals:
    """SIGINT and SIGTERM of this process, in the order they come."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[signal.Signals] = asyncio.Queue()

    def listen(self) -> None:
        """Begin to take them from the running event loop."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._queue.put_nowait, number)

    async def next(self) -> signal.Signals:
        """The next one."""
        return await self._queue.get()


async def obey(signals: Signals, server: Server, services: Services, *, drain_s: float) -> None:
    """Stop the server as signals ask; cancelled once everything is closed."""
    first = await signals.next()
    services.sessions.stop_accepting()
    if first is signal.SIGTERM and drain_s:
        logger.info("draining", extra={"sessions": services.sessions.running, "limit_s": drain_s})
        server.force_exit = await _cut_short(signals, services.drain(drain_s))
    logger.info("stopping", extra={"sessions": services.sessions.running})
    server.should_exit = True
    if not server.force_exit:
        await signals.next()
        # Sessions leave their rooms in order all the same.
        logger.info("stopping without waiting for clients")
        server.force_exit = True
    await signals.next()
    logger.warning("stopped at once: sessions leave by themselves")
    logging.shutdown()
    # Not sys.exit: everything that is being waited for would be waited for again.
    os._exit(1)


async def _cut_short(signals: Signals, work: Coroutine[Any, Any, None]) -> bool:
    """Do ``work`` until it is done or a signal comes; whether one did."""
    working, waiting = asyncio.ensure_future(work), asyncio.ensure_future(signals.next())
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
        return waiting.done()
    finally:
        working.cancel()
        waiting.cancel()
        await asyncio.gather(working, waiting, return_exceptions=True)
