"""What the processes of sessions and of streams have in common."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Coroutine
from multiprocessing.context import ForkServerProcess
from typing import Any, Final

from visavis.logs import LogSettings, start_logging

logger = logging.getLogger(__name__)

TERMINATE_TIMEOUT_S: Final = 2.0
"""A process that was told to end and has not after so long is killed."""


def run_to_exit(serving: Coroutine[Any, Any, None], logs: LogSettings, **about: str) -> None:
    """Be a process that serves; does not return. ``about`` is on every line it logs."""
    start_logging(logs, **about)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the host decides what happens
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    code = 0
    try:
        asyncio.run(serving)
    except Exception:
        logger.exception("a process broke down")
        code = 1
    # threads of native libraries would be torn down under their feet by a normal exit
    logging.shutdown()
    os._exit(code)


async def exited(process: ForkServerProcess) -> None:
    """Wait for a process to end, killing it where it hangs after its channel was closed."""
    loop = asyncio.get_running_loop()
    gone = asyncio.Event()
    loop.add_reader(process.sentinel, gone.set)
    try:
        async with asyncio.timeout(TERMINATE_TIMEOUT_S):
            await gone.wait()
    except TimeoutError:
        process.kill()
        await gone.wait()
    finally:
        loop.remove_reader(process.sentinel)
    process.join()
