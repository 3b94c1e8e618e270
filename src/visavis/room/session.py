"""One agent in one room, from join to leave."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from livekit import rtc
from livekit.rtc.participant import PublishTrackError
from numpy.typing import NDArray

from visavis.acting import Act, Direction
from visavis.errors import RoomError
from visavis.performer import Performer, Phone
from visavis.room.agent_stream import AgentStream
from visavis.room.attention import Attention
from visavis.room.audience import Audience
from visavis.room.config import SessionConfig
from visavis.room.connection import (
    FINAL_REASONS,
    connect,
    has_expired,
    introduce,
    is_machine,
    require_publishing,
    silence_sdk_log,
)
from visavis.room.direction import Directions
from visavis.room.events import Joined, SessionEvent, SessionState, SpeechEnded, StateChanged, TokenRefreshed
from visavis.room.ladder import Ladder, rungs_of
from visavis.room.listener import Listener
from visavis.room.monitor import Monitor
from visavis.room.preflight import check_room
from visavis.room.publisher import Publisher

logger = logging.getLogger(__name__)

REJOIN_WITHIN_S: Final = 120.0
"""How long to go on trying after the SDK has given up."""
_FIRST_BACKOFF_S: Final = 0.3
_MAX_BACKOFF_S: Final = 2.0
_LOOK_ROUND_S: Final = 1.0
_SDK_TAKES_S: Final = 2.0
"""What coming back takes the SDK, once it tries."""
_GOODBYE_S: Final = 3.0


class RoomSession:
    """Brings a performer into a room; what happens is told to ``report``.

    :meth:`run` enters, stays and leaves. The other methods are called from the same event loop.
    """

    def __init__(self, config: SessionConfig, performer: Performer, report: Callable[[SessionEvent], None]) -> None:
        self._config = config
        self._performer = performer
        self._report = report
        self._leaving = asyncio.Event()
        self._publisher = Publisher(performer, config.video, relay_audio=config.relay_audio, watcher=self)
        self._listener = Listener(config.listen_to, performer.push_live_audio)
        self._agent_stream = AgentStream(self, owes_answer=config.resumes)
        self._directions = Directions(self, self._may_direct)
        self._monitor = Monitor(self._publisher, performer, self._listener, Ladder(rungs_of(config.video)), report)
        self._token = config.room_token

    async def run(self) -> StateChanged:
        """Enter the room and stay until asked to leave, sent out, or lost.

        Raises:
            RoomError: the room could not be entered at all.
        """
        silence_sdk_log()
        publisher = self._publisher
        try:
            pacing = asyncio.create_task(publisher.run(), name="pace")
            obeying = asyncio.create_task(self._agent_stream.run(), name="obey the agent")
            staying = asyncio.create_task(self._stay(publisher), name="stay")
            serving = (pacing, obeying)
            try:
                await asyncio.wait((*serving, staying), return_when=asyncio.FIRST_COMPLETED)
                for task in serving:
                    if task.done() and not staying.done():
                        task.result()  # it only ever ends by failing
                end = await staying
            finally:
                staying.cancel()
                for task in serving:
                    task.cancel()
                await asyncio.gather(*serving, staying, return_exceptions=True)
        finally:
            await self._listener.aclose()
            await publisher.aclose()
        self._report(end)
        return end

    def leave(self) -> None:
        """Ask to leave; :meth:`run` returns soon after."""
        self._leaving.set()

    def begin_segment(self) -> int:
        """Open a segment of speech; its id."""
        return self._performer.begin_segment()

    def push(self, pcm: NDArray[np.int16], sample_rate_hz: int, phones: Sequence[Phone] | None = None) -> int:
        """Queue speech, ``int16 [n]`` or ``[n, 2]``; any rate, faster than real time. The id of its segment.

        Args:
            phones: its sounds, where they are known; see :meth:`visavis.performer.Performer.push_audio`.
        """
        segment_id = self._performer.push_audio(pcm, sample_rate_hz, phones)
        self._note_push()
        return segment_id

    def end_segment(self) -> None:
        """The segment is complete."""
        self._performer.end_segment()
        self._note_push()

    def act(self, act: Act) -> None:
        """Show an emotion from now on, or make a gesture now."""
        self._performer.act(act)

    def cue(self, act: Act) -> None:
        """The same when what was pushed so far has been played."""
        self._performer.cue(act)
        self._note_push()

    def direct(self, direction: Direction) -> None:
        """Follow somebody else's face."""
        self._performer.drive(direction.controls, time_s=direction.time_s, hold_s=direction.hold_s)

    @property
    def is_drained(self) -> bool:
        """Everything that was pushed has been played."""
        return self._performer.queued_s == 0

    def interrupt(self) -> None:
        """Be silent now."""
        heard = self._publisher.interrupt()
        self._monitor.segments_interrupted += heard is not None
        self._report(SpeechEnded(heard.played_s if heard else 0.0, interrupted=True))
        self._agent_stream.on_interrupted(heard)

    def on_speech_started(self, segment_id: int) -> None:
        """See :class:`visavis.room.publisher.SpeechWatcher`."""
        self._agent_stream.on_segment_started(segment_id)

    def on_speech_ended(self, segment_id: int, played_s: float) -> None:
        """See :class:`visavis.room.publisher.SpeechWatcher`."""
        self._monitor.segments_played += 1
        self._report(SpeechEnded(played_s, interrupted=False))
        self._agent_stream.on_segment_ended(segment_id, played_s)

    def _may_direct(self, identity: str) -> bool:
        """Who speaks through the avatar moves its face too, and whom the invitation names."""
        return identity in (self._agent_stream.agent, self._config.listen_to, *self._config.controllers)

    def _drives_lips(self, identity: str) -> bool:
        return self._agent_stream.agent is None and identity == self._config.listen_to

    def _on_spoken_to(self, spoken_to: bool) -> None:
        self._performer.listening = spoken_to

    def _note_push(self) -> None:
        self._publisher.on_pushed()

    async def _stay(self, publisher: Publisher) -> StateChanged:
        joined_before = False
        backoff_s = _FIRST_BACKOFF_S
        lost_s: float | None = None
        while True:
            room = rtc.Room()
            try:
                end = await self._visit(room, publisher, rejoining=joined_before)
            except RoomError:
                if not joined_before:
                    raise
                end = StateChanged(SessionState.FAILED, "token_expired") if has_expired(self._token) else None
            finally:
                await self._part(room)
            if end is not None:
                return end
            now_s = time.monotonic()
            lost_s = now_s if room_was_entered(room) or lost_s is None else lost_s
            backoff_s = _FIRST_BACKOFF_S if room_was_entered(room) else min(backoff_s * 2, _MAX_BACKOFF_S)
            joined_before = True
            if now_s - lost_s > REJOIN_WITHIN_S:
                return StateChanged(SessionState.FAILED, "room_lost")
            if room_was_entered(room):
                self._report(StateChanged(SessionState.RECONNECTING, "rejoining"))
            try:
                async with asyncio.timeout(backoff_s):
                    await self._leaving.wait()
                return StateChanged(SessionState.LEFT, "asked")
            except TimeoutError:
                continue

    async def _visit(self, room: rtc.Room, publisher: Publisher, *, rejoining: bool) -> StateChanged | None:
        """Enter once and stay; None where the room was lost by accident."""
        gone: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def on_disconnected(reason: Any) -> None:
            if not gone.done():
                gone.set_result(reason)

        room.on("disconnected", on_disconnected)
        broken = asyncio.Event()

        def on_reconnecting() -> None:
            broken.set()
            self._report(StateChanged(SessionState.RECONNECTING, "connection_lost"))

        def on_reconnected() -> None:
            broken.clear()
            self._report(StateChanged(SessionState.CONNECTED, "reconnected"))

        room.on("reconnecting", on_reconnecting)
        room.on("reconnected", on_reconnected)
        room.on("local_track_republished", lambda *_: self._agent_stream.on_restarted())
        room.on("token_refreshed", lambda: self._keep_token(room))
        self._agent_stream.attach(room)
        self._directions.attach(room)
        await connect(room, self._config.room_url, self._token)
        require_publishing(room)
        self._agent_stream.enter(room)
        self._directions.enter(room)
        audience = Audience(room, publisher.watch_out)
        if self._agent_stream.agent is None:
            self._listener.attach(room)
        if self._agent_stream.agent is not None or self._config.listen_to is not None:
            Attention(room, self._drives_lips, self._on_spoken_to)
        publishing = asyncio.create_task(publisher.publish(room))
        warnings = await introduce(room, self._config.participant_name, self._config.agent_id, self._config.session_id)
        try:
            await publishing
        except PublishTrackError as error:
            raise RoomError(
                "publish_failed",
                f"The room did not take the agent's tracks ({error}).",
                "Check the token's canPublish and canPublishSources, and the room's enabled codecs.",
            ) from None
        if rejoining:
            self._report(StateChanged(SessionState.CONNECTED, "rejoined"))
        else:
            me = room.local_participant
            self._report(Joined(me.sid, me.identity, room.name, warnings))
            self._report(StateChanged(SessionState.CONNECTED))
        outstaying = asyncio.create_task(self._outstay(room), name="outstay")
        watching = asyncio.create_task(self._monitor.run(room), name="watch")
        glancing = asyncio.create_task(audience.watch(), name="glance")
        losing = asyncio.create_task(self._lose_patience(broken), name="lose patience")
        leaving = asyncio.create_task(self._leaving.wait(), name="leaving")
        try:
            waiting: set[asyncio.Future[Any]] = {gone, outstaying, watching, losing, leaving}
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                return StateChanged(SessionState.LEFT, "asked")
            if gone.done():
                reason = FINAL_REASONS.get(gone.result())
                logger.info("disconnected", extra={"reason": rtc.DisconnectReason.Name(gone.result())})
                return StateChanged(SessionState.LEFT, reason) if reason else None
            if watching.done():
                watching.result()  # it only ever ends by failing
            return None if losing.done() else await outstaying
        finally:
            tasks = (outstaying, watching, glancing, losing, leaving)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _lose_patience(self, broken: asyncio.Event) -> None:
        """Return when the server answers again but the SDK does not come back: it waits up to ten seconds to try."""
        while True:
            await broken.wait()
            await asyncio.sleep(_LOOK_ROUND_S)
            try:
                await check_room(self._config.room_url, self._token)
            except RoomError:
                continue
            await asyncio.sleep(_SDK_TAKES_S)
            if broken.is_set():
                logger.info("the room is joined anew: the SDK is too slow")
                return

    async def _outstay(self, room: rtc.Room) -> StateChanged:
        """Return when there has been nobody to talk to for too long."""
        company_s = time.monotonic()
        while True:
            await asyncio.sleep(_LOOK_ROUND_S)
            now_s = time.monotonic()
            if any(not is_machine(participant) for participant in room.remote_participants.values()):
                company_s = now_s
            elif 0 < self._config.idle_timeout_s < now_s - company_s:
                return StateChanged(SessionState.LEFT, "idle")

    async def _part(self, room: rtc.Room) -> None:
        """Leave politely, but never hang on a server that is gone."""
        self._agent_stream.detach()
        self._performer.listening = False
        await self._listener.aclose()
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await room.disconnect()
        except TimeoutError:
            logger.warning("leaving the room took too long")

    def _keep_token(self, room: Any) -> None:
        """The server refreshes the token of whoever is connected; a rejoin needs the newest one."""
        self._token = room._token or self._token
        self._report(TokenRefreshed(self._token))


def room_was_entered(room: rtc.Room) -> bool:
    """Whether this room object ever got in."""
    return bool(room.name)
