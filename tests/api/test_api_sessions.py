"""Sessions over real HTTP in real rooms."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, closing
from dataclasses import fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from api_server import Serve, error_of, serve, until, until_built
from livekit import api
from numpy.typing import NDArray

from support.listener import listening, wait_until
from support.room_server import RoomServer, new_room, running_server
from visavis.room import Stats
from visavis.voice import VoiceHost

pytestmark = pytest.mark.room

ADA = Path(__file__).parents[2] / "src" / "visavis" / "portrait" / "demo" / "ada.png"
SMALL = {"width": 128, "height": 128, "max_bitrate": 200_000}


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
def with_ada(built_data_dir: Path, tmp_path: Path, room_server: RoomServer) -> Serve:
    """Serve a copy of that folder, holding the room server's key; a second call is a restart."""
    data_dir = tmp_path / "data"
    shutil.copytree(built_data_dir, data_dir)
    livekit = {
        "livekit_url": room_server.url,
        "livekit_api_key": room_server.server.api_key,
        "livekit_api_secret": room_server.server.api_secret,
    }
    return lambda **overrides: serve(data_dir, **livekit | overrides)


@pytest.fixture
async def client(with_ada: Serve) -> AsyncIterator[httpx.AsyncClient]:
    async with with_ada() as client:
        yield client


async def join(client: httpx.AsyncClient, server: RoomServer, room: str, **changes: Any) -> httpx.Response:
    body = {"room_url": server.url, "participant_name": "Ada", "video": SMALL} | changes
    if "room_token" not in body:
        body["room_token"] = server.token("ada", room)
    return await client.post("/v1/agents/ada/join-room", json=body)


async def test_an_agent_joins_under_its_name_with_its_picture_and_leaves(
    client: httpx.AsyncClient, room_server: RoomServer
) -> None:
    room = new_room()
    async with listening(room_server.url, room_server.token("ben", room)) as ben:
        response = await join(client, room_server, room)
        joined = response.json()
        assert response.status_code == 200, joined
        assert joined | {"participant_id": "", "session_id": ""} == {
            "success": True, "participant_id": "", "status": "connected", "session_id": "", "warnings": []
        }  # fmt: skip
        (ada,) = ben.room.remote_participants.values()
        assert (ada.sid, ada.identity) == (joined["participant_id"], "ada")
        await wait_until(lambda: ada.name == "Ada", what="the name")
        await wait_until(lambda: ben.frames, what="a picture")

        path = f"/v1/sessions/{joined['session_id']}"
        session = await until(client, path, lambda session: session["stats"] is not None)
        assert (session["state"], session["room_name"], session["participant_name"]) == ("connected", room, "Ada")
        metrics = (await client.get("/metrics")).text
        assert 'visavis_sessions{state="connected"} 1.0' in metrics
        assert f'visavis_session_fps{{agent_id="ada",room="{room}",session_id="{joined["session_id"]}"}}' in metrics
        listed = (await client.get("/v1/sessions", params={"live": True})).json()["sessions"]
        assert [entry["session_id"] for entry in listed] == [joined["session_id"]]

        left = await client.post("/v1/agents/ada/leave-room", json={"session_id": joined["session_id"]})
        assert left.json() == {"success": True, "status": "left"}
        await wait_until(lambda: not ben.room.remote_participants, what="an empty room")
        session = (await client.get(path)).json()
        assert (session["state"], session["reason"]) == ("ended", "left")
        assert session["ended_at"] >= session["connected_at"]
        again = await client.post("/v1/agents/ada/leave-room")
        assert again.json() == {"success": True, "status": "left"}


