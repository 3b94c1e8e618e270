"""``visavis up``: everything on this machine, a LiveKit server included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from visavis.cli.serve import (
    DataDirOption,
    DrainOption,
    HostOption,
    LogFormatOption,
    MaxSessionsOption,
    PortOption,
    address,
    run_api,
)

if TYPE_CHECKING:
    from visavis.settings import Settings


def up(
    host: HostOption = None,
    port: PortOption = None,
    data_dir: DataDirOption = None,
    max_sessions: MaxSessionsOption = None,
    livekit_port: Annotated[int | None, typer.Option(help="Port of the LiveKit server. [default: 7880]")] = None,
    drain: DrainOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """Start everything on this machine and print one address.

    Starts a LiveKit server too, unless VISAVIS_LIVEKIT_URL names one that runs already.
    """
    import asyncio

    from visavis.logs import LogSettings, start_logging
    from visavis.settings import load_settings

    settings = load_settings(
        host=host,
        port=port,
        data_dir=data_dir,
        max_sessions=max_sessions,
        livekit_port=livekit_port,
        drain_s=drain,
        log_format=log_format,
    )
    start_logging(LogSettings(settings.log_level, settings.log_format))
    print("visavis is starting ...", flush=True)
    asyncio.run(_up(settings))


async def _up(settings: Settings) -> None:
    from pydantic import SecretStr

    from visavis.embedded import LiveKitServer, find_livekit_server
    from visavis.embedded.livekit_server import is_free
    from visavis.store import load_or_create_keys

    if settings.livekit_url:
        await run_api(settings, on_started=lambda: _welcome(settings))
        return
    keys = load_or_create_keys(settings.data_dir)
    # Nobody types this port: where it is taken and was not asked for, any other does.
    is_asked_for = "livekit_port" in settings.model_fields_set
    server = LiveKitServer(
        find_livekit_server(settings.livekit_server),
        settings.data_dir / "logs" / "livekit-server.log",
        port=settings.livekit_port if is_asked_for or is_free(settings.livekit_port) else 0,
        api_key=keys.livekit_api_key,
        api_secret=keys.livekit_api_secret,
    )
    async with server:
        with_livekit = settings.model_copy(
            update={
                "livekit_url": server.url,
                "livekit_api_key": server.api_key,
                "livekit_api_secret": SecretStr(server.api_secret),
            }
        )
        await run_api(with_livekit, on_started=lambda: _welcome(with_livekit))


def _welcome(settings: Settings) -> None:
    from visavis.store.keys import KEYS_NAME

    key = "VISAVIS_API_KEY" if settings.api_key else str(settings.data_dir / KEYS_NAME)
    print(
        f"\nvisavis runs: {address(settings)}\n\n"
        f"  API      /docs on that address, key in {key}\n"
        f"  LiveKit  {settings.livekit_url}\n"
        f"  Data     {settings.data_dir}\n\n"
        "Ctrl-C stops it.\n",
        flush=True,
    )
