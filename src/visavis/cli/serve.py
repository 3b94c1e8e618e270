"""``visavis serve``: the API, beside a LiveKit server that runs already."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from visavis.settings import Settings

HostOption = Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")]
PortOption = Annotated[int | None, typer.Option(help="Port of the API and the Studio. [default: 7700]")]
DataDirOption = Annotated[Path | None, typer.Option(help="Where agents and keys are kept.")]
MaxSessionsOption = Annotated[int | None, typer.Option(min=1, help="Sessions this machine may hold at once.")]
DrainOption = Annotated[
    float | None, typer.Option(min=0, help="Seconds that sessions may go on after SIGTERM. [default: 0]")
]
LogFormatOption = Annotated[str | None, typer.Option(help="text or json. [default: text]", metavar="FORMAT")]


def serve(
    host: HostOption = None,
    port: PortOption = None,
    data_dir: DataDirOption = None,
    max_sessions: MaxSessionsOption = None,
    drain: DrainOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """Serve the API; rooms are on LiveKit servers that run already (VISAVIS_LIVEKIT_URL, _API_KEY, _API_SECRET)."""
    import asyncio

    from visavis.logs import LogSettings, start_logging
    from visavis.settings import load_settings

    settings = load_settings(
        host=host, port=port, data_dir=data_dir, max_sessions=max_sessions, drain_s=drain, log_format=log_format
    )
    start_logging(LogSettings(settings.log_level, settings.log_format))
    asyncio.run(run_api(settings, on_started=lambda: print(f"visavis serves {address(settings)}", flush=True)))


async def run_api(settings: Settings, on_started: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM, then stop as cli/stopping.py tells.

    Raises:
        VisavisError: ``port_in_use``, or what keeps the service from starting.
    """
    import asyncio
    from contextlib import ExitStack, contextmanager

    import uvicorn

    from visavis.api import open_app
    from visavis.api.sockets import WEBSOCKET_OPTIONS, tune
    from visavis.cli.stopping import Signals, obey

    class Server(uvicorn.Server):
        """Leaves signals to us: uvicorn raises them again in the end, before anything else could be stopped."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            signals.listen()
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_started()

    signals = Signals()
    with _listen(settings) as listener, ExitStack() as stack:
        tune(listener)
        async with open_app(settings) as app:
            config = uvicorn.Config(
                app,
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=3,
                server_header=False,
                **WEBSOCKET_OPTIONS,
            )
            server = Server(config)
            obeying = asyncio.create_task(
                obey(signals, server, app.state.services, drain_s=settings.drain_s), name="obey signals"
            )
            # It listens until everything is closed: that may take a while, too.
            stack.callback(obeying.cancel)
            await server.serve([listener])


def address(settings: Settings) -> str:
    """Where people find it."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::", ""} else settings.host
    return f"http://{f'[{host}]' if ':' in host else host}:{settings.port}"


def _listen(settings: Settings) -> socket.socket:
    from visavis.errors import VisavisError

    try:
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        return socket.create_server((settings.host, settings.port), family=family, backlog=128)
    except OSError as error:
        raise VisavisError(
            "port_in_use" if error.errno == errno.EADDRINUSE else "address_unusable",
            f"visavis cannot listen on {settings.host}:{settings.port}: {error.strerror}.",
            "Stop what uses it (is visavis running already?), or choose another with --port or VISAVIS_PORT.",
        ) from None
