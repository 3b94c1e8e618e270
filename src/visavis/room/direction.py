"""Who in the room may move the avatar's face, and how: data messages and RPC methods of the same names.

===================  ===================================================================================
``visavis.emotion``  ``{"emotion": "happy", "intensity": 0.7, "duration_s": 5}``: data message or RPC
``visavis.gesture``  ``{"gesture": "nod", "intensity": 1.0}``: data message or RPC
``visavis.face``     ``{"controls": {"jawOpen": 0.3, ...}, "time_s": 12.3}``: data message, some 30 a second
===================  ===================================================================================

An RPC is answered: ``ok``, or an error whose data is the one form of errors as JSON. A data message that cannot be
followed is left out, and said in the log once a while.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

from livekit import rtc

from visavis.acting import Act, Direction, checked_act, checked_direction
from visavis.errors import VisavisError

logger = logging.getLogger(__name__)

EMOTION: Final = "visavis.emotion"
GESTURE: Final = "visavis.gesture"
FACE: Final = "visavis.face"
MAX_MESSAGE_BYTES: Final = 16_384
"""Five times all controls with their names."""
MAX_PER_S: Final = 240
"""Messages that are looked at: eight trackers' worth; the rest is left out."""
REFUSED: Final = 2000
"""Code of the RPC error; its data tells more."""
_COMPLAIN_S: Final = 10.0


class Face(Protocol):
    """Whose face is moved."""

    def act(self, act: Act) -> None:
        """Show an emotion, or make a gesture, now."""
        ...

    def direct(self, direction: Direction) -> None:
        """Follow somebody else's face."""
        ...


class Directions:
    """Listens in a room; one per session, attached to every room it enters.

    Args:
        face: whom to tell.
        may_direct: whether a participant of this identity may.
    """

    def __init__(self, face: Face, may_direct: Callable[[str], bool]) -> None:
        self._face = face
        self._may_direct = may_direct
        self._second = 0
        self._this_second = 0
        self._complained_s = float("-inf")

    def attach(self, room: rtc.Room) -> None:
        """Before ``room`` is entered."""
        room.on("data_received", self._on_data)

    def enter(self, room: rtc.Room) -> None:
        """Once ``room`` is entered."""
        for method in (EMOTION, GESTURE):
            room.local_participant.register_rpc_method(method, self._on_call)

    def _on_data(self, packet: rtc.DataPacket) -> None:
        if packet.topic not in (EMOTION, GESTURE, FACE):
            return
        # without a sender: from somebody the server has not told of yet
        if packet.participant is None or not self._may_direct(packet.participant.identity):
            self._complain("its sender may not move the face", packet.participant)
            return
        if self._is_flood():
            self._complain(f"more than {MAX_PER_S} a second", packet.participant)
            return
        try:
            values = _parsed(packet.data)
            if packet.topic == FACE:
                self._face.direct(checked_direction(values))
            else:
                self._face.act(checked_act(values))
        except VisavisError as error:
            self._complain(error.message, packet.participant)

    async def _on_call(self, call: rtc.RpcInvocationData) -> str:
        try:
            if not self._may_direct(call.caller_identity):
                raise VisavisError(
                    "not_allowed",
                    "This participant may not move the avatar's face.",
                    "Name it in `controllers` when the avatar is asked to join.",
                )
            self._face.act(checked_act(_parsed(call.payload.encode())))
        except VisavisError as error:
            raise rtc.RpcError(REFUSED, error.message, json.dumps({"error": error.as_dict()})) from None
        return "ok"

    def _is_flood(self) -> bool:
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._this_second = second, 0
        self._this_second += 1
        return self._this_second > MAX_PER_S

    def _complain(self, what: str, sender: rtc.RemoteParticipant | None) -> None:
        now_s = time.monotonic()
        if now_s - self._complained_s > _COMPLAIN_S:
            self._complained_s = now_s
            logger.warning(
                "a message to the face is left out", extra={"why": what, "identity": sender and sender.identity}
            )


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        if len(data) > MAX_MESSAGE_BYTES:
            raise ValueError
        values = json.loads(data)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise VisavisError(
            "message_invalid",
            f"The message is no JSON object of up to {MAX_MESSAGE_BYTES} bytes.",
            'For example {"gesture": "nod"}.',
        )
    return values
