"""A session's own process: builds the performer, runs the room session, obeys its host."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from pathlib import Path
from typing import Final

from visavis.acting import checked_act, checked_direction
from visavis.avatar import Avatar
from visavis.errors import VisavisError
from visavis.logs import LogSettings
from visavis.performer import Performer
from visavis.placement.channel import Channel, Sound, encode_event
from visavis.placement.processes import run_to_exit
from visavis.room import RoomSession, SessionConfig, SessionState, StateChanged

logger = logging.getLogger(__name__)

ORPHAN_TIMEOUT_S: Final = 8.0
"""A session whose host has died has so long to leave its room in order."""


def run_worker(end: socket.socket, config: SessionConfig, avatar_path: Path, logs: LogSettings) -> None:
    """Run one session to its end. The process is told what to do through ``end`` and leaves when that closes."""
    run_to_exit(_serve(end, config, avatar_path), logs, session_id=config.session_id, agent_id=config.agent_id)


async def _serve(end: socket.socket, config: SessionConfig, avatar_path: Path) -> None:
    channel = await Channel.open(end)
    try:
        video = config.video
        performer = Performer(
            Avatar.load(avatar_path),
            fps=video.fps,
            width_px=video.width_px,
            height_px=video.height_px,
            background=video.background,
            look_ahead_ms=config.look_ahead_ms,
            seed=config.seed,
            early_lips=not config.relay_audio,
            idle_style=config.idle_style,
        )
        session = RoomSession(config, performer, lambda event: channel.post(encode_event(event)))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, session.leave)
        obeying = asyncio.create_task(_obey(channel, session), name="obey")
        try:
            await session.run()
        finally:
            obeying.cancel()
            await asyncio.gather(obeying, return_exceptions=True)
    except VisavisError as error:
        channel.post({"failed": error.as_dict()})
    except Exception:
        logger.exception("session failed")
        channel.post(encode_event(StateChanged(SessionState.FAILED, "internal_error")))
    finally:
        await channel.aclose()


async def _obey(channel: Channel, session: RoomSession) -> None:
    while (message := await channel.receive()) is not None:
        if isinstance(message, Sound):
            session.push(message.pcm, message.sample_rate_hz, message.phones)
        elif isinstance(message, bytes):
            continue
        elif message["do"] == "end_speech":
            session.end_segment()
        elif message["do"] == "act":
            session.act(checked_act(message["act"]))
        elif message["do"] == "cue":
            session.cue(checked_act(message["act"]))
        elif message["do"] == "direct":
            session.direct(checked_direction(message["direction"]))
        elif message["do"] == "interrupt":
            session.interrupt()
        elif message["do"] == "leave":
            session.leave()
    # The host is gone: nobody is left to insist that this process ends.
    asyncio.get_running_loop().call_later(ORPHAN_TIMEOUT_S, os._exit, 1)
    session.leave()
