"""A wrong URL or token is told apart and told quickly."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta

import pytest
from livekit import api

from support.room_server import RoomServer
from visavis.errors import RoomError
from visavis.room.config import SessionConfig, signalling_url
from visavis.room.preflight import check_room

pytestmark = pytest.mark.room


async def refused(url: str, token: str) -> RoomError:
    with pytest.raises(RoomError) as caught:
        async with asyncio.timeout(10):
            await check_room(url, token)
    assert caught.value.message
    assert caught.value.hint
    assert token not in caught.value.message or not token
    return caught.value


async def test_a_good_token_passes(room_server: RoomServer) -> None:
    await check_room(room_server.url, room_server.token("ada", "preflight"))
    await check_room(room_server.url.replace("ws", "http", 1) + "/", room_server.token("ada", "preflight"))


async def test_nothing_listens_there() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert (await refused(f"ws://127.0.0.1:{port}", "a.b.c")).code == "room_unreachable"


async def test_something_listens_and_says_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert (await refused(f"ws://127.0.0.1:{silent.getsockname()[1]}", "a.b.c")).code == "room_unreachable"


async def test_a_token_of_another_server(room_server: RoomServer) -> None:
    token = (
        api.AccessToken("otherkey", "s" * 40)
        .with_identity("ada")
        .with_ttl(timedelta(minutes=5))
        .with_grants(api.VideoGrants(room_join=True, room="preflight"))
        .to_jwt()
    )
    assert (await refused(room_server.url, token)).code == "token_refused"


async def test_an_expired_token(room_server: RoomServer) -> None:
    assert (await refused(room_server.url, room_server.token("ada", "preflight", ttl_s=-600))).code == "token_refused"


@pytest.mark.parametrize("url", ["", "livekit", "ftp://example.com", "ws://", "ws://host:99999", "ws://user:pw@host"])
def test_what_is_no_room_url(url: str) -> None:
    with pytest.raises(RoomError) as caught:
        signalling_url(url)
    assert caught.value.code == "room_url_invalid"


def test_a_configuration_does_not_show_its_token() -> None:
    config = SessionConfig(session_id="s", agent_id="ada", room_url="ws://x", room_token="secret-token")
    assert "secret-token" not in repr(config)
