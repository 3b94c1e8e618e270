"""The product as it runs in production: `visavis serve` in a process of its own, asked over HTTP."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from visavis.embedded import LiveKitServer
from visavis.errors import VisavisError

AGENT_ID: Final = "ada"
_START_TIMEOUT_S: Final = 120.0
"""The first start also builds the demo agents."""
_STOP_TIMEOUT_S: Final = 20.0
_REQUEST_TIMEOUT_S: Final = 30.0


@dataclass(frozen=True, slots=True)
class Product:
    """A running `visavis serve`."""

    http: httpx.AsyncClient
    process: psutil.Process

    def workers(self) -> set[int]:
        """Ids of all its processes but its own."""
        return {child.pid for child in self.process.children(recursive=True)}

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request.

        Raises:
            httpx.HTTPError: it was refused, or not answered.
        """
        answer = await self.http.request(method, path, json=body)
        answer.raise_for_status()
        content: dict[str, Any] = answer.json()
        return content


@asynccontextmanager
async def running_product(server: LiveKitServer, folder: Path) -> AsyncIterator[Product]:
    """Start it beside a LiveKit server; its demo agent is ready.

    Raises:
        VisavisError: ``product_not_ready``.
    """
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    key = secrets.token_urlsafe(24)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VISAVIS_")} | {
        "VISAVIS_DATA_DIR": str(folder / "data"),
        "VISAVIS_API_KEY": key,
        "VISAVIS_LIVEKIT_URL": server.url,
        "VISAVIS_LIVEKIT_API_KEY": server.api_key,
        "VISAVIS_LIVEKIT_API_SECRET": server.api_secret,
        "VISAVIS_LOG_LEVEL": "warning",
    }
    log_path = folder / "visavis.log"
    with log_path.open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "visavis.cli", "serve", "--port", str(port),
            env=environment, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,  # Ctrl-C is for us
        )  # fmt: skip
    try:
        async with httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=_REQUEST_TIMEOUT_S,
            trust_env=False,
        ) as http:
            if not await _is_ready(http, process):
                lines = log_path.read_text(errors="replace").splitlines()
                raise VisavisError("product_not_ready", "visavis serve did not become ready.", "\n".join(lines[-3:]))
            yield Product(http, psutil.Process(process.pid))
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGINT)
            try:
                async with asyncio.timeout(_STOP_TIMEOUT_S):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()


async def _is_ready(http: httpx.AsyncClient, process: asyncio.subprocess.Process) -> bool:
    """Wait until the agent can be asked into rooms; False where that takes too long, or never comes."""
    deadline_s = asyncio.get_running_loop().time() + _START_TIMEOUT_S
    while process.returncode is None and asyncio.get_running_loop().time() < deadline_s:
        try:
            answer = await http.get(f"/v1/agents/{AGENT_ID}")
            if answer.status_code == httpx.codes.OK and answer.json()["status"] == "ready":
                return True
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.2)
    return False
