"""Whether somebody speaks to the avatar: then it looks at the viewer and nods.

The server tells who speaks, but only of microphones that are subscribed to: each costs 1.1 to 1.5 % of a core. Whose
microphone moves the lips is not spoken to by the avatar's own voice, and machines do not count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from livekit import rtc

from visavis.room.connection import is_machine

MAX_MICROPHONES: Final = 3
"""Of a crowd, whoever spoke first will do."""


class Attention:
    """Watches one visit to a room.

    Args:
        room: entered.
        drives: whether a participant of this identity moves the lips.
        tell: called with whether somebody else speaks, whenever it changes.
    """

    def __init__(self, room: rtc.Room, drives: Callable[[str], bool], tell: Callable[[bool], None]) -> None:
        self._room = room
        self._drives = drives
        self._tell = tell
        self._heard: set[str] = set()
        """Sids of the microphones that are subscribed to."""
        self._spoken_to = False
        room.on("track_published", self._on_published)
        room.on("track_unpublished", lambda publication, _: self._heard.discard(publication.sid))
        room.on("active_speakers_changed", self._on_speakers)
        for participant in room.remote_participants.values():
            for publication in participant.track_publications.values():
                self._on_published(publication, participant)

    def _on_published(self, publication: rtc.RemoteTrackPublication, participant: rtc.RemoteParticipant) -> None:
        if publication.source != rtc.TrackSource.SOURCE_MICROPHONE or not self._counts(participant):
            return
        if len(self._heard) < MAX_MICROPHONES:
            self._heard.add(publication.sid)
            publication.set_subscribed(True)

    def _on_speakers(self, speakers: list[rtc.Participant]) -> None:
        spoken_to = any(isinstance(speaker, rtc.RemoteParticipant) and self._counts(speaker) for speaker in speakers)
        if spoken_to != self._spoken_to:
            self._spoken_to = spoken_to
            self._tell(spoken_to)

    def _counts(self, participant: rtc.RemoteParticipant) -> bool:
        return not is_machine(participant) and not self._drives(participant.identity)