async def test_a_session_shows_where_it_stands_what_happened_to_it_and_how_it_is_doing(
    client: httpx.AsyncClient, room_server: RoomServer
) -> None:
    room = new_room()
    async with listening(room_server.url, room_server.token("ben", room)):
        session_id = (await join(client, room_server, room)).json()["session_id"]
        path = f"/v1/sessions/{session_id}"
        await client.post(f"{path}/speak", json={"text": "Good evening."})
        session = await until(
            client, path, lambda session: session["stats"] and session["stats"]["segments_played"] == 1
        )
        assert session["connection"]["state"] == "connected"
        history = session["connection"]["history"]
        assert [(entry["state"], entry["reason"]) for entry in history] == [("joining", ""), ("connected", "joined")]
        assert session["connection"]["since"] == history[-1]["at"] > history[0]["at"]
        assert (session["picture"]["rung"], session["picture"]["reason"]) == ("128x128@25", "")
        assert [entry["rung"] for entry in session["picture"]["history"]] == ["128x128@25"]
        stats = session["stats"]
        assert stats.keys() == {"at", *(item.name for item in fields(Stats))}
        assert 0 < stats["latency_p50_ms"] <= stats["latency_p95_ms"]
        assert (stats["segments_interrupted"], stats["rung"]) == (0, "128x128@25")
        assert (session["restarts"], session["crashes"]) == (0, [])

        await client.post(f"{path}/speak", json={"text": "A long sentence, which goes on and on and then on."})
        await until(client, path, lambda session: session["stats"]["speaking"])
        await client.post(f"{path}/interrupt")
        await until(client, path, lambda session: session["stats"]["segments_interrupted"] == 1)
        metrics = (await client.get("/metrics")).text
        for line in (
            'visavis_segments_total{outcome="played"} 1.0',
            'visavis_segments_total{outcome="interrupted"} 1.0',
            'visavis_join_seconds_bucket{le="+Inf"} 1.0',
            'visavis_refusing{reason="strain"} 0.0',
        ):
            assert line in metrics
        measured = re.search(r"^visavis_latency_seconds_sum (.+)$", metrics, re.MULTILINE)
        assert measured and float(measured[1]) > 0

    await client.post("/v1/agents/ada/leave-room")
    session = (await client.get(path)).json()
    assert [entry["state"] for entry in session["connection"]["history"]][-2:] == ["leaving", "ended"]
    assert session["stats"]["segments_played"] == 1
    metrics = (await client.get("/metrics")).text
    assert 'visavis_sessions_ended_total{reason="left",state="ended"} 1.0' in metrics
    assert session_id not in metrics


async def test_every_measurement_is_documented_with_what_it_means(client: httpx.AsyncClient) -> None:
    schemas = (await client.get("/openapi.json")).json()["components"]["schemas"]
    described = schemas["SessionStats"]["properties"]
    assert {item.name for item in fields(Stats)} < described.keys()
    assert all(field["description"] for field in described.values())


async def test_every_metric_on_the_dashboard_exists(client: httpx.AsyncClient, room_server: RoomServer) -> None:
    room = new_room()
    async with listening(room_server.url, room_server.token("ben", room)):
        path = f"/v1/sessions/{(await join(client, room_server, room)).json()['session_id']}"
        await client.post(f"{path}/speak", json={"text": "Hello."})
        await until(client, path, lambda session: session["stats"] and session["stats"]["latency_p50_ms"])
        metrics = (await client.get("/metrics")).text
    known = {name for _, name in re.findall(r"^# (HELP|TYPE) (\S+)", metrics, re.MULTILINE)}
    known |= {f"{name}_{suffix}" for name in known for suffix in ("bucket", "sum", "count")}
    dashboard = json.loads((Path(__file__).parents[2] / "docs" / "grafana.json").read_text())
    shown = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"visavis_\w+", target["expr"])
    }
    assert shown and shown <= known


async def test_it_says_a_text_and_falls_silent_when_told(client: httpx.AsyncClient, room_server: RoomServer) -> None:
    room = new_room()
    async with listening(room_server.url, room_server.token("ben", room)) as ben:
        session_id = (await join(client, room_server, room)).json()["session_id"]
        path = f"/v1/sessions/{session_id}"
        asked_s = time.monotonic()
        text = "A long sentence, which goes on and on, and then goes on, until somebody has heard enough of it."
        said = await client.post(f"{path}/speak", json={"text": text})
        assert (said.status_code, said.json()["status"]) == (202, "speaking")
        await wait_until(lambda: ben.heard_at_s(asked_s), what="the voice")
        interrupted = await client.post(f"{path}/interrupt")
        assert 0 < interrupted.json()["played_s"] < 5
        await asyncio.sleep(0.4)  # what is on its way arrives
        silent_from_s = time.monotonic()
        await asyncio.sleep(0.6)
        assert ben.heard_at_s(silent_from_s) is None

        said = await client.post(f"{path}/speak", json={"text": "Guten Tag.", "language": "de"})
        assert said.status_code == 202
        await wait_until(lambda: ben.heard_at_s(silent_from_s), what="German")
        refused = await client.post(f"{path}/speak", json={"text": "nuqneH", "language": "klingon"})
        assert error_of(refused)["code"] == "voice_language_unknown"


