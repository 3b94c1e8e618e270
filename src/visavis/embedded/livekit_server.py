"""A livekit-server of our own on loopback, with keys that nobody else knows."""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

import httpx

from visavis.errors import VisavisError

logger = logging.getLogger(__name__)

PROGRAM: Final = "livekit-server"
START_TIMEOUT_S: Final = 20.0
_STOP_TIMEOUT_S: Final = 8.0
_RESTART_DELAY_S: Final = 0.5
_PR_SET_PDEATHSIG: Final = 1


def find_livekit_server(configured: Path | None = None) -> Path:
    """The livekit-server program: the configured one, else one beside this Python, else one on ``PATH``.

    Raises:
        VisavisError: ``livekit_server_missing``.
    """
    if configured is not None and configured.is_file() and os.access(configured, os.X_OK):
        return configured
    beside = Path(sys.executable).parent / PROGRAM
    if configured is None and beside.is_file():
        return beside
    found = shutil.which(PROGRAM) if configured is None else None
    if found is None:
        where = f"at {configured}" if configured else "on PATH"
        raise VisavisError(
            "livekit_server_missing",
            f"There is no {PROGRAM} {where}.",
            "Run `make install`, which builds one, or set VISAVIS_LIVEKIT_SERVER to yours, or VISAVIS_LIVEKIT_URL, "
            "VISAVIS_LIVEKIT_API_KEY and VISAVIS_LIVEKIT_API_SECRET to a server that runs already.",
        )
    return Path(found)


@dataclass(slots=True)
class LiveKitServer:
    """Runs while its context is open; started again if it dies; gone when this process is gone.

    Args:
        program: the livekit-server binary.
        log_file: where its log goes.
        port: TCP port of its API; a free one where 0.
        address: of this machine, where clients reach it.
        api_key, api_secret: made up where empty.
    """

    program: Path
    log_file: Path
    port: int = 0
    address: str = "127.0.0.1"
    api_key: str = ""
    api_secret: str = field(default="", repr=False)
    _process: asyncio.subprocess.Process | None = field(default=None, repr=False)
    _watch: asyncio.Task[None] | None = field(default=None, repr=False)
    _media_ports: tuple[int, int] = (0, 0)

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"ws://{self.address}:{self.port}"

    async def __aenter__(self) -> LiveKitServer:
        self.port = self.port or _free_port(socket.SOCK_STREAM)
        self._media_ports = (_free_port(socket.SOCK_STREAM), _free_port(socket.SOCK_DGRAM))
        self.api_key = self.api_key or f"key{secrets.token_hex(6)}"
        self.api_secret = self.api_secret or secrets.token_urlsafe(36)
        if not is_free(self.port):
            raise VisavisError(
                "port_in_use",
                f"Port {self.port} of this machine is in use.",
                "Stop what uses it, or choose another with VISAVIS_LIVEKIT_PORT.",
            )
        try:
            await self._start()
        except BaseException:
            await self._stop()
            raise
        self._watch = asyncio.create_task(self._keep_running(), name="watch livekit-server")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self._stop()

    async def kill(self) -> None:
        """End it without warning, as a crash would; it is started again."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _config(self) -> str:
        """YAML, of which JSON is a part."""
        tcp_port, udp_port = self._media_ports
        return json.dumps(
            {
                "port": self.port,
                "bind_addresses": [self.address],
                "keys": {self.api_key: self.api_secret},
                "rtc": {
                    "tcp_port": tcp_port,
                    "udp_port": udp_port,
                    "node_ip": self.address,
                    "ips": {"includes": [f"{self.address}/32"]},  # it would listen on, and mix up, all there are
                    "use_external_ip": False,
                    "enable_loopback_candidate": True,
                    "congestion_control": {"allow_pause": True},
                },
                "room": {
                    "auto_create": True,
                    "empty_timeout": 60,
                    "departure_timeout": 20,
                    "sync_streams": True,  # receivers align a participant's picture and sound
                },
                "logging": {"level": "info", "json": True},
            }
        )

    async def _start(self) -> None:
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("ab") as log:
            self._process = await self._spawn(log)
        deadline = asyncio.get_running_loop().time() + START_TIMEOUT_S
        async with httpx.AsyncClient(timeout=1.0, trust_env=False) as client:
            while True:
                if self._process.returncode is not None:
                    raise self._failure(f"ended at once (exit code {self._process.returncode})")
                try:
                    if (await client.get(f"http://{self.address}:{self.port}")).status_code == 200:
                        return
                except httpx.HTTPError:
                    pass
                if asyncio.get_running_loop().time() > deadline:
                    raise self._failure(f"did not answer within {START_TIMEOUT_S:.0f} s")
                await asyncio.sleep(0.05)

    async def _spawn(self, log: IO[bytes]) -> asyncio.subprocess.Process:
        # the configuration, with its secret, goes by environment: arguments are visible to every user
        environment = {**os.environ, "LIVEKIT_CONFIG": self._config()}
        return await asyncio.create_subprocess_exec(
            str(self.program),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_parent,
            process_group=0,
        )

    async def _keep_running(self) -> None:
        while self._process is not None:
            code = await self._process.wait()
            logger.warning("livekit-server ended and is started again", extra={"exit_code": code})
            await asyncio.sleep(_RESTART_DELAY_S)
            try:
                await self._start()
            except VisavisError as error:
                logger.error("livekit-server could not be started again", extra={"error": error.message})

    async def _stop(self) -> None:
        process = self._process
        self._process = None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                # it waits for participants to leave; a second signal makes it stop at once
                try:
                    async with asyncio.timeout(_STOP_TIMEOUT_S / 2):
                        await process.wait()
                except TimeoutError:
                    process.send_signal(signal.SIGTERM)
                    await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def _failure(self, what: str) -> VisavisError:
        return VisavisError("livekit_server_failed", f"livekit-server {what}.", f"Its log is {self.log_file}.")


def _die_with_parent() -> None:
    """Linux ends the child when its parent is gone, however that went."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def is_free(port: int) -> bool:
    """Whether nothing listens on a TCP port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
