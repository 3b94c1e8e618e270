"""Agents over HTTP: a portrait goes in, an agent or a reason comes out, and a restart forgets nothing."""

import io
import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from api_server import Serve, error_of, until, until_built
from PIL import Image

from support.clips import video
from visavis.service.demos import DEMOS

ADA = DEMOS[0].photo()


async def create(client: httpx.AsyncClient, portrait: bytes, **fields: str) -> httpx.Response:
    return await client.post("/v1/agents", files={"portrait": ("photo.png", portrait)}, data={"name": "Kim", **fields})


def files_of(folder: Path, agent_id: str) -> list[Path]:
    return list(folder.rglob(f"*{agent_id}*"))


async def test_a_portrait_becomes_an_agent_with_a_picture(client: httpx.AsyncClient) -> None:
    response = await create(
        client, ADA, settings=json.dumps({"language": "en", "video": {"fps": 30, "background": "#00ff00"}})
    )
    assert response.status_code == 202
    created = response.json()
    assert (created["name"], created["status"], created["error"]) == ("Kim", "processing", None)

    agent = await until_built(client, created["agent_id"])
    assert (agent["status"], agent["progress"], agent["error"]) == ("ready", 1.0, None)
    assert agent["settings"]["language"] == "en" and agent["settings"]["video"]["fps"] == 30
    assert agent["settings"]["video"]["background"] == "#00ff00"
    for size, side_px in (("full", 512), ("thumbnail", 160)):
        picture = await client.get(agent["portrait_url"], params={"size": size})
        assert picture.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(picture.content)).size == (side_px, side_px)


async def test_a_clip_becomes_an_agent_too(client: httpx.AsyncClient, silent_clip: bytes) -> None:
    files = {"portrait": ("me.mp4", silent_clip, "video/mp4")}
    created = await client.post("/v1/agents", files=files, data={"name": "Kim"})
    assert created.status_code == 202
    agent = await until_built(client, created.json()["agent_id"])
    assert (agent["status"], agent["error"]) == ("ready", None)
    picture = await client.get(agent["portrait_url"])
    assert Image.open(io.BytesIO(picture.content)).size == (512, 512)


async def test_a_clip_that_cannot_become_an_agent_fails_with_what_was_measured(client: httpx.AsyncClient) -> None:
    short = video([np.zeros((128, 128, 3), np.uint8)] * 25)
    agent = await until_built(client, (await create(client, short)).json()["agent_id"])
    assert (agent["status"], agent["error"]["code"]) == ("failed", "clip_too_short")
    assert "1.0 s" in agent["error"]["message"] and agent["error"]["hint"]


async def test_building_is_told_in_named_steps(client: httpx.AsyncClient) -> None:
    seen: list[tuple[float, str]] = []

    def is_ready(agent: dict[str, Any]) -> bool:
        if (agent["progress"], agent["step"]) not in seen:
            seen.append((agent["progress"], agent["step"]))
        return bool(agent["status"] == "ready")

    agent_id = (await create(client, ADA)).json()["agent_id"]
    await until(client, f"/v1/agents/{agent_id}", is_ready)
    assert seen == sorted(seen, key=lambda item: item[0])
    assert len({step for _, step in seen}) >= 4


async def test_a_fresh_installation_has_the_demo_agents_and_deleted_ones_stay_deleted(serving: Serve) -> None:
    async with serving(demo_agents=True) as client:
        agents = (await client.get("/v1/agents")).json()["agents"]
        assert [(agent["agent_id"], agent["demo"]) for agent in agents] == [
            ("ada", True),
            ("ines", True),
            ("smile-flowers", True),
        ]
        assert (await until_built(client, "ada"))["status"] == "ready"
        await client.delete("/v1/agents/ines")
    async with serving(demo_agents=True) as client:
        agents = (await client.get("/v1/agents")).json()["agents"]
        assert [agent["agent_id"] for agent in agents] == ["ada", "smile-flowers"]