async def test_texts_are_said_one_after_the_other(client: httpx.AsyncClient, room_server: RoomServer) -> None:
    room = new_room()
    session_id = (await join(client, room_server, room)).json()["session_id"]
    path = f"/v1/sessions/{session_id}/speak"
    answers = await asyncio.gather(*(client.post(path, json={"text": f"Number {n}."}) for n in range(3)))
    assert sorted(answer.json()["status"] for answer in answers) == ["queued", "queued", "speaking"]


async def test_without_the_right_to_rename_itself_the_server_names_it(with_ada: Serve, room_server: RoomServer) -> None:
    room = new_room()
    token = room_server.token("ada", room, name="nobody", can_update_own_metadata=False)
    async with listening(room_server.url, room_server.token("ben", room)) as ben, with_ada() as client:
        response = await join(client, room_server, room, room_token=token)
        assert response.json()["warnings"] == []
        await wait_until(lambda: [p.name for p in ben.room.remote_participants.values()] == ["Ada"])


async def test_on_a_foreign_server_a_name_that_cannot_be_set_is_a_warning(
    with_ada: Serve, room_server: RoomServer
) -> None:
    room = new_room()
    token = room_server.token("ada", room, name="nobody", can_update_own_metadata=False)
    async with with_ada(livekit_url=None, livekit_api_key=None, livekit_api_secret=None) as client:
        joined = (await join(client, room_server, room, room_token=token)).json()
        assert [warning["code"] for warning in joined["warnings"]] == ["name_not_set"]
        session = (await client.get(f"/v1/sessions/{joined['session_id']}")).json()
        assert session["participant_name"] == "nobody"


async def test_a_participant_of_that_identity_is_not_thrown_out(
    client: httpx.AsyncClient, room_server: RoomServer
) -> None:
    room = new_room()
    async with listening(room_server.url, room_server.token("ada", room)) as human:
        response = await join(client, room_server, room)
        assert (response.status_code, error_of(response)["code"]) == (409, "identity_in_use")
        assert human.room.isconnected()


async def test_asking_twice_joins_once(client: httpx.AsyncClient, room_server: RoomServer) -> None:
    room = new_room()
    token = room_server.token("ada", room)
    answers = await asyncio.gather(*(join(client, room_server, room, room_token=token) for _ in range(3)))
    assert len({answer.json()["session_id"] for answer in answers}) == 1
    other_token = room_server.token("ada", room, ttl_s=60)
    refused = await join(client, room_server, room, room_token=other_token)
    assert error_of(refused)["code"] == "identity_in_use"


