"""What the processes of a running visavis log: every line an object, with its session, and no secret."""

from __future__ import annotations

import signal
from datetime import datetime
from pathlib import Path

import pytest
from cli_program import Program, Start

from support.listener import listening, wait_until
from support.room_server import RoomServer, new_room

pytestmark = pytest.mark.room

ADA = Path(__file__).parents[2] / "src" / "visavis" / "portrait" / "demo" / "ada.png"


async def live_through_a_lot(program: Program, room_server: RoomServer) -> str:
    """A session that speaks, crashes, comes back and leaves; a portrait that is built; requests that are refused."""
    room = new_room()
    async with listening(room_server.url, room_server.token("ben", room)):
        session_id: str = (await program.join(room)).json()["session_id"]
        path = f"/v1/sessions/{session_id}"
        await program.client.post(f"{path}/speak", json={"text": "Hello there."})
        program.session_process().kill()
        await program.until(path, lambda session: session["restarts"] == 1 and session["state"] == "connected")
        files = {"portrait": ("ada.png", ADA.read_bytes(), "image/png")}
        agent_id = (await program.client.post("/v1/agents", files=files, data={"name": "Two"})).json()["agent_id"]
        await program.until(f"/v1/agents/{agent_id}", lambda agent: agent["status"] == "ready")
        assert (await program.join(room, "ada")).status_code == 409
        await program.client.get("/v1/agents", headers={"Authorization": "Bearer wrong"})
        await program.client.post("/v1/agents/ada/leave-room")
    return session_id


async def test_every_line_is_an_object_that_names_its_session(start: Start, room_server: RoomServer) -> None:
    program = start("--log-format", "json")
    session_id = await live_through_a_lot(program, room_server)
    program.process.send_signal(signal.SIGTERM)
    assert await program.exited() == 0
    entries = program.entries()
    for entry in entries:
        assert {"time", "level", "logger", "message"} <= entry.keys()
        assert datetime.fromisoformat(entry["time"]).tzinfo is not None
    about = [entry for entry in entries if entry.get("session_id") == session_id]
    assert all(entry["agent_id"] == "ada" for entry in about)
    messages = [entry["message"] for entry in about]
    for message in ("a session began", "session process died", "a session is started again", "a session ended"):
        assert message in messages
    assert {"visavis.service.live", "visavis.room.monitor"} <= {entry["logger"] for entry in about}
    (died,) = [entry for entry in about if entry["message"] == "session process died"]
    assert (died["level"], died["exit_code"]) == ("error", -signal.SIGKILL)


@pytest.mark.parametrize("log_format", ["json", "text"])
async def test_no_log_holds_a_secret_even_of_everything_that_is_said(
    start: Start, room_server: RoomServer, log_format: str
) -> None:
    program = start("--log-format", log_format, log_level="debug")
    await live_through_a_lot(program, room_server)
    await program.client.get("/metrics")
    program.process.send_signal(signal.SIGTERM)
    assert await program.exited() == 0
    log = program.log
    assert "a session ended" in log
    key = program.client.headers["Authorization"].removeprefix("Bearer ")
    for secret in (key, room_server.server.api_secret, *program.tokens):
        assert secret not in log
    assert "eyJ" not in log


async def test_text_names_the_session_too(start: Start, room_server: RoomServer) -> None:
    program = start()
    session_id = (await program.join()).json()["session_id"]
    await wait_until(lambda: "the picture's rung" in program.log, what="a line of the session's process")
    line = next(line for line in program.log.splitlines() if "the picture's rung" in line)
    assert f"session_id={session_id} agent_id=ada" in line
