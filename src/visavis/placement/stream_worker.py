"""A stream's own process: builds the performer, runs the stream, obeys its host."""

from __future__ import annotations

import asyncio
import logging
import socket
from pathlib import Path
from typing import Any, Final

from visavis.acting import checked_act, checked_direction
from visavis.avatar import Avatar
from visavis.errors import VisavisError
from visavis.logs import LogSettings
from visavis.performer import Performer
from visavis.placement.channel import Channel, Sound
from visavis.placement.processes import run_to_exit
from visavis.stream import StreamConfig, StreamSession

logger = logging.getLogger(__name__)

_FAREWELL_S: Final = 30.0
"""A client that reads slowly has so long to take what was sent before the end."""
_SEND_BUFFER_BYTES: Final = 64 << 10
"""Pictures that wait here are late: the less, the sooner a slow reader is noticed."""


def run_stream_worker(end: socket.socket, config: StreamConfig, avatar_path: Path, logs: LogSettings) -> None:
    """Run one stream to its end. The process is told what to do through ``end`` and leaves when that closes."""
    run_to_exit(_serve(end, config, avatar_path), logs, stream_id=config.stream_id, agent_id=config.agent_id)


class _Outlet:
    """The client, at the other end of the channel."""

    def __init__(self, channel: Channel) -> None:
        self.send_bytes = channel.post_bytes
        self.send_json = channel.post
        self._channel = channel

    @property
    def unsent_bytes(self) -> int:
        return self._channel.unsent_bytes


async def _serve(end: socket.socket, config: StreamConfig, avatar_path: Path) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
    channel = await Channel.open(end)
    try:
        picture = config.picture
        performer = Performer(
            Avatar.load(avatar_path),
            fps=picture.fps,
            width_px=picture.width_px,
            height_px=picture.height_px,
            background=picture.background,
            look_ahead_ms=config.look_ahead_ms,
            audio_rate_hz=config.output_rate_hz,
            idle_style=config.idle_style,
            seed=config.seed,
        )
        session = StreamSession(config, performer, _Outlet(channel))
        tasks = {
            asyncio.create_task(session.run(), name="pace"),
            asyncio.create_task(_obey(channel, session), name="obey"),
        }
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    except VisavisError as error:
        channel.post({"failed": error.as_dict()})
    except Exception:
        logger.exception("stream failed")
        channel.post(
            {
                "failed": {
                    "code": "internal_error",
                    "message": "Something broke in the agent's process.",
                    "hint": "The log says what. Connect again.",
                }
            }
        )
    finally:
        try:
            async with asyncio.timeout(_FAREWELL_S):
                await channel.finish()
        except TimeoutError:
            logger.warning("the end of a stream was not read")


async def _obey(channel: Channel, session: StreamSession) -> None:
    while (message := await channel.receive()) is not None:
        if isinstance(message, bytes):
            session.on_sound(message)
        elif isinstance(message, Sound):
            session.push_speech(message.pcm, message.sample_rate_hz, message.phones)
        else:
            _do(session, channel, message)


def _do(session: StreamSession, channel: Channel, message: dict[str, Any]) -> None:
    match message["do"]:
        case "interrupt":
            session.on_interrupt(message["played_pts"])
        case "end_segment":
            session.on_end_segment()
        case "key_frame":
            session.on_key_frame()
        case "received":
            session.on_received(message["pts"])
        case "act":
            session.on_act(checked_act(message["act"]), queued=message["queued"])
        case "face":
            session.on_face(checked_direction(message["direction"]))
        case "listening":
            session.on_listening(message["listening"])
        case "cue":
            session.cue_speech(checked_act(message["act"]))
        case "begin_speech":
            session.begin_speech(message["segment"])
        case "end_speech":
            session.end_speech()
        case "tell":
            channel.post(message["message"])
