"""Texts that a session says, one after the other, whatever becomes of its process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Final

from visavis.acting import Script, read_script
from visavis.errors import ServiceError, VisavisError
from visavis.placement import Piece, RunningSession, Speech
from visavis.service.reading import read_aloud
from visavis.voice import VoiceHost

logger = logging.getLogger(__name__)

MAX_WAITING_TEXTS: Final = 20
"""More than this waiting to be said is a client gone wrong."""


class Speaker:
    """Turns texts into sound for one session.

    Args:
        connected: waits until the session is in its room; None where it never will be again.
    """

    def __init__(self, voices: VoiceHost, connected: Callable[[], Awaitable[RunningSession | None]]) -> None:
        self._voices = voices
        self._connected = connected
        self._texts: set[asyncio.Task[None]] = set()

    async def say(self, text: str, *, language: str | None, voice: str | None, waits: bool = False) -> bool:
        """Say ``text``; returns once its first sound is on its way (True), or at once where it must wait (False).

        Raises:
            ServiceError: ``too_many_texts``, ``interrupted``.
            VisavisError: ``markup_unknown``, ``act_invalid``; what the voice refuses, such as a language it lacks.
        """
        script = read_script(text)
        if len(self._texts) >= MAX_WAITING_TEXTS:
            raise ServiceError(
                "too_many_texts",
                f"{MAX_WAITING_TEXTS} texts wait to be said in this session.",
                "Wait until some were said, or interrupt.",
                status=429,
            )
        waits = waits or bool(self._texts)
        started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._say(script, language, voice, started), name="say a text")
        self._texts.add(task)
        task.add_done_callback(self._texts.discard)
        if waits:
            # Nobody waits for it any more: what it meets is in the log.
            started.add_done_callback(lambda future: future.cancelled() or future.exception())
            return False
        await started
        return True

    async def hush(self) -> None:
        """Drop what is still being made, and what waits."""
        waiting = list(self._texts)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    async def _say(
        self, script: Script, language: str | None, voice: str | None, started: asyncio.Future[None]
    ) -> None:
        async def pieces() -> AsyncGenerator[Piece]:
            reading = read_aloud(script, self._voices, language=language, voice=voice)
            async with contextlib.aclosing(reading):
                async for piece in reading:
                    yield piece
                    # Resumed: the piece before is on its way.
                    _resolve(started)

        try:
            async with contextlib.aclosing(Speech(pieces())) as speech:
                while (running := await self._connected()) is not None:
                    # Another process of the session goes on where one died.
                    if await running.speak(speech) or not running.has_crashed:
                        break
            _resolve(started)
        except VisavisError as error:
            logger.info("a text was not said", extra={"code": error.code})
            _resolve(started, error)
        except Exception as error:
            logger.exception("a text was not said")
            _resolve(started, error)
        finally:
            _resolve(started, ServiceError("interrupted", "The text was interrupted before it began.", status=409))


def _resolve(future: asyncio.Future[None], error: Exception | None = None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