def picture_of(pixels: np.ndarray[Any, Any]) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("portrait", "code"),
    [
        (b"Dear Sir or Madam", "photo_unreadable"),
        (ADA[: len(ADA) // 2], "photo_unreadable"),
        (picture_of(np.full((400, 400, 3), 128, np.uint8)), "no_face"),
    ],
    ids=["a text", "half a file", "a grey wall"],
)
async def test_a_portrait_that_cannot_become_an_agent_fails_with_the_reason(
    client: httpx.AsyncClient, portrait: bytes, code: str
) -> None:
    agent = await until_built(client, (await create(client, portrait)).json()["agent_id"])
    assert agent["status"] == "failed"
    assert agent["error"]["code"] == code
    assert agent["error"]["hint"]
    refused = await client.get(agent["portrait_url"])
    assert (refused.status_code, error_of(refused)["code"]) == (409, "agent_not_ready")


@pytest.mark.parametrize(
    ("portrait", "fields", "status", "code", "said"),
    [
        (b"", {}, 422, "portrait_missing", "empty"),
        (b"x" * 1_000_001, {}, 413, "portrait_too_large", "1 MB"),
        (b"x" * 1_200_000, {}, 413, "too_large", "1 MB"),
        (ADA, {"name": ""}, 422, "invalid_request", "name"),
        (ADA, {"name": "x" * 201}, 422, "invalid_request", "name"),
        (ADA, {"settings": "{"}, 422, "invalid_request", "settings"),
        (ADA, {"settings": '{"langauge": "en"}'}, 422, "invalid_request", "settings.langauge"),
        (ADA, {"settings": '{"video": {"fps": 500}}'}, 422, "invalid_request", "settings.video.fps"),
        (ADA, {"settings": '{"video": {"background": "beach"}}'}, 422, "invalid_request", "settings.video.background"),
        (ADA, {"settings": '{"video": {"background": "transparent"}}'}, 422, "invalid_request", "background"),
    ],
)
async def test_an_upload_that_does_not_fit_is_refused_at_once(
    serving: Serve, portrait: bytes, fields: dict[str, str], status: int, code: str, said: str
) -> None:
    async with serving(max_portrait_mb=1) as client:
        response = await create(client, portrait, **fields)
        error = error_of(response)
        assert (response.status_code, error["code"]) == (status, code)
        assert said in error["message"]
        assert len((await client.get("/v1/agents")).json()["agents"]) == 0


async def test_a_request_without_a_portrait_says_so(client: httpx.AsyncClient) -> None:
    response = await client.post("/v1/agents", data={"name": "Kim"})
    assert response.status_code == 422
    assert "portrait" in error_of(response)["message"]


async def test_a_deleted_agent_is_gone_with_its_files(client: httpx.AsyncClient, tmp_path: Path) -> None:
    agent_id = (await create(client, ADA)).json()["agent_id"]
    await until_built(client, agent_id)
    assert files_of(tmp_path, agent_id)

    deleted = await client.delete(f"/v1/agents/{agent_id}")
    assert deleted.json() == {"success": True, "agent_id": agent_id, "status": "deleted"}
    assert not files_of(tmp_path, agent_id)
    for request in (client.get(f"/v1/agents/{agent_id}"), client.delete(f"/v1/agents/{agent_id}")):
        response = await request
        assert (response.status_code, error_of(response)["code"]) == (404, "agent_not_found")


async def test_an_agent_deleted_while_it_is_built_leaves_nothing(client: httpx.AsyncClient, tmp_path: Path) -> None:
    agent_id = (await create(client, ADA)).json()["agent_id"]
    await client.delete(f"/v1/agents/{agent_id}")
    later = (await create(client, ADA)).json()["agent_id"]
    await until_built(client, later)
    assert not files_of(tmp_path, agent_id)


async def test_agents_survive_a_restart(serving: Serve) -> None:
    async with serving() as client:
        agent_id = (await create(client, ADA)).json()["agent_id"]
        before = await until_built(client, agent_id)
    async with serving() as client:
        assert (await client.get(f"/v1/agents/{agent_id}")).json() == before


async def test_what_a_stop_left_unbuilt_is_built_after_the_restart(serving: Serve) -> None:
    async with serving() as client:
        agent_id = (await create(client, ADA)).json()["agent_id"]
    async with serving() as client:
        assert (await until_built(client, agent_id))["status"] == "ready"


async def test_an_avatar_file_that_was_damaged_is_built_again(serving: Serve, tmp_path: Path) -> None:
    async with serving() as client:
        agent_id = (await create(client, ADA)).json()["agent_id"]
        await until_built(client, agent_id)
    (path,) = files_of(tmp_path, f"{agent_id}.avatar")
    path.write_bytes(b"not an avatar")
    async with serving() as client:
        assert (await until_built(client, agent_id))["status"] == "ready"
    assert path.stat().st_size > 1_000_000


async def test_a_build_worker_that_dies_fails_its_portrait_and_nothing_else(client: httpx.AsyncClient) -> None:
    (first, second) = [(await create(client, ADA)).json()["agent_id"] for _ in range(2)]
    await until(client, f"/v1/agents/{first}", lambda agent: agent["step"] != "waiting")
    (worker,) = (child for child in psutil.Process().children() if "visavis.service.build_worker" in child.cmdline())
    worker.kill()
    failed = await until_built(client, first)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "portrait_failed")
    assert (await until_built(client, second))["status"] == "ready"


async def test_stopping_leaves_no_worker_behind(serving: Serve) -> None:
    def workers() -> list[psutil.Process]:
        return [child for child in psutil.Process().children() if "visavis.service.build_worker" in child.cmdline()]

    async with serving() as client:
        await until_built(client, (await create(client, ADA)).json()["agent_id"])
        assert workers()
    assert not workers()
