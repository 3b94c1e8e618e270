"""The page: whom it is served to, and who gets the key."""

from pathlib import Path

import httpx
import pytest
from api_server import API_KEY, Serve, error_of

from visavis.api import studio


async def test_a_browser_on_this_machine_gets_the_key_for_the_page(client: httpx.AsyncClient) -> None:
    client.headers.pop("Authorization")
    response = await client.get("/studio-config.json", headers={"Sec-Fetch-Site": "same-origin"})
    assert response.json() == {"api_key": API_KEY, "livekit_url": None}
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "rebound.example"},
        {"Host": "rebound.example:7700"},
        {"Host": "127.0.0.1.rebound.example"},
        {"Origin": "https://rebound.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"X-Forwarded-For": "198.51.100.7"},
        {"Forwarded": "for=198.51.100.7"},
    ],
    ids=lambda headers: ": ".join(next(iter(headers.items()))),
)
async def test_nobody_else_gets_the_key(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    response = await client.get("/studio-config.json", headers=headers)
    assert (response.status_code, error_of(response)["code"]) == (403, "not_local")
    assert API_KEY not in response.text


async def test_no_origin_may_read_the_key_across_origins(serving: Serve) -> None:
    async with serving(cors_origins="https://app.example") as client:
        response = await client.get("/studio-config.json", headers={"Origin": "https://app.example"})
        assert response.status_code == 403


async def test_without_the_page_there_is_neither_page_nor_key(serving: Serve) -> None:
    async with serving(studio=False) as client:
        for path in ("/", "/studio-config.json", "/index.html"):
            assert (await client.get(path)).status_code == 404


async def test_a_page_that_is_not_built_says_how_to_build_it(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(studio, "WEB_DIR", tmp_path / "nothing")
    response = await client.get("/")
    assert response.status_code == 200
    assert "npm run build" in response.text


async def test_the_built_page_and_its_assets_are_served(
    serving: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    web = tmp_path / "web"
    (web / "assets").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html><title>Studio</title>")
    (web / "icon.svg").write_text("<svg/>")
    (web / "assets" / "app-1a2b.js").write_text("export {}")
    (tmp_path / "private.txt").write_text("not for the web")
    monkeypatch.setattr(studio, "WEB_DIR", web)
    async with serving() as client:
        page = await client.get("/")
        assert page.headers["content-type"].startswith("text/html") and "Studio" in page.text
        assert page.headers["cache-control"] == "no-cache"
        script = await client.get("/assets/app-1a2b.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert (await client.get("/icon.svg")).headers["content-type"].startswith("image/svg")
        for path in ("/..%2fprivate.txt", "/assets/..%2f..%2fprivate.txt", "/assets/../../private.txt"):
            assert (await client.get(path)).status_code == 404
