"""What an agent may do with its avatar's face besides speak."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final, Literal

from livekit import rtc
from livekit.agents import function_tool
from livekit.agents.llm import FunctionTool

from .errors import VisavisException

Emotion = Literal["neutral", "happy", "sad", "angry", "surprised", "afraid", "disgusted", "thoughtful"]
Gesture = Literal["nod", "shake", "tilt", "wink", "raise_brows", "look_away", "laugh", "listen"]

EMOTION_METHOD: Final = "visavis.emotion"
GESTURE_METHOD: Final = "visavis.gesture"
FACE_TOPIC: Final = "visavis.face"
RESPONSE_TIMEOUT_S: Final = 5.0


class Acting:
    """The face of an avatar in a room; ``where`` gives the room and the avatar's identity once it has started."""

    def __init__(self, where: Callable[[], tuple[rtc.Room, str]]) -> None:
        self._where = where

    async def show_emotion(
        self, emotion: Emotion, *, intensity: float | None = None, duration_s: float | None = None
    ) -> None:
        """Take on an emotion, until another comes or ``duration_s`` is over.

        Raises:
            VisavisException: ``emotion_unknown``, ``act_invalid``; ``unreachable`` where the avatar does not answer.
        """
        values = {"emotion": emotion, "intensity": intensity, "duration_s": duration_s}
        await self._call(EMOTION_METHOD, values)

    async def make_gesture(self, gesture: Gesture, *, intensity: float | None = None) -> None:
        """Make a gesture now.

        Raises:
            VisavisException: as :meth:`show_emotion`; ``gesture_unknown``.
        """
        await self._call(GESTURE_METHOD, {"gesture": gesture, "intensity": intensity})

    async def drive(self, controls: dict[str, float], *, time_s: float | None = None) -> None:
        """Move the face: ARKit's blendshapes and the head's pose, some 30 times a second. Nothing is answered."""
        room, identity = self._where()
        message = json.dumps({"controls": controls, "time_s": time_s})
        await room.local_participant.publish_data(
            message, reliable=False, destination_identities=[identity], topic=FACE_TOPIC
        )

    def tools(self) -> list[FunctionTool]:
        """For a language model: ``Agent(instructions=..., tools=avatar.tools())``."""

        @function_tool
        async def show_emotion(emotion: Emotion, intensity: float = 0.7) -> str:
            """Show an emotion on your face while you go on talking.

            Args:
                emotion: neutral ends the one before.
                intensity: 0 to 1; 0.4 is a hint, 0.7 plain to see.
            """
            return await _told(self.show_emotion(emotion, intensity=intensity))

        @function_tool
        async def make_gesture(gesture: Gesture) -> str:
            """Make a gesture with your head or face now, such as a nod."""
            return await _told(self.make_gesture(gesture))

        return [show_emotion, make_gesture]

    async def _call(self, method: str, values: dict[str, Any]) -> None:
        room, identity = self._where()
        payload = json.dumps({name: value for name, value in values.items() if value is not None})
        try:
            await room.local_participant.perform_rpc(
                destination_identity=identity, method=method, payload=payload, response_timeout=RESPONSE_TIMEOUT_S
            )
        except rtc.RpcError as error:
            raise _exception(error) from None


async def _told(act: Any) -> str:
    """A model learns what went wrong; a face that cannot be reached is no reason to break off."""
    try:
        await act
    except VisavisException as error:
        return str(error)
    return "done"


def _exception(error: rtc.RpcError) -> VisavisException:
    try:
        told = json.loads(error.data or "")["error"]
        return VisavisException(told["code"], told["message"], told["hint"])
    except (ValueError, KeyError, TypeError):
        return VisavisException("unreachable", f"The avatar did not answer: {error.message}.")