async def test_what_cannot_be_joined_is_said(client: httpx.AsyncClient, room_server: RoomServer) -> None:
    room = new_room()
    good = room_server.token("ada", room)
    foreign = (
        api.AccessToken("elsewhere", "x" * 40)
        .with_identity("ada")
        .with_grants(api.VideoGrants(room_join=True, room=room))
        .to_jwt()
    )
    forged = (
        api.AccessToken(room_server.server.api_key, "x" * 40)
        .with_identity("ada")
        .with_grants(api.VideoGrants(room_join=True, room=room))
        .to_jwt()
    )
    expired = (
        api.AccessToken(room_server.server.api_key, room_server.server.api_secret)
        .with_identity("ada")
        .with_ttl(timedelta(seconds=-300))
        .with_grants(api.VideoGrants(room_join=True, room=room))
        .to_jwt()
    )
    cases = [
        ({"room_token": good, "room_url": "ws://127.0.0.1:1"}, 502, "room_unreachable"),
        ({"room_token": good, "room_url": "wss://no-such-host.invalid"}, 502, "room_unreachable"),
        ({"room_token": good, "room_url": "not a url"}, 400, "room_url_invalid"),
        ({"room_token": good, "room_url": "ftp://127.0.0.1"}, 400, "room_url_invalid"),
        ({"room_token": "gibberish"}, 400, "token_malformed"),
        ({"room_token": foreign}, 403, "token_refused"),
        ({"room_token": forged}, 403, "token_refused"),
        ({"room_token": expired}, 403, "token_expired"),
        ({"room_token": room_server.token("ada", room, room_join=False)}, 403, "token_cannot_join"),
        ({"room_token": room_server.token("ada", room, can_publish=False)}, 403, "token_cannot_publish"),
        ({"room_token": good, "look_ahead_ms": 41}, 422, "invalid_request"),
        ({"room_token": good, "video": {"width": 513}}, 422, "invalid_request"),
        ({"room_token": good, "colour": "red"}, 422, "invalid_request"),
    ]
    for changes, status, code in cases:
        response = await join(client, room_server, room, **changes)
        assert (response.status_code, error_of(response)["code"]) == (status, code), changes
        assert changes.get("room_token", good) not in response.text
    assert await room_server.participants(room) == []


async def test_an_agent_that_is_not_there_or_not_ready_cannot_join(
    client: httpx.AsyncClient, room_server: RoomServer
) -> None:
    body = {"room_url": room_server.url, "room_token": room_server.token("ada", new_room())}
    response = await client.post("/v1/agents/nobody/join-room", json=body)
    assert (response.status_code, error_of(response)["code"]) == (404, "agent_not_found")
    files = {"portrait": ("ada.png", ADA.read_bytes(), "image/png")}
    agent_id = (await client.post("/v1/agents", files=files, data={"name": "New"})).json()["agent_id"]
    response = await client.post(f"/v1/agents/{agent_id}/join-room", json=body)
    assert (response.status_code, error_of(response)["code"]) == (409, "agent_not_ready")


async def test_a_full_machine_says_so_and_when_to_come_back(with_ada: Serve, room_server: RoomServer) -> None:
    async with with_ada(max_sessions=1) as client:
        assert (await join(client, room_server, new_room())).status_code == 200
        response = await join(client, room_server, new_room())
        assert (response.status_code, error_of(response)["code"]) == (503, "machine_full")
        assert int(response.headers["Retry-After"]) > 0
        await client.post("/v1/agents/ada/leave-room")
        assert (await join(client, room_server, new_room())).status_code == 200


async def kill_session(before: set[psutil.Process]) -> None:
    """End the newest session's process without warning."""
    async with asyncio.timeout(30):
        while True:
            new = set(psutil.Process().children(recursive=True)) - before
            workers = [child for child in new if "forkserver" in "".join(child.cmdline()) and child.num_threads() > 4]
            if workers:
                workers[0].kill()
                return
            await asyncio.sleep(0.05)


async def test_a_session_that_dies_comes_back_as_the_same_participant(
    client: httpx.AsyncClient, room_server: RoomServer
) -> None:
    room = new_room()
    before = set(psutil.Process().children(recursive=True))
    async with listening(room_server.url, room_server.token("ben", room)) as ben:
        joined = (await join(client, room_server, room)).json()
        path = f"/v1/sessions/{joined['session_id']}"
        await kill_session(before)
        session = await until(
            client, path, lambda session: session["restarts"] == 1 and session["state"] == "connected"
        )
        assert (session["identity"], session["participant_name"]) == ("ada", "Ada")
        assert session["participant_id"] != joined["participant_id"]
        asked_s = time.monotonic()
        said = await client.post(f"{path}/speak", json={"text": "Here I am again."})
        assert said.status_code == 202
        await wait_until(lambda: ben.heard_at_s(asked_s), what="its voice")


