"""The real application over real HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from visavis.api import open_app
from visavis.api.sockets import WEBSOCKET_OPTIONS, tune
from visavis.settings import Settings

API_KEY = "a-key-for-tests"

Serve = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@asynccontextmanager
async def serve(data_dir: Path, **overrides: Any) -> AsyncIterator[httpx.AsyncClient]:
    """visavis on a free port, without demo agents unless asked for; a client that has the key. Ends when left."""
    settings = Settings(data_dir=data_dir, **{"api_key": API_KEY, "demo_agents": False} | overrides)
    async with open_app(settings) as app:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            tune(listener)
            server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", **WEBSOCKET_OPTIONS))
            running = asyncio.create_task(server.serve([listener]))
            try:
                while not server.started:
                    await asyncio.wait({running}, timeout=0.02)
                    if running.done():
                        await running
                        raise AssertionError("the server ended before it began")
                async with httpx.AsyncClient(
                    base_url=f"http://127.0.0.1:{listener.getsockname()[1]}",
                    headers={"Authorization": f"Bearer {API_KEY}"},
                    timeout=30,
                ) as client:
                    yield client
            finally:
                server.should_exit = True
                await running


async def until(client: httpx.AsyncClient, path: str, holds: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """What ``path`` answers, once that fits."""
    async with asyncio.timeout(100):
        while True:
            answer: dict[str, Any] = (await client.get(path)).json()
            if holds(answer):
                return answer
            await asyncio.sleep(0.02)


async def until_built(client: httpx.AsyncClient, agent_id: str) -> dict[str, Any]:
    """The agent, once its building has ended."""
    return await until(client, f"/v1/agents/{agent_id}", lambda agent: agent["status"] != "processing")


def error_of(response: httpx.Response) -> dict[str, str]:
    """The error of an answer, in the one form."""
    error: dict[str, str] = response.json()["error"]
    assert set(error) == {"code", "message", "hint"}
    assert error["code"] and error["message"]
    return error
