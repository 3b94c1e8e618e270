"""Others in the room move the avatar's face: those who may, and nobody else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from livekit import rtc

from support.listener import listening, wait_until
from support.room_server import RoomServer
from visavis.face import ARKIT_CONTROLS, INDEX
from visavis.room import VideoConfig
from visavis.room.connection import PUBLISH_ON_BEHALF
from visavis.room.direction import EMOTION, FACE, GESTURE, REFUSED

pytestmark = pytest.mark.room


def control(agent: Any, name: str) -> float:
    return float(agent.session._performer.face[INDEX[name]])


async def tell(room: rtc.Room, topic: str, message: Any, *, reliable: bool = True) -> None:
    data = message if isinstance(message, str | bytes) else json.dumps(message)
    await room.local_participant.publish_data(data, reliable=reliable, topic=topic)


async def call(room: rtc.Room, method: str, message: Any) -> str:
    return await room.local_participant.perform_rpc(
        destination_identity="ada", method=method, payload=json.dumps(message), response_timeout=5
    )


@pytest.fixture
def stage(room_server: RoomServer, agent_in_room: Any, small_video: VideoConfig) -> Callable[..., Any]:
    """An agent that ``ben`` may direct, and a participant of another identity beside it."""

    @asynccontextmanager
    async def enter(identity: str, **options: Any) -> AsyncIterator[tuple[Any, rtc.Room]]:
        token_options = options.pop("token_options", {})
        async with (
            agent_in_room(video=small_video, **({"controllers": ("ben",)} | options)) as agent,
            listening(room_server.url, room_server.token(identity, agent.room, **token_options)) as other,
        ):
            await wait_until(lambda: "ada" in other.room.remote_participants, what="ada")
            # the server tells ada of the other up to three seconds later
            known = agent.session._agent_stream._room.remote_participants
            await wait_until(lambda: identity in known, what=f"{identity} to be known")
            yield agent, other.room

    return enter


async def test_a_controller_drives_the_face_with_data_messages(stage: Any) -> None:
    async with stage("ben") as (agent, ben):
        for tick in range(40):
            controls = dict.fromkeys(ARKIT_CONTROLS, 0.0) | {"mouthSmileLeft": 0.8, "headYaw": 4.0}
            await tell(ben, FACE, {"controls": controls, "time_s": tick / 30}, reliable=False)
            await asyncio.sleep(1 / 30)
        assert control(agent, "mouthSmileLeft") == pytest.approx(0.8, abs=0.05)
        assert control(agent, "headYaw") == pytest.approx(4.0, abs=0.3)
        await wait_until(lambda: control(agent, "mouthSmileLeft") < 0.3, timeout_s=5, what="the face let go")


async def test_emotions_and_gestures_come_as_data_messages_and_as_calls(stage: Any) -> None:
    async with stage("ben") as (agent, ben):
        await tell(ben, EMOTION, {"emotion": "surprised", "intensity": 1.0})
        await wait_until(lambda: control(agent, "eyeWideLeft") > 0.6, what="surprise")
        assert await call(ben, EMOTION, {"emotion": "happy"}) == "ok"
        await wait_until(lambda: control(agent, "cheekSquintLeft") > 0.3, what="happiness")
        assert await call(ben, GESTURE, {"gesture": "raise_brows"}) == "ok"
        await wait_until(lambda: control(agent, "browOuterUpLeft") > 0.6, what="raised brows")
        await tell(ben, GESTURE, {"gesture": "wink"})
        await wait_until(
            lambda: max(control(agent, "eyeBlinkLeft"), control(agent, "eyeBlinkRight")) > 0.9, what="a wink"
        )


async def test_a_call_that_cannot_be_followed_is_answered_with_what_is_wrong(stage: Any) -> None:
    async with stage("ben") as (_, ben):
        for method, message, code in (
            (EMOTION, {"emotion": "hapy"}, "emotion_unknown"),
            (GESTURE, {"gesture": "nod", "intensity": 7}, "act_invalid"),
            (GESTURE, ["nod"], "message_invalid"),
        ):
            with pytest.raises(rtc.RpcError) as caught:
                await call(ben, method, message)
            assert caught.value.code == REFUSED
            error = json.loads(caught.value.data or "")["error"]
            assert error["code"] == code
            assert error["hint"]


async def test_nobody_else_may(stage: Any) -> None:
    async with stage("eve") as (agent, eve):
        with pytest.raises(rtc.RpcError) as caught:
            await call(eve, EMOTION, {"emotion": "angry"})
        assert json.loads(caught.value.data or "")["error"]["code"] == "not_allowed"
        await tell(eve, EMOTION, {"emotion": "angry", "intensity": 1.0})
        for _ in range(20):
            await tell(eve, FACE, {"controls": {"mouthFrownLeft": 1.0}})
        await asyncio.sleep(1.0)
        assert control(agent, "mouthFrownLeft") == 0
        assert control(agent, "browDownLeft") == 0


@pytest.mark.parametrize(
    ("identity", "options"),
    [
        ("kim", {"listen_to": "kim"}),
        ("bot", {"grants": {"attributes": {PUBLISH_ON_BEHALF: "bot"}}, "token_options": {"kind": "agent"}}),
    ],
    ids=["whom it listens to", "the agent that speaks through it"],
)
async def test_who_drives_the_lips_may_move_the_face(stage: Any, identity: str, options: dict[str, Any]) -> None:
    async with stage(identity, controllers=(), **options) as (agent, other):
        assert await call(other, EMOTION, {"emotion": "sad", "intensity": 1.0}) == "ok"
        await wait_until(lambda: control(agent, "mouthFrownLeft") > 0.5, what="sadness")


async def test_rubbish_and_floods_do_no_harm(stage: Any) -> None:
    async with stage("ben") as (agent, ben):
        deep = "[" * 6000
        for message in (b"\xff\xfe", "null", "[]", deep, '{"controls": {"jawOpen": 1e999}}', '{"controls": {"x": 1}}'):
            await tell(ben, FACE, message)
        for _ in range(2000):
            await tell(ben, FACE, {"controls": {"cheekPuff": 1.0}}, reliable=False)
        await asyncio.sleep(1.2)
        assert await call(ben, EMOTION, {"emotion": "happy", "intensity": 1.0}) == "ok"
        await wait_until(lambda: control(agent, "cheekSquintLeft") > 0.4, what="happiness")