async def test_killed_in_mid_speech_it_says_the_rest_without_being_asked(
    client: httpx.AsyncClient, room_server: RoomServer
) -> None:
    room = new_room()
    before = set(psutil.Process().children(recursive=True))
    async with listening(room_server.url, room_server.token("ben", room)) as ben:
        path = f"/v1/sessions/{(await join(client, room_server, room)).json()['session_id']}"
        asked_s = time.monotonic()
        text = "One and two and three and four and five and six and seven and eight and nine and ten and eleven."
        await client.post(f"{path}/speak", json={"text": text})
        await client.post(f"{path}/speak", json={"text": "This waits for its turn, and is said all the same."})
        await wait_until(lambda: ben.heard_at_s(asked_s), what="its voice")
        await kill_session(before)
        session = await until(client, path, lambda session: session["crashes"])
        while_away = await client.post(f"{path}/speak", json={"text": "And so is this."})
        assert while_away.json()["status"] in ("queued", "speaking")
        session = await until(client, path, lambda session: session["state"] == "connected")
        back_s = time.monotonic()
        await wait_until(lambda: ben.heard_at_s(back_s), what="the rest")
        assert [p.identity for p in ben.room.remote_participants.values()] == ["ada"]
        (crash,) = session["crashes"]
        assert (crash["exit"], crash["outcome"], session["restarts"]) == ("SIGKILL", "restarted", 1)
        assert crash["back_after_s"] > 0
        states = [(entry["state"], entry["reason"]) for entry in session["connection"]["history"]]
        assert states[-2:] == [("reconnecting", "crashed"), ("connected", "restarted")]
        # The rest of the first text, the one that waited, the one that came meanwhile.
        await until(client, path, lambda session: session["stats"]["segments_played"] == 3)
        metrics = (await client.get("/metrics")).text
        assert "visavis_crashes_total 1.0" in metrics
        assert "visavis_comeback_seconds_count 1.0" in metrics


async def test_a_database_that_hangs_does_not_hold_up_a_session(
    with_ada: Serve, room_server: RoomServer, tmp_path: Path
) -> None:
    room = new_room()
    before = set(psutil.Process().children(recursive=True))
    async with with_ada() as client:
        session_id = (await join(client, room_server, room)).json()["session_id"]
        path = f"/v1/sessions/{session_id}"
        database = tmp_path / "data" / "visavis.db"
        with closing(sqlite3.connect(database, isolation_level=None, check_same_thread=False)) as other:
            # Not on this loop: what visavis is writing right now must be able to finish.
            await asyncio.to_thread(other.execute, "BEGIN EXCLUSIVE")
            await kill_session(before)
            session = await until(client, path, lambda session: session["crashes"] and session["state"] == "connected")
            assert session["crashes"][0]["outcome"] == "restarted"
            other.execute("ROLLBACK")
        await client.post("/v1/agents/ada/leave-room")
    with closing(sqlite3.connect(database)) as stored:
        (row,) = stored.execute(
            "SELECT state, reason, restarts, crashes FROM sessions WHERE session_id = ?", [session_id]
        )
    assert row[:3] == ("ended", "left", 1)
    assert json.loads(row[3])[0]["exit"] == "SIGKILL"


async def test_what_was_interrupted_while_its_process_was_dead_is_not_said(
    client: httpx.AsyncClient, room_server: RoomServer
) -> None:
    room = new_room()
    before = set(psutil.Process().children(recursive=True))
    async with listening(room_server.url, room_server.token("ben", room)) as ben:
        path = f"/v1/sessions/{(await join(client, room_server, room)).json()['session_id']}"
        asked_s = time.monotonic()
        await client.post(f"{path}/speak", json={"text": "One and two and three and four and five and six and seven."})
        await wait_until(lambda: ben.heard_at_s(asked_s), what="its voice")
        await kill_session(before)
        await until(client, path, lambda session: session["crashes"])
        assert (await client.post(f"{path}/interrupt")).status_code == 200
        await until(client, path, lambda session: session["state"] == "connected")
        silent_from_s = time.monotonic()
        await asyncio.sleep(1.5)
        assert ben.heard_at_s(silent_from_s) is None


