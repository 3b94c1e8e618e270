"""A serving visavis that is stopped, drained, or killed: what becomes of its sessions."""

from __future__ import annotations

import signal

import psutil
import pytest
from cli_program import Start

from support.listener import listening, wait_until
from support.room_server import RoomServer, new_room

pytestmark = pytest.mark.room


async def test_killed_its_sessions_leave_by_themselves_and_the_next_one_knows_them(
    start: Start, room_server: RoomServer
) -> None:
    room = new_room()
    first = start()
    async with listening(room_server.url, room_server.token("ben", room)) as ben:
        session_id = (await first.join(room)).json()["session_id"]
        await wait_until(lambda: ben.frames, what="a picture")
        children = first.children()
        first.process.kill()
        await wait_until(lambda: not ben.room.remote_participants, what="an empty room")
        _, alive = psutil.wait_procs(children, timeout=15)
        assert not alive
    second = start()
    session = await second.session(session_id)
    assert (session["state"], session["reason"]) == ("lost", "server_died")
    assert session["connection"]["history"][-1]["state"] == "lost"
    assert session["ended_at"] is not None
    assert (await second.join(room)).status_code == 200


async def test_a_participant_that_died_with_its_visavis_is_removed_by_the_next_one(
    start: Start, room_server: RoomServer
) -> None:
    room = new_room()
    first = start()
    await first.join(room)
    session = first.session_process()
    session.suspend()
    first.process.kill()
    session.kill()
    assert await room_server.participants(room) == ["ada"]
    start()
    assert await room_server.participants(room) == []


async def test_who_has_taken_the_place_of_a_dead_participant_is_left_there(
    start: Start, room_server: RoomServer
) -> None:
    room = new_room()
    first = start()
    await first.join(room)
    session = first.session_process()
    session.suspend()
    first.process.kill()
    async with listening(room_server.url, room_server.token("ada", room)) as human:
        session.kill()
        second = start()
        assert "sessions were running when a visavis died" in second.log
        assert human.room.isconnected()
        assert await room_server.participants(room) == ["ada"]


async def test_two_on_one_database_leave_each_other_alone(start: Start, room_server: RoomServer) -> None:
    room = new_room()
    first = start()
    session_id = (await first.join(room)).json()["session_id"]
    second = start()
    assert (await second.session(session_id))["state"] == "connected"
    for answer in (
        await second.client.post(f"/v1/sessions/{session_id}/speak", json={"text": "Hello."}),
        await second.client.post("/v1/agents/ada/leave-room", json={"session_id": session_id}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "session_elsewhere")
    assert (await second.join(room)).json()["error"]["code"] == "identity_in_use"
    assert await room_server.participants(room) == ["ada"]

    first.process.kill()
    path = f"/v1/sessions/{session_id}"
    session = await second.until(path, lambda session: session["state"] != "connected")
    assert (session["state"], session["reason"]) == ("lost", "server_died")


async def test_a_second_one_that_stops_ends_nothing_of_the_first(start: Start, room_server: RoomServer) -> None:
    room = new_room()
    first, second = start(), start()
    session_id = (await first.join(room)).json()["session_id"]
    second.process.send_signal(signal.SIGTERM)
    assert await second.exited() == 0
    assert (await first.session(session_id))["state"] == "connected"
    assert await room_server.participants(room) == ["ada"]


async def test_sigterm_drains_no_new_sessions_and_running_ones_may_finish(
    start: Start, room_server: RoomServer
) -> None:
    room = new_room()
    program = start("--drain", "60")
    session_id = (await program.join(room)).json()["session_id"]
    program.process.send_signal(signal.SIGTERM)
    await program.until("/readyz", lambda ready: ready["status"] == "stopping")
    ready = await program.client.get("/readyz")
    assert (ready.status_code, ready.json()["sessions"]["refusal"]) == (503, "stopping")
    refused = await program.join()
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "stopping")
    assert int(refused.headers["Retry-After"]) > 0
    said = await program.client.post(f"/v1/sessions/{session_id}/speak", json={"text": "I may finish."})
    assert said.status_code == 202
    assert await room_server.participants(room) == ["ada"]

    await program.client.post("/v1/agents/ada/leave-room")
    assert await program.exited() == 0


async def test_what_has_not_finished_when_the_drain_is_over_leaves(start: Start, room_server: RoomServer) -> None:
    room = new_room()
    program = start("--drain", "1")
    session_id = (await program.join(room)).json()["session_id"]
    program.process.send_signal(signal.SIGTERM)
    assert await program.exited() == 0
    assert await room_server.participants(room) == []
    session = await start().session(session_id)
    assert (session["state"], session["reason"]) == ("ended", "server_stopped")


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_cuts_the_drain_short(
    start: Start, room_server: RoomServer, second: signal.Signals
) -> None:
    room = new_room()
    program = start("--drain", "3600")
    await program.join(room)
    program.process.send_signal(signal.SIGTERM)
    await program.until("/readyz", lambda ready: ready["status"] == "stopping")
    program.process.send_signal(second)
    assert await program.exited() == 0
    assert await room_server.participants(room) == []


async def test_ctrl_c_does_not_drain(start: Start, room_server: RoomServer) -> None:
    room = new_room()
    program = start("--drain", "3600")
    await program.join(room)
    program.process.send_signal(signal.SIGINT)
    assert await program.exited() == 0
    assert await room_server.participants(room) == []


async def test_nothing_holds_up_whoever_insists(start: Start, room_server: RoomServer) -> None:
    room = new_room()
    program = start()
    session_id = (await program.join(room)).json()["session_id"]
    stubborn = program.session_process()
    stubborn.suspend()  # it will not leave when told to
    program.process.send_signal(signal.SIGTERM)
    await wait_until(lambda: "stopping" in program.log, what="the first signal's effect")
    program.process.send_signal(signal.SIGTERM)
    await wait_until(lambda: "stopping without waiting" in program.log, what="the second signal's effect")
    program.process.send_signal(signal.SIGTERM)
    assert await program.exited() == 1
    stubborn.resume()
    _, alive = psutil.wait_procs([stubborn], timeout=15)
    assert not alive
    assert await room_server.participants(room) == []
    assert (await start().session(session_id))["state"] == "lost"
