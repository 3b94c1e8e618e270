"""Streams in processes of their own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import psutil

from visavis.placement import RunningStream, SessionHost
from visavis.stream import PictureConfig, StreamConfig

SMALL = PictureConfig(width_px=128, height_px=128)


async def next_event(stream: RunningStream, kind: str) -> dict[str, Any]:
    while True:
        message = await stream.receive()
        if isinstance(message, dict) and message["type"] == kind:
            return message


async def test_the_strain_of_streams_counts_towards_the_machines(ada_avatar_path: Path) -> None:
    config = StreamConfig("str_1", "ada", 24_000, picture=SMALL)
    async with SessionHost(max_sessions=1) as host:
        async with host.stream(config, ada_avatar_path) as stream:
            await next_event(stream, "ready")
            while not isinstance(await stream.receive(), bytes):
                pass
            assert host.refusal == "count"
            process = psutil.Process(stream.process.pid)
            process.suspend()
            await asyncio.sleep(0.8)
            process.resume()
            told = await next_event(stream, "stats")
            assert told["strain"] > 0
            assert host.strain > 0
        assert (host.strain, host.refusal) == (0, None)
        assert not process.is_running()