async def test_a_session_comes_back_once_its_server_answers_again(
    with_ada: Serve, livekit_program: Path, tmp_path: Path
) -> None:
    with running_server(livekit_program, tmp_path / "server.log") as own_server:
        key = {"livekit_api_key": own_server.server.api_key, "livekit_api_secret": own_server.server.api_secret}
        async with with_ada(livekit_url=own_server.url, **key) as client:
            before = set(psutil.Process().children(recursive=True))
            room = new_room()
            path = f"/v1/sessions/{(await join(client, own_server, room)).json()['session_id']}"
            await own_server.kill()
            await kill_session(before)
            session = await until(client, path, lambda session: session["state"] == "connected")
            assert session["restarts"] == 1
            assert await own_server.participants(room) == ["ada"]


async def test_a_session_told_to_leave_while_its_process_is_dead_leaves(
    client: httpx.AsyncClient, room_server: RoomServer
) -> None:
    room = new_room()
    before = set(psutil.Process().children(recursive=True))
    path = f"/v1/sessions/{(await join(client, room_server, room)).json()['session_id']}"
    await kill_session(before)
    await until(client, path, lambda session: session["crashes"])
    assert (await client.post("/v1/agents/ada/leave-room")).status_code == 200
    session = (await client.get(path)).json()
    assert (session["state"], session["reason"]) == ("ended", "left")
    assert await room_server.participants(room) == []


async def test_a_crashed_session_returns_with_the_token_the_server_has_refreshed(
    client: httpx.AsyncClient, room_server: RoomServer
) -> None:
    room = new_room()
    before = set(psutil.Process().children(recursive=True))
    async with listening(room_server.url, room_server.token("ben", room)):
        made_s = time.monotonic()
        # It has expired already; servers forgive a minute between clocks.
        token = room_server.token("ada", room, ttl_s=-45)
        path = f"/v1/sessions/{(await join(client, room_server, room, room_token=token)).json()['session_id']}"
        async with room_server.api() as server:
            # Whoever is in the room gets a new token when what it says has changed.
            await server.room.update_participant(
                api.UpdateParticipantRequest(room=room, identity="ada", metadata="something new")
            )
        await asyncio.sleep(made_s + 17 - time.monotonic())
        refused = await join(client, room_server, new_room(), room_token=token)
        assert error_of(refused)["code"] == "token_expired"
        await kill_session(before)
        session = await until(client, path, lambda session: session["crashes"] and session["state"] != "reconnecting")
        assert (session["state"], session["restarts"]) == ("connected", 1)
        assert token not in json.dumps(session)


