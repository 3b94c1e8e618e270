"""The driver ``agent-stream``: a LiveKit agent speaks through the avatar, by LiveKit's avatar protocol.

The agent opens one byte stream per utterance, sends it faster than real time, and waits for exactly one
``lk.playback_finished`` for each. Every utterance here is a record of its own that is answered once: by its last
sample, by an interruption, or by what went wrong with it. docs/room.md tells the protocol.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Final, Protocol

import numpy as np
from livekit import rtc
from numpy.typing import NDArray

from visavis.room.connection import PUBLISH_ON_BEHALF, is_machine
from visavis.room.publisher import Heard

logger = logging.getLogger(__name__)

AUDIO_TOPIC: Final = "lk.audio_stream"
RPC_CLEAR: Final = "lk.clear_buffer"
RPC_STARTED: Final = "lk.playback_started"
RPC_FINISHED: Final = "lk.playback_finished"

OTHER_TOPICS: Final = ("lk.transcription", "lk.chat", "lk.session.messages")
"""Text streams of agents that are not for us."""

SUPERSEDED_S: Final = 0.5
"""An agent never overlaps utterances: with the next one open, an end that has not come so long after is lost."""
STALLED_S: Final = 10.0
"""An utterance whose sound has all been played and that sends nothing for so long is over; its end was lost."""
GONE_S: Final = 4.0
"""An agent that has left is missed only after so long: on a new connection, ours or its own, it returns at once, and
the server tells of somebody who publishes nothing up to three seconds late."""
RPC_ATTEMPTS: Final = 3
_RPC_PAUSE_S: Final = 0.1
_RPC_TIMEOUT_S: Final = 5.0
_UNSUPPORTED: Final = (rtc.RpcError.ErrorCode.UNSUPPORTED_METHOD,)


class Mouth(Protocol):
    """Who says what the agent sends."""

    def begin_segment(self) -> int:
        """Open a segment; its id."""
        ...

    def push(self, pcm: NDArray[np.int16], sample_rate_hz: int) -> int:
        """Queue sound, ``int16 [n]`` or ``[n, 2]``; the id of the segment it is part of."""
        ...

    def end_segment(self) -> None:
        """The open segment is complete."""
        ...

    def interrupt(self) -> None:
        """Silence now; answered by :meth:`AgentStream.on_interrupted`."""
        ...

    @property
    def is_drained(self) -> bool:
        """Everything that was pushed has been played."""
        ...


@dataclass(slots=True, eq=False)
class _Utterance:
    """One stream of the agent."""

    reader: rtc.ByteStreamReader
    sample_rate_hz: int
    channels: int
    segments: set[int] = field(default_factory=set)
    """Segments that hold its sound and have not ended."""
    played_s: float = 0.0
    """Of its segments that have ended."""
    complete: bool = False
    """All of its sound has been pushed."""
    started: bool = False
    last_chunk_s: float = field(default_factory=time.monotonic)


class AgentStream:
    """Takes an agent's streams and answers them. One per session; :meth:`attach` it to every room it enters."""

    def __init__(self, mouth: Mouth, *, owes_answer: bool = False) -> None:
        self._mouth = mouth
        self._room: rtc.Room | None = None
        self._agent: str | None = None
        self._is_named = False
        """The token tells who the agent is."""
        self._agent_was_seen = False
        self._agent_is_here = asyncio.Event()
        self._missing: asyncio.TimerHandle | None = None
        self._incoming: asyncio.Queue[_Utterance] = asyncio.Queue()
        self._utterances: deque[_Utterance] = deque()
        """Those that are not answered, in the order in which they came."""
        self._answers: asyncio.Queue[tuple[str | None, str, str]] = asyncio.Queue()
        """Whom, what, and with which payload."""
        self._owes_answer = owes_answer

    @property
    def agent(self) -> str | None:
        """Identity of the agent that speaks through the avatar; None where nobody does."""
        return self._agent

    def attach(self, room: rtc.Room) -> None:
        """Before ``room`` is entered: the first stream may come with the entry."""
        self._room = room
        room.register_byte_stream_handler(AUDIO_TOPIC, self._on_stream)
        for topic in OTHER_TOPICS:
            room.register_text_stream_handler(topic, lambda *_: None)
        room.on("participant_active", self._on_active)
        room.on("participant_disconnected", self._on_gone)

    def enter(self, room: rtc.Room) -> None:
        """Once ``room`` is entered: whom to obey, and what is still owed from before."""
        named = room.local_participant.attributes.get(PUBLISH_ON_BEHALF)
        self._is_named = bool(named)
        self._agent = named or self._agent
        room.local_participant.register_rpc_method(RPC_CLEAR, self._on_clear)
        for participant in room.remote_participants.values():
            if participant.state == rtc.ParticipantState.PARTICIPANT_STATE_ACTIVE:
                self._on_active(participant)
        if self._owes_answer:
            # What was playing when the connection broke is over for the agent, or it would wait for ever.
            self._owes_answer = False
            self._answer_finished(0.0, interrupted=True)

    def detach(self) -> None:
        """The room is left or lost: nothing more comes from its streams."""
        self._owes_answer = self._owes_answer or bool(self._utterances)
        for utterance in self._utterances:
            utterance.reader.close()
        self._utterances.clear()
        while not self._incoming.empty():
            self._incoming.get_nowait()
        self._stop_missing()
        self._agent_is_here.clear()
        self._room = None

    def on_restarted(self) -> None:
        """The SDK has made the connection anew within the same room object: what was on its way is lost.

        Utterances that were still arriving end with what was read of them, and are answered once that has been played.
        """
        for utterance in self._utterances:
            utterance.reader.close()

    async def run(self) -> None:
        """Read and answer until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._read_utterances(), name="read the agent")
            tasks.create_task(self._send_answers(), name="answer the agent")

    def on_segment_started(self, segment_id: int) -> None:
        """A segment is being heard."""
        utterance = self._of_segment(segment_id)
        if utterance is not None and not utterance.started:
            utterance.started = True
            self._answers.put_nowait((self._agent, RPC_STARTED, ""))

    def on_segment_ended(self, segment_id: int, played_s: float) -> None:
        """A segment has been played to its end."""
        utterance = self._of_segment(segment_id)
        if utterance is None:
            return
        utterance.segments.discard(segment_id)
        utterance.played_s += played_s
        self._finish_if_over(utterance)

    def on_interrupted(self, heard: Heard | None) -> None:
        """Everything queued was dropped; ``heard`` tells what was being heard."""
        for utterance in self._utterances:
            utterance.reader.close()
            position_s = utterance.played_s
            if heard is not None and heard.segment_id in utterance.segments:
                position_s += heard.played_s
            self._answer_finished(position_s, interrupted=True)
        self._utterances.clear()

    def _on_stream(self, reader: rtc.ByteStreamReader, sender: str) -> None:
        if not self._is_agent(sender):
            logger.warning("sound from somebody who is not the agent is refused", extra={"identity": sender})
            reader.close()
            return
        attributes = reader.info.attributes or {}
        try:
            utterance = _Utterance(reader, int(attributes["sample_rate"]), int(attributes["num_channels"]))
            if not 4000 <= utterance.sample_rate_hz <= 192_000 or utterance.channels not in (1, 2):
                raise ValueError
        except (KeyError, ValueError):
            logger.warning("an audio stream without a usable sample_rate and num_channels", extra={"identity": sender})
            reader.close()
            self._answer_finished(0.0, interrupted=True)
            return
        self._utterances.append(utterance)
        self._incoming.put_nowait(utterance)

    def _on_clear(self, call: rtc.RpcInvocationData) -> str:
        if not self._is_agent(call.caller_identity):
            return "reject"
        if self._utterances:
            self._mouth.interrupt()
        return "ok"

    def _is_agent(self, identity: str) -> bool:
        # The server may tell of an agent up to three seconds later than its first stream comes.
        sender = self._room.remote_participants.get(identity) if self._room is not None else None
        if identity != self._agent and self._is_vacant() and (sender is None or is_machine(sender)):
            self._agent, self._agent_was_seen = identity, False
        if sender is not None:
            self._on_active(sender)
        if identity != self._agent:
            return False
        self._stop_missing()
        self._agent_is_here.set()
        return True

    def _is_vacant(self) -> bool:
        """Nobody speaks through the avatar, and the token keeps it for nobody."""
        if self._agent is None:
            return True
        return not self._is_named and self._agent_was_seen and not self._agent_is_here.is_set()

    def _on_active(self, participant: rtc.RemoteParticipant) -> None:
        """Somebody can be talked to."""
        if participant.identity != self._agent or self._room is None:
            return
        self._stop_missing()
        if not self._is_named and not is_machine(participant):
            self._abandon()
            self._agent = None
            self._agent_is_here.clear()
            return
        self._agent_was_seen = True
        self._agent_is_here.set()

    def _on_gone(self, participant: rtc.RemoteParticipant) -> None:
        """Somebody has left."""
        if participant.identity != self._agent or self._room is None:
            return
        self._agent_is_here.clear()
        self._stop_missing()
        self._missing = asyncio.get_running_loop().call_later(GONE_S, self._abandon)

    def _abandon(self) -> None:
        """Be silent, as an agent that speaks by itself is once it has gone.

        The answers are kept for its return: the one who returns may be the same program on a new connection, which
        still waits for them.
        """
        if self._utterances:
            self._mouth.interrupt()

    def _stop_missing(self) -> None:
        if self._missing is not None:
            self._missing.cancel()
            self._missing = None

    async def _read_utterances(self) -> None:
        while True:
            utterance = await self._incoming.get()
            if utterance not in self._utterances:
                continue  # interrupted before its turn
            self._mouth.begin_segment()
            try:
                await self._read(utterance)
            except rtc.StreamError as error:
                logger.info("an utterance broke off", extra={"error": str(error)})
            except (ValueError, TypeError):
                logger.exception("an utterance could not be read")
            finally:
                utterance.reader.close()
            if utterance not in self._utterances:
                continue
            self._mouth.end_segment()
            utterance.complete = True
            self._finish_if_over(utterance)

    async def _read(self, utterance: _Utterance) -> None:
        """Push the sound of one utterance until it ends, or its end must be taken for lost."""
        frame_bytes = 2 * utterance.channels
        rest = b""
        utterance.last_chunk_s = time.monotonic()
        watching = asyncio.create_task(self._close_when_lost(utterance), name="watch for a lost end")
        try:
            # Thousands of chunks come at once: nothing but this loop may be done for each.
            async for chunk in utterance.reader:
                if utterance not in self._utterances:
                    return
                utterance.last_chunk_s = time.monotonic()
                data = rest + chunk if rest else chunk
                whole = len(data) - len(data) % frame_bytes
                rest = data[whole:]
                if whole:
                    pcm = np.frombuffer(data, np.int16, whole // 2)
                    sound = pcm.reshape(-1, utterance.channels) if utterance.channels > 1 else pcm
                    utterance.segments.add(self._mouth.push(sound, utterance.sample_rate_hz))
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _close_when_lost(self, utterance: _Utterance) -> None:
        """Ends the reading of an utterance whose own end was lost."""
        while True:
            await asyncio.sleep(SUPERSEDED_S)
            waited_s = time.monotonic() - utterance.last_chunk_s
            superseded = waited_s >= SUPERSEDED_S and not self._incoming.empty()
            if superseded or (waited_s >= STALLED_S and self._mouth.is_drained):
                logger.warning("the end of an utterance was lost", extra={"waited_s": round(waited_s, 1)})
                utterance.reader.close()
                return

    def _of_segment(self, segment_id: int) -> _Utterance | None:
        return next((utterance for utterance in self._utterances if segment_id in utterance.segments), None)

    def _finish_if_over(self, utterance: _Utterance) -> None:
        if utterance.complete and not utterance.segments:
            self._utterances.remove(utterance)
            self._answer_finished(utterance.played_s, interrupted=False)

    def _answer_finished(self, position_s: float, *, interrupted: bool) -> None:
        # Agents build an event of exactly these names: one more would be an error.
        payload = {"playback_position": position_s, "interrupted": interrupted, "synchronized_transcript": None}
        self._answers.put_nowait((self._agent, RPC_FINISHED, json.dumps(payload)))

    async def _send_answers(self) -> None:
        while True:
            agent, method, payload = await self._answers.get()
            if agent is not None:
                await self._call(agent, method, payload)

    async def _call(self, agent: str, method: str, payload: str) -> None:
        for attempt in range(RPC_ATTEMPTS):
            await self._agent_is_here.wait()
            room = self._room
            if agent != self._agent or room is None:
                return  # it has a successor
            try:
                await room.local_participant.perform_rpc(
                    destination_identity=agent, method=method, payload=payload, response_timeout=_RPC_TIMEOUT_S
                )
                return
            except rtc.RpcError as error:
                if error.code in _UNSUPPORTED and method == RPC_STARTED:
                    return  # agents register it only where they want to know
                if attempt == RPC_ATTEMPTS - 1:
                    logger.warning("the agent did not take an answer", extra={"method": method, "code": error.code})
                    return
            await asyncio.sleep(_RPC_PAUSE_S)
