"""The voices of a process: one worker process that speaks, started when first needed, restarted when it dies."""

from __future__ import annotations

import asyncio
import logging
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from types import TracebackType
from typing import Final, Self

import numpy as np

from visavis.errors import ServiceError
from visavis.logs import log_environment
from visavis.speech.phones import phones_of_values
from visavis.voice.engine import AudioChunk, clean_text
from visavis.voice.wire import Message, packed, receive_message

logger = logging.getLogger(__name__)

DEFAULT_LANGUAGE: Final = "en"

PATIENCE_S: Final = 30.0
"""Without a word from the worker for so long, it is taken for stuck and killed."""
MAX_REQUESTS: Final = 64
"""Texts being spoken at once."""

_CLOSING_S: Final = 2.0

_Reply = tuple[Message, bytes]


@dataclass(slots=True)
class _Worker:
    process: Process
    replies: dict[int, asyncio.Queue[_Reply]] = field(default_factory=dict)

    def send(self, message: Message) -> None:
        assert self.process.stdin is not None
        # A dead worker shows when its output ends, not here.
        with suppress(ConnectionError, RuntimeError):
            self.process.stdin.write(packed(message))

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            self.process.kill()


class VoiceHost:
    """Turns texts into sound::

        async with VoiceHost() as voices:
            async for chunk in voices.speak("Good morning."):
                play(chunk.pcm, chunk.sample_rate_hz)

    Several texts may be spoken at once; their sentences take turns. Leaving the ``async for`` early (and closing the
    generator) cancels what was not spoken yet.
    """

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._ids = count(1)
        self._worker: _Worker | None = None
        self._starting = asyncio.Lock()
        self._tasks = asyncio.TaskGroup()
        self._open = False

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open = False
        async with self._starting:
            if self._worker is not None:
                await _end(self._worker.process)
        await self._tasks.__aexit__(kind, error, traceback)

    @property
    def worker_pid(self) -> int | None:
        """The worker's process id; None before the first text and after a crash."""
        return self._worker.process.pid if self._worker else None

    async def warm_up(self, language: str | None = None) -> None:
        """Start the worker and load the voice of a language, so that the first text is spoken at once.

        Raises:
            ServiceError: as :meth:`speak`.
        """
        request = {"do": "warm_up", "language": language or DEFAULT_LANGUAGE}
        async for _ in self._replies(request):
            pass

    async def speak(
        self, text: str, *, language: str | None = None, voice: str | None = None
    ) -> AsyncGenerator[AudioChunk, None]:
        """A text as sound, sentence by sentence.

        Args:
            language: a tag such as ``en``, ``de``, ``pt-BR``; None is English.
            voice: a voice of that language; None is the usual one.

        Raises:
            ServiceError: ``text_empty``, ``text_too_long``, ``voice_language_unknown``, ``voice_unknown``,
                ``voice_engine_missing``, ``voice_failed`` (the worker died, or the engine failed), ``voice_stuck``,
                ``voice_busy``, ``voice_closed``.
        """
        request = {
            "do": "speak", "text": clean_text(text), "language": language or DEFAULT_LANGUAGE, "voice": voice
        }  # fmt: skip
        replies = self._replies(request)
        try:
            async for message, samples in replies:
                phones = None if message["phones"] is None else phones_of_values(message["phones"])
                yield AudioChunk(np.frombuffer(samples, "<i2").astype(np.int16), message["sample_rate_hz"], phones)
        finally:
            await replies.aclose()

    async def _replies(self, request: Message) -> AsyncGenerator[_Reply, None]:
        """The chunks that answer a request."""
        worker = await self._running_worker()
        if len(worker.replies) >= MAX_REQUESTS:
            raise ServiceError(
                "voice_busy", f"{MAX_REQUESTS} texts are being spoken already.", "Try again shortly.", status=503
            )
        request_id = next(self._ids)
        inbox: asyncio.Queue[_Reply] = asyncio.Queue()
        worker.replies[request_id] = inbox
        worker.send({**request, "id": request_id})
        finished = False
        try:
            while True:
                message, samples = await self._next_reply(worker, inbox)
                finished = message["is"] != "chunk"
                if message["is"] == "error":
                    raise ServiceError(message["code"], message["message"], message["hint"], status=message["status"])
                if finished:
                    return
                yield message, samples
        finally:
            worker.replies.pop(request_id, None)
            if not finished:
                worker.send({"do": "cancel", "id": request_id})

    async def _next_reply(self, worker: _Worker, inbox: asyncio.Queue[_Reply]) -> _Reply:
        try:
            async with asyncio.timeout(self._patience_s):
                return await inbox.get()
        except TimeoutError:
            logger.warning("voice worker is stuck, killing it", extra={"pid": worker.process.pid})
            worker.kill()
            raise ServiceError("voice_stuck", "The voice gave no sound in time.", "Try again.", status=504) from None

    async def _running_worker(self) -> _Worker:
        async with self._starting:
            if not self._open:
                raise ServiceError("voice_closed", "The voices are shut down.", "", status=503)
            if self._worker is None:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "visavis.voice.worker",
                    stdin=PIPE, stdout=PIPE, start_new_session=True, env=log_environment(),
                )  # fmt: skip
                self._worker = _Worker(process)
                self._tasks.create_task(self._receive(self._worker), name="voice replies")
                logger.info("voice worker started", extra={"pid": process.pid})
            return self._worker

    async def _receive(self, worker: _Worker) -> None:
        """Hand out what the worker sends, until it is gone."""
        assert worker.process.stdout is not None
        with suppress(asyncio.IncompleteReadError, ConnectionError, ValueError):
            while True:
                message, samples = await receive_message(worker.process.stdout)
                inbox = worker.replies.get(message["id"])
                if inbox is not None:
                    inbox.put_nowait((message, samples))
        if self._worker is worker:
            self._worker = None
        worker.kill()
        exit_code = await worker.process.wait()
        if self._open:
            logger.warning("voice worker died", extra={"exit_code": exit_code})
        for inbox in worker.replies.values():
            inbox.put_nowait((dict(_DIED), b""))


async def _end(process: Process) -> None:
    """Ask a worker to leave by closing its stdin; insist after a while."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        async with asyncio.timeout(_CLOSING_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


_DIED: Final[Message] = {
    "is": "error", "code": "voice_failed", "status": 502,
    "message": "The process that speaks ended.", "hint": "Try again; it is started anew.",
}  # fmt: skip
