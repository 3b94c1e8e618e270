"""What is stored of a session that runs, written beside it: a slow database must not slow a conversation."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

from visavis.store import SessionStore

logger = logging.getLogger(__name__)

RETRY_S: Final = 1.0
LAST_TRIES: Final = 5
"""For what remains when a session has ended; after that, the next start finds it as lost."""


class Record:
    """Of one session. Later changes win over earlier ones that are not written yet."""

    def __init__(self, store: SessionStore, session_id: str) -> None:
        self._store = store
        self._session_id = session_id
        self._changes: dict[str, Any] = {}
        self._changed = asyncio.Event()
        self._writing = asyncio.Lock()

    def note(self, **changes: Any) -> None:
        """Something has changed."""
        self._changes |= changes
        self._changed.set()

    async def run(self) -> None:
        """Write changes as they come, until cancelled."""
        while True:
            await self._changed.wait()
            if not await self._write():
                await asyncio.sleep(RETRY_S)

    async def flush(self) -> None:
        """Write what is left; returns when it is written, or cannot be."""
        for _ in range(LAST_TRIES):
            if await self._write():
                return
            await asyncio.sleep(RETRY_S)
        logger.error("the end of a session could not be stored", extra={"session_id": self._session_id})

    async def _write(self) -> bool:
        async with self._writing:
            self._changed.clear()
            changes, self._changes = self._changes, {}
            if not changes:
                return True
            try:
                await self._store.update(self._session_id, **changes)
            except (SQLAlchemyError, OSError) as error:
                logger.warning(
                    "a session's record waits for the database",
                    extra={"session_id": self._session_id, "error": type(error).__name__},
                )
                self.note(**(changes | self._changes))
                return False
            except asyncio.CancelledError:
                self.note(**(changes | self._changes))
                raise
            return True
