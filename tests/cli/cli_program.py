"""A real ``visavis serve``, seen from outside."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from support.room_server import RoomServer, new_room

SMALL = {"width": 128, "height": 128, "max_bitrate": 200_000}


@dataclass(slots=True)
class Program:
    """One running ``visavis``, and what it logged."""

    process: subprocess.Popen[bytes]
    client: httpx.AsyncClient
    log_file: Path
    room_server: RoomServer
    tokens: list[str] = field(default_factory=list)
    """Room tokens it was given."""

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def entries(self) -> list[dict[str, Any]]:
        """The log, where it is JSON."""
        return [json.loads(line) for line in self.log.splitlines()]

    async def join(self, room: str = "", identity: str = "ada") -> httpx.Response:
        token = self.room_server.token(identity, room or new_room())
        self.tokens.append(token)
        body = {"room_url": self.room_server.url, "room_token": token, "video": SMALL, "participant_name": "Ada"}
        return await self.client.post("/v1/agents/ada/join-room", json=body)

    async def session(self, session_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = (await self.client.get(f"/v1/sessions/{session_id}")).json()
        return answer

    async def until(self, path: str, holds: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        """What ``path`` answers, once that fits."""
        async with asyncio.timeout(40):
            while True:
                answer: dict[str, Any] = (await self.client.get(path)).json()
                if holds(answer):
                    return answer
                await asyncio.sleep(0.05)

    async def exited(self) -> int:
        """Its exit code, once it has ended."""
        return await asyncio.to_thread(self.process.wait, 40)

    def session_process(self) -> psutil.Process:
        """The process of a session, which has the most threads."""
        forks = [child for child in self.children() if "forkserver" in "".join(child.cmdline())]
        return max(forks, key=lambda child: child.num_threads())

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


Start = Callable[..., Program]
