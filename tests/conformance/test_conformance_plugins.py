"""Real agent workers get their face by a plugin: ours, and bitHuman's own, unmodified."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from support.listener import Listener, Repairs, listening, wait_until
from support.room_server import RoomServer, new_room
from support.visavis_server import VisavisServer

pytestmark = pytest.mark.conformance

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".cache" / "agents-venv" / "bin" / "python"
WORKER = Path(__file__).parent / "plugin_agent.py"
ADA = ROOT / "src" / "visavis" / "portrait" / "demo" / "ada.png"
AUDIBLE = 1500


@asynccontextmanager
async def worker(room_server: RoomServer, face: dict[str, Any], events: Path) -> AsyncIterator[None]:
    """An agent worker that joins every new room."""
    environment = os.environ | {
        "LIVEKIT_URL": room_server.url,
        "LIVEKIT_API_KEY": room_server.server.api_key,
        "LIVEKIT_API_SECRET": room_server.server.api_secret,
        "FACE": json.dumps(face),
        "EVENTS": str(events),
    }
    log = events.parent / "worker.log"
    with log.open("w") as output:
        process = await asyncio.create_subprocess_exec(
            str(PYTHON), str(WORKER), "start", env=environment, stdout=output, stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    try:
        # A room that is opened before would get no agent.
        await wait_until(lambda: "registered worker" in log.read_text(), timeout_s=60, what="the worker")
        yield
    finally:
        # It would wait an hour for its rooms to end.
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


async def play(
    room_server: RoomServer, face: dict[str, Any], tmp_path: Path
) -> tuple[list[dict[str, Any]], Listener, float]:
    """What an agent with such a face reports from one room, what a listener heard, and how much of that it repaired."""
    events = tmp_path / "events.jsonl"
    events.touch()
    room = new_room()

    def told() -> list[dict[str, Any]]:
        return [json.loads(line) for line in events.read_text().splitlines()]

    async with (
        worker(room_server, face, events),
        listening(room_server.url, room_server.token("ben", room)) as listener,
    ):
        await wait_until(
            lambda: any(event["event"] in ("end", "failed") for event in told()), timeout_s=60, what="the agent's end"
        )
        repairs = await listener.repairs() if listener.sound else Repairs(0.0, 0.0)
        return told(), listener, repairs.concealed_s + abs(repairs.stretched_s)


def heard_s(listener: Listener) -> float:
    return sum(0.01 for _, pcm in listener.sound if abs(pcm).max() > AUDIBLE)


async def test_our_plugin_gives_an_agent_a_face(
    room_server: RoomServer, visavis_server: VisavisServer, tmp_path: Path
) -> None:
    face = {"plugin": "visavis", "agent_id": "ada", "api_url": visavis_server.url, "api_key": visavis_server.key}
    events, listener, repaired_s = await play(room_server, face, tmp_path)
    assert events[0] == {"event": "joined", "identity": "visavis-avatar-agent"}
    assert events[1] == {"event": "finished", "position_s": pytest.approx(1.5, abs=0.04), "interrupted": False}
    refused, done, unknown = events[2:5]
    assert (refused["kind"], refused["code"]) == ("VisavisException", "gesture_unknown")
    assert "raise_brows" in refused["message"]
    assert (done["names"], done["answer"]) == (["make_gesture", "show_emotion"], "done")
    assert "There is no gesture" in unknown["answer"]
    assert heard_s(listener) == pytest.approx(1.5, abs=0.1 + repaired_s)
    assert len(listener.frames) > 20
    attributes = str([participant.attributes for participant in listener.room.remote_participants.values()])
    assert visavis_server.key not in attributes


async def test_our_plugin_turns_a_photo_into_a_face(
    room_server: RoomServer, visavis_server: VisavisServer, tmp_path: Path
) -> None:
    face = {"plugin": "visavis", "portrait": str(ADA), "api_url": visavis_server.url, "api_key": visavis_server.key}
    events, _, _ = await play(room_server, face, tmp_path)
    assert [event["event"] for event in events] == ["joined", "finished", "refused", "tools", "tools", "end"]


async def test_our_plugin_says_what_the_server_refused(
    room_server: RoomServer, visavis_server: VisavisServer, tmp_path: Path
) -> None:
    face = {"plugin": "visavis", "agent_id": "nobody", "api_url": visavis_server.url, "api_key": visavis_server.key}
    ((event),), _, _ = await play(room_server, face, tmp_path)
    assert (event["kind"], event["code"]) == ("VisavisException", "agent_not_found")
    assert "GET /v1/agents" in event["message"]


@pytest.mark.parametrize(
    "arguments",
    [{"avatar_id": "ada"}, {"avatar_id": "ada", "model": "expression"}, {"avatar_image": str(ADA)},
     {"avatar_image": str(ADA), "model": "expression"}],
    ids=["agent as JSON", "agent as urlencoded", "photo as JSON", "photo as multipart"],
)  # fmt: skip
async def test_bithumans_own_plugin_unmodified_drives_our_agents(
    room_server: RoomServer, visavis_server: VisavisServer, tmp_path: Path, arguments: dict[str, Any]
) -> None:
    url = f"{visavis_server.url}/v1/runtime-tokens/request"
    face = {"plugin": "bithuman", "api_url": url, "api_secret": visavis_server.key} | arguments
    events, listener, repaired_s = await play(room_server, face, tmp_path)
    assert events[0] == {"event": "joined", "identity": "bithuman-avatar-agent"}
    assert events[1] == {"event": "finished", "position_s": pytest.approx(1.5, abs=0.04), "interrupted": False}
    assert heard_s(listener) == pytest.approx(1.5, abs=0.1 + repaired_s)
