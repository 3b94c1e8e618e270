"""bitHuman's dialect over real HTTP, in real rooms: every encoding that its clients send."""

from __future__ import annotations

import base64
import http.server
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import API_KEY, Serve, error_of, serve

from support.room_server import RoomServer, new_room

pytestmark = pytest.mark.room

DEMO = Path(__file__).parents[2] / "src" / "visavis" / "portrait" / "demo"
PHOTO = (DEMO / "ada.png").read_bytes()
START = "/v1/runtime-tokens/request"


@pytest.fixture
def picture_server() -> Iterator[str]:
    """Pictures on this machine: exactly where a server must not be sent by strangers."""

    class Pictures(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/elsewhere":
                self.send_response(302)
                self.send_header("Location", "http://169.254.169.254/latest/meta-data/")
                self.end_headers()
                return
            self.send_response(200 if self.path == "/ada.png" else 404)
            self.end_headers()
            if self.path == "/ada.png":
                self.wfile.write(PHOTO)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
async def client(tmp_path: Path, room_server: RoomServer) -> AsyncIterator[httpx.AsyncClient]:
    """A client that knows only bitHuman's header."""
    async with served(tmp_path, room_server) as client:
        client.headers.pop("Authorization")
        client.headers["api-secret"] = API_KEY
        yield client


def served(tmp_path: Path, room_server: RoomServer, **overrides: Any) -> Any:
    livekit = {
        "livekit_url": room_server.url,
        "livekit_api_key": room_server.server.api_key,
        "livekit_api_secret": room_server.server.api_secret,
    }
    start: Serve = lambda **values: serve(tmp_path / "data", **values)  # noqa: E731
    return start(**livekit | overrides)


def order(room_server: RoomServer, room: str, **fields: Any) -> dict[str, Any]:
    token = room_server.token(
        "bithuman-avatar-agent", room, kind="agent", attributes={"lk.publish_on_behalf": "the-agent"}
    )
    return {"livekit_url": room_server.url, "livekit_token": token, "room_name": room} | fields


async def test_every_encoding_starts_the_avatar_of_one_portrait_once(
    client: httpx.AsyncClient, room_server: RoomServer
) -> None:
    rooms = [new_room() for _ in range(3)]
    as_json = await client.post(
        START, json=order(room_server, rooms[0], mode="gpu", image=base64.b64encode(PHOTO).decode())
    )
    assert as_json.status_code == 200, as_json.text
    assert as_json.json()["avatar_session_started"] is True
    assert await room_server.participants(rooms[0]) == ["bithuman-avatar-agent"]

    bearer = {"Authorization": f"Bearer {API_KEY}"}
    as_multipart = await client.post(
        START,
        data=order(room_server, rooms[1], model="expression", async_mode="true"),
        files={"avatar_image": ("avatar.jpg", PHOTO, "image/jpeg")},
        headers=bearer,
    )
    assert as_multipart.status_code == 200, as_multipart.text
    assert as_multipart.json()["agent_id"] == as_json.json()["agent_id"]

    urlencoded = await client.post(
        START, data=order(room_server, rooms[2], avatar_id=as_json.json()["agent_id"]), headers=bearer
    )
    assert urlencoded.status_code == 200, urlencoded.text
    assert await room_server.participants(rooms[2]) == ["bithuman-avatar-agent"]
    assert len((await client.get("/v1/agents")).json()["agents"]) == 1


async def test_a_blind_retry_finds_the_session_there_is(client: httpx.AsyncClient, room_server: RoomServer) -> None:
    body = order(room_server, new_room(), image=base64.b64encode(PHOTO).decode())
    first, second = [(await client.post(START, json=body)).json()["session_id"] for _ in range(2)]
    assert first == second


async def test_a_session_is_watched_and_ended(client: httpx.AsyncClient, room_server: RoomServer) -> None:
    room = new_room()
    body = order(room_server, room, image=base64.b64encode(PHOTO).decode())
    started = (await client.post(START, json=body)).json()
    path = f"/v1/runtime-sessions/{started['session_id']}"
    assert (await client.get(path)).json()["status"] == "active"
    rooms = (await client.get(f"/v1/agent/{started['agent_id']}/sessions")).json()["sessions"]
    assert [entry["room_id"] for entry in rooms] == [room]
    said = await client.post(f"/v1/agent/{started['agent_id']}/speak", json={"message": "Hello."})
    assert said.json()["delivered_to_rooms"] == 1
    ended = (await client.post(f"{path}/end")).json()
    assert (ended["status"], ended["ended"]) == ("ended", True)
    assert await room_server.participants(room) == []


async def test_what_cannot_be_started_is_said_and_is_no_success(
    client: httpx.AsyncClient, room_server: RoomServer, picture_server: str
) -> None:
    room = new_room()
    letter = base64.b64encode(b"this is a letter").decode()
    cases = [
        (order(room_server, room), 422, "invalid_request"),
        ({"image": letter}, 422, "invalid_request"),
        (order(room_server, room, agent_id="nobody"), 404, "agent_not_found"),
        (order(room_server, room, image="&&&"), 422, "portrait_unreadable"),
        (order(room_server, room, image=letter), 422, "photo_unreadable"),
        (order(room_server, room, image=f"{picture_server}/ada.png"), 422, "portrait_url_refused"),
        (order(room_server, room, image="http://localhost:80/"), 422, "portrait_url_refused"),
        (order(room_server, room, image="http://[::1]/"), 422, "portrait_url_refused"),
        (order(room_server, room, image="http://[::ffff:127.0.0.1]/"), 422, "portrait_url_refused"),
        (order(room_server, room, image="http://169.254.169.254/latest"), 422, "portrait_url_refused"),
        (order(room_server, room, image="http://127.1/"), 422, "portrait_url_refused"),
        (order(room_server, room, image="http://2130706433/"), 422, "portrait_url_refused"),
        (order(room_server, room, image="http://0x7f000001/"), 422, "portrait_url_refused"),
    ]
    for body, status, code in cases:
        response = await client.post(START, json=body)
        assert (response.status_code, error_of(response)["code"]) == (status, code), body.get("image")
    assert await room_server.participants(room) == []
    client.headers["api-secret"] = "wrong"
    assert (await client.post(START, json=order(room_server, room))).status_code == 401


async def test_an_allowed_host_is_fetched_and_its_redirects_are_not_followed_elsewhere(
    tmp_path: Path, room_server: RoomServer, picture_server: str
) -> None:
    async with served(tmp_path, room_server, portrait_hosts=("127.0.0.1",)) as client:
        room = new_room()
        started = await client.post(START, json=order(room_server, room, image=f"{picture_server}/ada.png"))
        assert started.status_code == 200, started.text
        for path, code in (("/elsewhere", "portrait_url_refused"), ("/missing", "portrait_unreachable")):
            response = await client.post(START, json=order(room_server, new_room(), image=picture_server + path))
            assert (response.status_code, error_of(response)["code"]) == (422, code)
