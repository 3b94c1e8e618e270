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
        self._wanted = asyncio.Event()
        self._settled = asyncio.Event()
        self._closed = False

    def note(self, **changes: Any) -> None:
        """Something has changed."""
        self._changes |= changes
        self._settled.clear()
        self._wanted.set()

    async def settled(self) -> None:
        """Wait until everything is written."""
        await self._settled.wait()

    def close(self) -> None:
        """Nothing will change any more: :meth:`run` returns when what is left is written, or cannot be."""
        self._closed = True
        self._wanted.set()

    async def run(self) -> None:
        """Write changes as they come, until closed; not to be cancelled: a write in the middle would hold its lock."""
        last_tries = LAST_TRIES
        while True:
            await self._wanted.wait()
            self._wanted.clear()
            if not self._changes or await self._write():
                if not self._changes:
                    self._settled.set()
                    if self._closed:
                        return
                continue
            last_tries -= self._closed
            if not last_tries:
                logger.error("the end of a session could not be stored", extra={"session_id": self._session_id})
                return
            await asyncio.sleep(RETRY_S)

    async def _write(self) -> bool:
        changes, self._changes = self._changes, {}
        try:
            await self._store.update(self._session_id, **changes)
        except (SQLAlchemyError, OSError) as error:
            logger.warning(
                "a session's record waits for the database",
                extra={"session_id": self._session_id, "error": type(error).__name__},
            )
            self.note(**(changes | self._changes))
            return False
        return True
