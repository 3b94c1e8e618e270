"""An avatar notices that it is spoken to."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.listener import listening, microphone, wait_until
from support.room_server import RoomServer, new_room
from visavis.media import read_audio
from visavis.room import VideoConfig
from visavis.room.connection import PUBLISH_ON_BEHALF

pytestmark = pytest.mark.room


@pytest.mark.parametrize(
    ("options", "is_spoken_to"),
    [
        ({"grants": {"attributes": {PUBLISH_ON_BEHALF: "bot"}}}, True),
        ({"listen_to": "kim"}, True),
        ({"listen_to": "ben"}, False),
        ({}, False),
    ],
    ids=["an agent speaks through it", "another moves its lips", "the speaker moves its lips", "whoever speaks does"],
)
async def test_it_listens_to_who_speaks_and_does_not_move_its_lips(
    room_server: RoomServer,
    agent_in_room: Any,
    small_video: VideoConfig,
    speech_wav: Path,
    options: dict[str, Any],
    is_spoken_to: bool,
) -> None:
    room = new_room()
    speech = np.asarray(np.clip(read_audio(speech_wav, 48_000) * 32767, -32768, 32767), np.int16)
    async with (
        listening(room_server.url, room_server.token("ben", room)) as ben,
        microphone(ben.room) as speak,
        agent_in_room(room=room, video=small_video, **options) as agent,
    ):
        performer = agent.session._performer
        noticed = []

        async def watch() -> None:
            while True:
                noticed.append(performer.listening)
                await asyncio.sleep(0.02)

        watching = asyncio.create_task(watch())
        await asyncio.sleep(0.5)
        assert not any(noticed)
        await speak(speech)
        assert any(noticed) == is_spoken_to
        await wait_until(lambda: not performer.listening, timeout_s=5, what="silence")
        watching.cancel()
