"""An agent in a room, as a program: tests run it at the far end of a link.

    python far_agent.py URL TOKEN AVATAR_FILE [OPTIONS_AS_JSON]

Commands come as lines on stdin: ``tone SECONDS``, ``interrupt``, ``leave``. What the session reports is printed as JSON
lines, as its host would get it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict

import numpy as np

from visavis.avatar import Avatar
from visavis.performer import Performer
from visavis.room import RoomSession, SessionConfig, VideoConfig
from visavis.room.events import SessionEvent, TokenRefreshed

RATE_HZ = 24_000


def report(event: SessionEvent) -> None:
    if not isinstance(event, TokenRefreshed):
        sys.stdout.write(json.dumps({"event": type(event).__name__, **asdict(event)}) + "\n")
        sys.stdout.flush()


def tone(duration_s: float) -> np.ndarray:
    at_s = np.arange(round(duration_s * RATE_HZ)) / RATE_HZ
    return (9_000 * np.sin(2 * np.pi * 300 * at_s)).astype(np.int16)


async def main(url: str, token: str, avatar_file: str, options: str = "{}") -> None:
    video = VideoConfig(**json.loads(options))
    config = SessionConfig("far", "ada", url, token, video=video, idle_timeout_s=0)
    performer = Performer(
        Avatar.load(avatar_file), width_px=video.width_px, height_px=video.height_px, fps=video.fps, early_lips=True
    )
    session = RoomSession(config, performer, report)
    running = asyncio.create_task(session.run())
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)

    async def obey() -> None:
        async for line in commands:
            what, *values = line.decode().split()
            if what == "tone":
                session.push(tone(float(values[0])), RATE_HZ)
                session.end_segment()
            elif what == "interrupt":
                session.interrupt()
            elif what == "leave":
                session.leave()
        session.leave()

    obeying = asyncio.create_task(obey())
    await running
    obeying.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
    os._exit(0)  # a thread of the SDK that calls back into an interpreter on its way out aborts the process
