"""Avatars built outside this process: one worker, started when there is work, ended when there is none."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from visavis.errors import VisavisError
from visavis.logs import log_environment

logger = logging.getLogger(__name__)

BUILD_TIMEOUT_S: Final = 300.0
"""A photo takes seconds, a clip of 20 s half a minute of one core; a build that takes this long hangs."""

WORKER_IDLE_S: Final = 60.0
"""How long the worker waits for another photo before its memory (some 300 MB) is given back."""

_LINE_LIMIT_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class BuildJob:
    """Where to read and what to write."""

    photo: Path
    avatar: Path
    picture: Path
    """JPEG of the person as the room will see them."""
    thumbnail: Path


@dataclass(frozen=True, slots=True)
class PhotoReport:
    """What was found out about a photo that became an avatar."""

    quality: float
    """0 .. 100."""
    findings: list[list[str]]
    """``[code, message]``."""


OnProgress = Callable[[str, float], Awaitable[None]]
"""Step in words, progress 0 .. 1."""


class AvatarBuilder:
    """Builds one avatar at a time in a process of its own. Use as an async context manager."""

    def __init__(self, command: tuple[str, ...] = (sys.executable, "-m", "visavis.service.build_worker")) -> None:
        self._command = command
        self._worker: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._idle: asyncio.TimerHandle | None = None

    async def __aenter__(self) -> AvatarBuilder:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._cancel_idle()
        await self._stop()

    async def build(self, job: BuildJob, on_progress: OnProgress) -> PhotoReport:
        """Build and write what ``job`` names.

        Raises:
            VisavisError: the portrait's refusal, or ``portrait_failed`` where the worker died or hung over it.
        """
        async with self._turn:
            self._cancel_idle()
            try:
                async with asyncio.timeout(BUILD_TIMEOUT_S):
                    return await self._build(job, on_progress)
            except TimeoutError:
                await self._stop()
                raise _failed(f"Building the avatar took longer than {BUILD_TIMEOUT_S:.0f} s.") from None
            except asyncio.CancelledError:
                await self._stop()
                raise
            finally:
                self._idle = asyncio.get_running_loop().call_later(WORKER_IDLE_S, self._close_input)

    async def _build(self, job: BuildJob, on_progress: OnProgress) -> PhotoReport:
        worker = await self._running()
        assert worker.stdin is not None and worker.stdout is not None
        try:
            line = {"photo": job.photo, "avatar": job.avatar, "picture": job.picture, "thumbnail": job.thumbnail}
            worker.stdin.write(json.dumps({name: str(path) for name, path in line.items()}).encode() + b"\n")
            await worker.stdin.drain()
        except ConnectionError:
            pass  # it died; the empty answer below says so
        while answer := await worker.stdout.readline():
            message: dict[str, Any] = json.loads(answer)
            if "step" in message:
                await on_progress(message["step"], message["progress"])
            elif "error" in message:
                raise VisavisError(**message["error"])
            else:
                return PhotoReport(message["quality"], message["findings"])
        code = await worker.wait()
        self._worker = None
        logger.error("the build worker died", extra={"exit_code": code})
        raise _failed("Building the avatar broke down on this photo.")

    async def _running(self) -> asyncio.subprocess.Process:
        if self._worker is None or self._worker.returncode is not None or self._input_closed(self._worker):
            await self._stop()
            self._worker = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_LINE_LIMIT_BYTES,
                env=log_environment(),
            )
        return self._worker

    @staticmethod
    def _input_closed(worker: asyncio.subprocess.Process) -> bool:
        return worker.stdin is None or worker.stdin.is_closing()

    def _close_input(self) -> None:
        if self._worker and self._worker.stdin and not self._turn.locked():
            self._worker.stdin.close()

    def _cancel_idle(self) -> None:
        if self._idle:
            self._idle.cancel()
            self._idle = None

    async def _stop(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        with contextlib.suppress(ProcessLookupError):
            worker.kill()
        await worker.wait()


def _failed(message: str) -> VisavisError:
    return VisavisError("portrait_failed", message, "Try another photo; the server's log says what happened.")
