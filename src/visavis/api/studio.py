"""The Studio page, and the key for it, which this machine's own browsers get and nobody else does."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import FileResponse, PlainTextResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from visavis.errors import ServiceError
from visavis.settings import LOOPBACK_HOSTS

WEB_DIR: Final = Path(__file__).parents[1] / "web"
"""What `make web` builds."""

FORWARDED_HEADERS: Final = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")
"""A proxy's marks: behind one, a loopback client is no sign of this machine."""

NOT_BUILT: Final = """The Studio page is not built yet.

From a checkout: make install (or: cd web && npm ci && npm run build), then reload this page.
The API works without it: see /docs.
"""


class StudioConfig(BaseModel):
    """What the page needs to work."""

    api_key: str
    livekit_url: str | None


def add_studio(app: FastAPI, api_key: str, livekit_url: str | None) -> None:
    """Serve the page; its routes are not in the OpenAPI document."""
    router = APIRouter(include_in_schema=False)

    @router.get("/studio-config.json")
    async def studio_config(request: Request, response: Response) -> StudioConfig:
        if not is_own_page(request):
            raise ServiceError(
                "not_local",
                "The key is handed only to this page, opened on the machine that runs visavis.",
                "Open http://127.0.0.1 there, or enter the API key in the page.",
                status=403,
            )
        response.headers["Cache-Control"] = "no-store"
        return StudioConfig(api_key=api_key, livekit_url=livekit_url)

    @router.get("/")
    async def index() -> Response:
        page = WEB_DIR / "index.html"
        if not page.is_file():
            return PlainTextResponse(NOT_BUILT)
        # The page names its assets by content; only itself must always be fresh.
        return FileResponse(page, headers={"Cache-Control": "no-cache"})

    @router.get("/{name}")
    async def top_level_file(name: str) -> Response:
        return _file(WEB_DIR, name)

    @router.get("/assets/{name}")
    async def asset(name: str) -> Response:
        return _file(WEB_DIR / "assets", name, cache="public, max-age=31536000, immutable")

    app.include_router(router)


def is_own_page(request: Request) -> bool:
    """Whether a request comes from a page of ours in a browser of this very machine.

    The client's address alone does not say so: a page from anywhere can make a browser here send requests
    (hence the origin), also under a name that it has pointed at this machine (hence the Host header).
    """
    headers = request.headers
    host = urlsplit(f"//{headers.get('host', '')}").hostname
    is_here = request.client is not None and _is_loopback(request.client.host) and host in LOOPBACK_HOSTS
    origin = headers.get("origin")
    is_same_origin = headers.get("sec-fetch-site", "same-origin") in {"same-origin", "none"} and (
        origin is None or urlsplit(origin).netloc == headers.get("host")
    )
    is_direct = not any(name in headers for name in FORWARDED_HEADERS)
    return is_here and is_same_origin and is_direct


def _file(folder: Path, name: str, cache: str = "no-cache") -> Response:
    path = folder / name
    if path.parent != folder or not path.is_file():
        raise HTTPException(404)
    return FileResponse(path, headers={"Cache-Control": cache})


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
