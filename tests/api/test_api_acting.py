"""Emotions, gestures and faces over HTTP and over a stream, by what is to be seen."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from api_server import API_KEY, Serve, error_of, serve, until_built

from support.listener import listening, mouth_box, wait_until
from support.room_server import RoomServer, new_room
from support.stream_client import StreamClient, streaming
from visavis.avatar import Avatar

pytestmark = pytest.mark.room


@pytest.fixture(scope="module")
def built_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder in which the agent ada is ready."""
    data_dir = tmp_path_factory.mktemp("visavis") / "data"

    async def build() -> None:
        async with serve(data_dir, demo_agents=True) as client:
            assert (await until_built(client, "ada"))["status"] == "ready"

    asyncio.run(build())
    return data_dir


@pytest.fixture
def with_ada(built_data_dir: Path, tmp_path: Path) -> Serve:
    data_dir = tmp_path / "data"
    shutil.copytree(built_data_dir, data_dir)
    return lambda **overrides: serve(data_dir, **overrides)


@pytest.fixture
async def client(with_ada: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with with_ada() as client:
        yield client


async def join(client: httpx.AsyncClient, server: RoomServer, room: str, **changes: Any) -> str:
    body = {"room_url": server.url, "room_token": server.token("ada", room)} | changes
    response = await client.post("/v1/agents/ada/join-room", json=body)
    assert response.status_code == 200, response.text
    return str(response.json()["session_id"])


async def test_a_session_shows_emotions_makes_gestures_and_takes_faces(
    client: httpx.AsyncClient, room_server: RoomServer, ada_avatar: Avatar
) -> None:
    room = new_room()
    x0, y0, x1, y1 = mouth_box(ada_avatar)

    async with listening(room_server.url, room_server.token("ben", room)) as ben:
        session_id = await join(client, room_server, room, idle_style="still", controllers=["ben"])
        path = f"/v1/sessions/{session_id}"
        options = (await client.get(path)).json()["options"]
        assert (options["idle_style"], options["controllers"]) == ("still", ["ben"])

        def mouth() -> float:
            return float(ben.frames[-1].luma[y0:y1, x0:x1].mean())

        await wait_until(lambda: len(ben.frames) > 10 and ben.frames[-1].luma.shape == (512, 512), what="frames")
        closed = mouth()
        answer = await client.post(f"{path}/face", json={"controls": {"jawOpen": 0.9}, "hold_s": 2})
        assert answer.json() == {"success": True, "session_id": session_id}
        await wait_until(lambda: mouth() < closed - 8, what="an open mouth")
        await wait_until(lambda: abs(mouth() - closed) < 3, what="a closed mouth")

        for route, body in (("emotion", {"emotion": "happy", "duration_s": 1}), ("gesture", {"gesture": "laugh"})):
            answer = await client.post(f"{path}/{route}", json=body)
            assert (answer.status_code, answer.json()["success"]) == (200, True)
        await wait_until(lambda: mouth() < closed - 3, what="a laugh")

        for route, body, code in (
            ("emotion", {"emotion": "hapy"}, "emotion_unknown"),
            ("emotion", {"emotion": "happy", "intensity": 2}, "act_invalid"),
            ("gesture", {"gesture": "dance"}, "gesture_unknown"),
            ("face", {"controls": {"jawopen": 1}}, "control_unknown"),
            ("speak", {"text": "Hello [happpy] there"}, "markup_unknown"),
            ("emotion", {"mood": "happy"}, "invalid_request"),
        ):
            answer = await client.post(f"{path}/{route}", json=body)
            error = error_of(answer)
            assert (answer.status_code, error["code"]) == (422, code)
            assert error["hint"]

        spoken = await client.post(f"{path}/speak", json={"text": "[happy] Good to see you! [nod] Well."})
        assert spoken.status_code == 202
        await wait_until(lambda: ben.heard_at_s(0.0), what="the voice")
        acted = await client.post(f"{path}/speak", json={"text": "[laugh]"})
        assert acted.status_code == 202

        await client.post("/v1/agents/ada/leave-room")
        late = await client.post(f"{path}/gesture", json={"gesture": "nod"})
        assert (late.status_code, error_of(late)["code"]) == (409, "session_ended")
    nobody = await client.post("/v1/sessions/ses_0/gesture", json={"gesture": "nod"})
    assert nobody.status_code == 404


class Mouth:
    """How bright the mouth is in each picture of a stream; each is decoded once."""

    def __init__(self, stream: StreamClient, avatar: Avatar) -> None:
        self._stream = stream
        self._box = mouth_box(avatar)
        self._levels: list[float] = []

    @property
    def levels(self) -> list[float]:
        x0, y0, x1, y1 = self._box
        for picture in self._stream.pictures[len(self._levels) :]:
            self._levels.append(float(picture.image[y0:y1, x0:x1].mean()))
        return self._levels

    async def until_some(self, holds: Callable[[float], bool], *, what: str) -> None:
        """Return once a picture from now on shows it, however soon it is over."""
        seen = len(self.levels)
        await self._stream.until(lambda: any(map(holds, self.levels[seen:])), what=what)

    async def until_last(self, holds: Callable[[float], bool], *, what: str) -> None:
        """Return once the newest picture shows it."""
        await self._stream.until(lambda: holds(self.levels[-1]), what=what)


async def test_a_stream_is_driven_and_acts(client: httpx.AsyncClient, ada_avatar: Avatar) -> None:
    async with streaming(client.base_url, API_KEY, hello={"idle_style": "still"}) as stream:
        mouth = Mouth(stream, ada_avatar)
        await stream.until(lambda: len(stream.pictures) > 5, what="pictures")
        closed = mouth.levels[-1]
        for tick in range(30):
            await stream.say({"type": "face", "controls": {"jawOpen": min(tick / 10, 0.9)}, "time_s": tick / 30})
        await mouth.until_some(lambda level: level < closed - 8, what="an open mouth")
        await mouth.until_last(lambda level: abs(level - closed) < 3, what="a closed mouth")

        await stream.say({"type": "emotion", "emotion": "happy", "intensity": 1})
        await mouth.until_some(lambda level: abs(level - closed) > 4, what="a smile")
        await stream.say({"type": "emotion", "emotion": "neutral"})
        await mouth.until_last(lambda level: abs(level - closed) < 3, what="closed lips")

        await stream.say({"type": "gesture", "gesture": "dance"})
        (told,) = await stream.until_event("error")
        assert (told["error"]["code"], told["fatal"]) == ("gesture_unknown", False)

        await stream.say({"type": "listening", "listening": True})
        await stream.push(np.zeros(24_000, np.int16), segment=1)
        await stream.say({"type": "gesture", "gesture": "laugh", "queued": True})
        await stream.push(np.zeros(48_000, np.int16), segment=1, end=True)
        await mouth.until_some(lambda level: abs(level - closed) > 4, what="a laugh")
        assert stream.events("playback_started")
        await stream.say({"type": "speak", "text": "Hello [hapy] you"})
        await stream.until(lambda: len(stream.events("error")) == 2, what="a refusal of the markup")
        await stream.say({"type": "speak", "text": "[happy] Hello [nod] you.", "segment": 5})
        await stream.until_event("playback_finished", 2)
        assert not stream.closed.is_set()
