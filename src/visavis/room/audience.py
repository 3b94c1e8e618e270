"""Whether anybody may be looking: nothing need be drawn for an empty room.

A server tells of somebody who publishes nothing up to three seconds late, but asks for the picture at once: both are
signs of a viewer, the sooner counts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from livekit import rtc

from visavis.room.connection import may_watch
from visavis.room.traffic import is_picture_wanted

_GLANCE_INTERVAL_S: Final = 0.25
_EXPECTED_S: Final = 5.0
"""So long after the picture was asked for, who asked is known."""


class Audience:
    """Watches one visit to a room.

    Args:
        room: entered.
        tell: called with whether anybody may be looking, now and whenever it may have changed.
    """

    def __init__(self, room: rtc.Room, tell: Callable[[bool], None]) -> None:
        self._room = room
        self._tell = tell
        self._expected_until_s = float("-inf")
        self._present = False
        self._wanted = True
        self._was_asked = False
        room.on("participant_connected", lambda _: self._meet())
        room.on("participant_disconnected", lambda _: self._look())
        room.on("local_track_subscribed", lambda _: self._expect())
        self._look()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(_GLANCE_INTERVAL_S)
            if self._present:
                continue
            wanted_before, self._wanted = self._wanted, await is_picture_wanted(self._room)
            if self._wanted and not wanted_before:
                self._expect()
            else:
                self._look()

    def _expect(self) -> None:
        self._was_asked = True
        self._expected_until_s = time.monotonic() + _EXPECTED_S
        self._look()

    def _meet(self) -> None:
        self._expected_until_s = float("-inf")
        self._look()

    def _look(self) -> None:
        people = self._room.remote_participants.values()
        self._present = any(may_watch(participant) for participant in people)
        # a server goes on wanting a picture for a while after its last viewer; who comes back then is no news to it
        still_wanted = self._was_asked and self._wanted and not people
        self._tell(self._present or still_wanted or time.monotonic() < self._expected_until_s)
