"""Whether anybody may be looking: nothing need be drawn for an empty room, nor for somebody on the telephone.

A server tells of somebody who publishes nothing up to three seconds late, but asks for the picture at once: both are
signs of a viewer, the sooner counts. Some seconds later it is known whether the picture is really taken: a server with
dynacast stops the encoder of a track that nobody subscribes to.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from livekit import rtc

from visavis.room.connection import may_watch
from visavis.room.traffic import is_picture_wanted

_GLANCE_S: Final = 0.25
_CLOSE_GLANCE_S: Final = 0.1
"""While somebody is there who may begin to look: that must be seen at once,"""
_RELAXED_GLANCE_S: Final = 1.0
"""and an end of looking in good time."""
_EXPECTED_S: Final = 5.0
"""So long after the picture was asked for, who asked is known, and so long after somebody came, what they take."""


class Audience:
    """Watches one visit to a room.

    Args:
        room: entered.
        tell: called with whether anybody may be looking: now, when it has changed, and when somebody may have come.
    """

    def __init__(self, room: rtc.Room, tell: Callable[[bool], None]) -> None:
        self._room = room
        self._tell = tell
        self._expected_until_s = float("-inf")
        self._present = False
        self._wanted = True
        self._was_asked = False
        self._told: bool | None = None
        room.on("participant_connected", self._meet)
        room.on("participant_disconnected", lambda _: self._look())
        room.on("local_track_subscribed", lambda _: self._expect())
        for participant in room.remote_participants.values():
            self._meet(participant)
        self._look()

    async def watch(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(self._glance_s)
            wanted = await is_picture_wanted(self._room)
            if wanted is None:
                continue
            wanted_before, self._wanted = self._wanted, wanted
            if wanted and not wanted_before:
                self._expect()
            else:
                self._look()

    @property
    def _glance_s(self) -> float:
        if not self._present:
            return _GLANCE_S
        return _RELAXED_GLANCE_S if self._wanted else _CLOSE_GLANCE_S

    def _expect(self) -> None:
        self._was_asked = True
        self._expected_until_s = time.monotonic() + _EXPECTED_S
        self._told = None
        self._look()

    def _meet(self, participant: rtc.RemoteParticipant) -> None:
        # who asked for the picture is known now: it may have been somebody who does not look
        self._expected_until_s = time.monotonic() + _EXPECTED_S if may_watch(participant) else float("-inf")
        self._told = None
        self._look()

    def _look(self) -> None:
        people = self._room.remote_participants.values()
        self._present = any(may_watch(participant) for participant in people)
        # a server goes on wanting a picture for a while after its last viewer; who comes back then is no news to it
        still_wanted = self._was_asked and self._wanted and not people
        is_taken = self._present and self._wanted
        watched = is_taken or still_wanted or time.monotonic() < self._expected_until_s
        if watched != self._told:
            self._told = watched
            self._tell(watched)