def sounding_s(pieces: Iterable[NDArray[np.int16]], sample_rate_hz: int) -> float:
    """How long it is loud enough to be speech, pauses left out."""
    pcm = np.concatenate([np.zeros(0, np.int16), *pieces])
    step = sample_rate_hz // 50
    frames = pcm[: len(pcm) // step * step].reshape(-1, step).astype(np.float64)
    return float((np.sqrt((frames**2).mean(axis=1)) > 300).sum()) / 50


async def test_an_agent_is_in_four_rooms_at_once_and_each_hears_its_own_text(
    with_ada: Serve, room_server: RoomServer
) -> None:
    sentence = "Kim, kommst du bitte in den vierten Stock? "
    texts = ("Ja.", sentence, 3 * sentence, 8 * sentence)  # so different in length that a busy machine mixes up none
    async with VoiceHost() as voices:
        wanted_s = []
        for text in texts:
            chunks = [chunk async for chunk in voices.speak(text, language="de", voice=None)]
            wanted_s.append(sounding_s([chunk.pcm for chunk in chunks], chunks[0].sample_rate_hz))
    rooms = [new_room() for _ in texts]
    async with AsyncExitStack() as stack, with_ada(max_sessions=4) as client:
        listeners = [
            await stack.enter_async_context(listening(room_server.url, room_server.token("ben", room)))
            for room in rooms
        ]
        joins = await asyncio.gather(*(join(client, room_server, room) for room in rooms))
        paths = [f"/v1/sessions/{answer.json()['session_id']}" for answer in joins]
        assert len(set(paths)) == 4
        assert (await join(client, room_server, new_room())).json()["error"]["code"] == "machine_full"
        assert (await client.get("/readyz")).json()["status"] == "full"

        async def speak(number: int) -> str:
            body = {"text": texts[number], "language": "de"}
            return str((await client.post(f"{paths[number]}/speak", json=body)).json()["status"])

        asked_s = time.monotonic()
        assert await speak(0) == "speaking"
        await wait_until(lambda: listeners[0].heard_at_s(asked_s), what="the first room's text")
        await until(client, paths[0], lambda session: session["stats"]["segments_played"] == 1)
        assert not any(listener.heard_at_s(asked_s) for listener in listeners[1:])

        before = [len(listener.sound) for listener in listeners]
        assert await asyncio.gather(*(speak(number) for number in range(4))) == ["speaking"] * 4
        for number, path in enumerate(paths):
            played = 2 if number == 0 else 1
            await until(client, path, lambda session, n=played: session["stats"]["segments_played"] == n)
        await asyncio.sleep(0.5)  # what is on its way arrives
        for number, listener in enumerate(listeners):
            heard_s = sounding_s([pcm for _, pcm in listener.sound[before[number] :]], 48_000)
            factors = [max(heard_s, 0.01) / each_s for each_s in wanted_s]
            assert np.argmin(np.abs(np.log(factors))) == number, (heard_s, wanted_s)

        # One is interrupted and leaves: the others do not notice.
        await asyncio.gather(speak(2), speak(3))
        await client.post(f"{paths[2]}/interrupt")
        await client.post("/v1/agents/ada/leave-room", json={"session_id": paths[2].rpartition("/")[2]})
        left_s = time.monotonic()
        await wait_until(lambda: listeners[3].heard_at_s(left_s), what="the other's voice")
        session = await until(client, paths[3], lambda session: session["stats"]["segments_played"] == 2)
        assert (session["state"], session["stats"]["segments_interrupted"]) == ("connected", 0)
        assert [(await client.get(path)).json()["state"] for path in paths] == ["connected"] * 2 + [
            "ended",
            "connected",
        ]


async def test_a_session_that_dies_again_and_again_is_given_up_and_leaves_no_participant(
    client: httpx.AsyncClient, room_server: RoomServer
) -> None:
    room = new_room()
    before = set(psutil.Process().children(recursive=True))
    session_id = (await join(client, room_server, room)).json()["session_id"]
    path = f"/v1/sessions/{session_id}"
    for restarts in range(1, 3):
        await kill_session(before)
        await until(
            client, path, lambda session, n=restarts: session["restarts"] == n and session["state"] == "connected"
        )
    await kill_session(before)
    session = await until(client, path, lambda session: session["state"] == "failed")
    assert (session["reason"], session["restarts"]) == ("crashed", 2)
    assert await room_server.participants(room) == []
    response = await client.post(f"{path}/speak", json={"text": "Hello?"})
    assert (response.status_code, error_of(response)["code"]) == (409, "session_ended")


async def test_deleting_an_agent_ends_its_sessions(client: httpx.AsyncClient, room_server: RoomServer) -> None:
    room = new_room()
    session_id = (await join(client, room_server, room)).json()["session_id"]
    assert (await client.delete("/v1/agents/ada")).status_code == 200
    assert await room_server.participants(room) == []
    assert (await client.get(f"/v1/sessions/{session_id}")).json()["state"] == "ended"


async def test_stopping_visavis_ends_its_sessions_and_remembers_them(with_ada: Serve, room_server: RoomServer) -> None:
    room = new_room()
    async with with_ada() as client:
        session_id = (await join(client, room_server, room)).json()["session_id"]
    assert await room_server.participants(room) == []
    async with with_ada() as client:
        session = (await client.get(f"/v1/sessions/{session_id}")).json()
        assert (session["state"], session["reason"]) == ("ended", "server_stopped")


async def test_unknown_sessions_are_not_found(client: httpx.AsyncClient) -> None:
    for response in (
        await client.get("/v1/sessions/ses_0"),
        await client.post("/v1/sessions/ses_0/speak", json={"text": "Hello"}),
        await client.post("/v1/sessions/ses_0/interrupt"),
        await client.post("/v1/agents/ada/leave-room", json={"session_id": "ses_0"}),
    ):
        assert (response.status_code, error_of(response)["code"]) == (404, "session_not_found")
