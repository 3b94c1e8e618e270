"""The application: routes, errors, the key, and the lifetime of everything behind them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI, Security
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security import HTTPBearer

from visavis import __version__
from visavis.api.errors import CatchAll, install_error_handlers
from visavis.api.middleware import LimitBody, RequireKey
from visavis.api.routes import agents, bithuman, health, metrics, room_tokens, sessions, stream
from visavis.api.schemas import ErrorResponse
from visavis.api.studio import add_studio
from visavis.service import LiveKitKey, ServiceConfig, Services, open_services
from visavis.settings import Settings
from visavis.store import load_or_create_keys

DESCRIPTION: Final = """
visavis gives a LiveKit room a face: an agent, made from one portrait photo, joins a room as a participant and speaks,
lip-synced, with whatever audio drives it.

Every route below `/v1` needs `Authorization: Bearer <key>`. Every error has one form:
`{"error": {"code", "message", "hint"}}`.
"""

KEY_SCHEME: Final = HTTPBearer(description="The API key.", auto_error=False)
"""For the OpenAPI document; :class:`RequireKey` is what checks."""

ERRORS: Final[dict[int | str, dict[str, Any]]] = {
    status: {"model": ErrorResponse, "description": description}
    for status, description in {
        401: "No key, or not the right one.",
        404: "No such agent or session.",
        422: "The request does not fit; the message says which field.",
    }.items()
}


@asynccontextmanager
async def open_app(settings: Settings) -> AsyncIterator[FastAPI]:
    """The API over one data folder, with everything behind it open; serve it as one process.

    Raises:
        VisavisError: ``data_dir_unusable``, ``keys_unreadable``, or a database that cannot be used.
    """
    async with open_services(service_config(settings)) as services:
        yield _create_app(settings, services)


def _create_app(settings: Settings, services: Services) -> FastAPI:
    api_key = (
        settings.api_key.get_secret_value() if settings.api_key else load_or_create_keys(settings.data_dir).api_key
    )
    app = FastAPI(
        title="visavis",
        version=__version__,
        description=DESCRIPTION,
        redoc_url=None,
        openapi_tags=[
            {"name": "agents", "description": "Made from a portrait, kept, invited into rooms."},
            {"name": "sessions", "description": "One agent in one room, from join to leave."},
            {"name": "room tokens", "description": "LiveKit's standard token endpoint."},
            {"name": "bitHuman's dialect", "description": "For clients written for bitHuman's API."},
            {"name": "health", "description": "For load balancers and monitors; without a key."},
        ],
    )
    app.state.services = services
    for router in (agents.router, sessions.router, room_tokens.router, bithuman.router):
        app.include_router(router, prefix="/v1", dependencies=[Security(KEY_SCHEME)], responses=ERRORS)
    app.include_router(stream.router, prefix="/v1")
    app.include_router(metrics.router, dependencies=[Security(KEY_SCHEME)], responses=ERRORS)
    app.include_router(health.router)
    if settings.studio:
        add_studio(app, api_key, settings.livekit_url)
    install_error_handlers(app)
    # The last added is the first met: errors of the others need their form, browsers' preflights carry no key.
    app.add_middleware(LimitBody, upload_limit_bytes=settings.max_portrait_mb * 1_000_000)
    app.add_middleware(RequireKey, key=api_key)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            max_age=600,
        )
    app.add_middleware(CatchAll)
    return app


def service_config(settings: Settings) -> ServiceConfig:
    """The part of the settings that the service needs."""
    livekit = None
    if settings.livekit_url and settings.livekit_api_key and settings.livekit_api_secret:
        secret = settings.livekit_api_secret.get_secret_value()
        livekit = LiveKitKey(settings.livekit_url, settings.livekit_api_key, secret)
    return ServiceConfig(
        data_dir=settings.data_dir,
        database_url=settings.database,
        livekit=livekit,
        max_sessions=settings.max_sessions,
        max_portrait_bytes=settings.max_portrait_mb * 1_000_000,
        demo_agents=settings.demo_agents,
        portrait_hosts=settings.portrait_hosts,
    )
