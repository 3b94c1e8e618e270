"""``visavis doctor``: what is installed and what answers; each line is ok, or says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from visavis.settings import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One line."""

    subject: str
    text: str
    todo: str = ""
    """What to do; empty where all is well."""


def doctor(
    url: Annotated[str | None, typer.Option(help="Check this LiveKit server. [default: the configured one]")] = None,
    token: Annotated[
        str | None,
        typer.Option(envvar="VISAVIS_ROOM_TOKEN", show_envvar=True, help="Check this room token.", metavar="JWT"),
    ] = None,
) -> None:
    """Check this installation: programs, ports, server, credentials, token."""
    import asyncio

    from visavis.settings import load_settings

    problems = asyncio.run(_report(load_settings(), url, token))
    if problems:
        raise typer.Exit(1)


async def _report(settings: Settings, url: str | None, token: str | None) -> int:
    problems = 0
    async for finding in _findings(settings, url, token):
        mark = "FIX" if finding.todo else "ok "
        print(f"{mark} {finding.subject:<16} {finding.text}")
        if finding.todo:
            problems += 1
            print(f"    {'':<16} -> {finding.todo}")
    print(f"\n{problems} to fix" if problems else "\nall is well")
    return problems


async def _findings(settings: Settings, url: str | None, token: str | None) -> AsyncIterator[Finding]:
    for check in (_machine, _programs, _voices, _studio):
        for finding in check():
            yield finding
    yield _data_folder(settings)
    yield _livekit_program(settings)
    yield await _api_port(settings)
    async for finding in _livekit(settings, url, token):
        yield finding


def _machine() -> Iterator[Finding]:
    import os
    import platform

    import psutil

    from visavis.placement import default_max_sessions

    memory_gb = psutil.virtual_memory().total / 1e9
    text = f"{os.cpu_count()} cores, {memory_gb:.0f} GB: up to {default_max_sessions()} sessions at once"
    yield Finding("machine", text, "" if memory_gb > 1.5 else "2 GB of memory are wanted.")
    yield Finding("python", platform.python_version())


def _programs() -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    from visavis import __version__

    yield Finding("visavis", __version__)
    for package in ("livekit", "livekit-api", "onnxruntime", "numba", "av", "hibari-tts"):
        try:
            yield Finding(package, version(package))
        except PackageNotFoundError:
            yield Finding(package, "not installed", "make install")


def _voices() -> Iterator[Finding]:
    from visavis.errors import VisavisError
    from visavis.voice.espeak import known_languages

    try:
        yield Finding("espeak-ng", f"{len(known_languages())} languages")
    except VisavisError as error:
        yield Finding("espeak-ng", error.message, error.hint)


def _studio() -> Iterator[Finding]:
    from visavis.api.studio import WEB_DIR

    built = (WEB_DIR / "index.html").is_file()
    yield Finding("studio page", "built" if built else "not built", "" if built else "make install")


def _data_folder(settings: Settings) -> Finding:
    from visavis.errors import VisavisError
    from visavis.store import load_or_create_keys

    try:
        load_or_create_keys(settings.data_dir)
    except VisavisError as error:
        return Finding("data folder", error.message, error.hint)
    return Finding("data folder", str(settings.data_dir))


def _livekit_program(settings: Settings) -> Finding:
    import subprocess

    from visavis.embedded import find_livekit_server
    from visavis.errors import VisavisError

    try:
        program = find_livekit_server(settings.livekit_server)
    except VisavisError as error:
        # With a server of one's own, none needs to be here.
        return Finding("livekit-server", error.message, "" if settings.livekit_url else error.hint)
    answer = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False)
    return Finding("livekit-server", f"{answer.stdout.strip()} ({program})")


async def _api_port(settings: Settings) -> Finding:
    import httpx

    from visavis.cli.serve import address
    from visavis.embedded.livekit_server import is_free

    where = address(settings)
    if is_free(settings.port):
        return Finding("api", f"port {settings.port} is free; `visavis up` is not running")
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            version = (await client.get(f"{where}/healthz")).json()["version"]
            checks = (await client.get(f"{where}/readyz")).json()["checks"]
    except (httpx.HTTPError, ValueError, KeyError):
        return Finding(
            "api", f"something else listens on port {settings.port}", "Stop it, or set VISAVIS_PORT to another port."
        )
    broken = [name for name, works in checks.items() if not works]
    return Finding("api", f"visavis {version} answers at {where}", f"Not ready: {', '.join(broken)}." if broken else "")


async def _livekit(settings: Settings, url: str | None, token: str | None) -> AsyncIterator[Finding]:
    from visavis.api.app import service_config
    from visavis.errors import VisavisError
    from visavis.room.preflight import check_room
    from visavis.service import RoomTokenRequest
    from visavis.service.tokens import make_room_token, read_room_token

    key = service_config(settings).livekit
    url = url or settings.livekit_url
    if token:
        try:
            claims = read_room_token(token)
            yield Finding("token", f"joins {claims.room!r} as {claims.identity!r}, may publish")
        except VisavisError as error:
            yield Finding("token", error.message, error.hint)
            return
    elif key:
        token = make_room_token(RoomTokenRequest(room_name="visavis-doctor"), key)
    if url is None:
        yield Finding("livekit", "none configured: `visavis up` runs its own")
    elif token is None:
        yield Finding("livekit", url, "Give a token with --token, or set VISAVIS_LIVEKIT_API_KEY and _API_SECRET.")
    else:
        try:
            await check_room(url, token)
            yield Finding("livekit", f"{url} answers and takes the {'token' if not key else 'credentials'}")
        except VisavisError as error:
            yield Finding("livekit", error.message, error.hint)
