"""``visavis join``: an agent in a room, without the API; it stays until Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from visavis.avatar import Avatar
    from visavis.performer import Performer
    from visavis.room import SessionConfig, StateChanged
    from visavis.room.events import SessionEvent


def join(
    agent: Annotated[str, typer.Option(help="An agent's id, an .avatar file, or a portrait photo.")],
    url: Annotated[str, typer.Option(help="The LiveKit server, such as wss://livekit.example.com.")],
    token: Annotated[
        str, typer.Option(envvar="VISAVIS_ROOM_TOKEN", show_envvar=True, help="Its room token, a JWT.", metavar="JWT")
    ],
    name: Annotated[str | None, typer.Option(help="What others see. [default: the token's name]")] = None,
    listen_to: Annotated[str | None, typer.Option(help="Identity to hear. [default: whoever speaks]")] = None,
    size: Annotated[str, typer.Option(help="Pixels: 512 for a square, or WIDTHxHEIGHT.")] = "512",
    background: Annotated[str, typer.Option(help="keep, blur, a colour such as #00ff00, or a picture file.")] = "keep",
    fps: Annotated[int, typer.Option(min=10, max=30, help="Frames per second.")] = 25,
    codec: Annotated[str, typer.Option(help="vp8 or h264.")] = "vp8",
    max_bitrate: Annotated[int, typer.Option(min=100_000, help="Of the picture, in bit/s.")] = 500_000,
    look_ahead: Annotated[int, typer.Option(help="Milliseconds the mouth hears ahead: 0, 40, 80 or 120.")] = 40,
    idle_timeout: Annotated[float, typer.Option(min=0, help="Leave after so many seconds alone; 0 stays.")] = 0.0,
    relay_audio: Annotated[bool, typer.Option("--relay-audio", help="Publish the heard voice again.")] = False,
    idle_style: Annotated[str, typer.Option(help="How lively it is at rest: calm, lively or still.")] = "calm",
    controller: Annotated[
        list[str] | None, typer.Option(help="Identity that may move its face by data messages; may be repeated.")
    ] = None,
) -> None:
    """Bring an agent into a room; it listens and moves its lips until Ctrl-C."""
    import asyncio

    from visavis.acting import IDLE_STYLES
    from visavis.avatar import Avatar
    from visavis.background import background_option
    from visavis.cli.render import parse_size
    from visavis.errors import RoomError, VisavisError
    from visavis.logs import LogSettings, start_logging
    from visavis.performer import Performer
    from visavis.room import SessionConfig, VideoConfig
    from visavis.room.config import LOOK_AHEADS_MS

    start_logging(LogSettings("warning"))
    width_px, height_px = parse_size(size)
    behind = background_option(background)
    if behind.is_transparent:
        raise VisavisError(
            "background_needs_alpha", "The video of a room has no alpha.", "Give a colour to key, such as #00ff00."
        )
    if codec not in ("vp8", "h264"):
        raise VisavisError("codec_unknown", f"{codec!r} is no codec for a room.", "Give vp8 or h264.")
    if look_ahead not in LOOK_AHEADS_MS:
        raise VisavisError("look_ahead_unknown", f"A look-ahead of {look_ahead} ms is not known.", "0, 40, 80 or 120.")
    style = next((known for known in IDLE_STYLES if known == idle_style), None)
    if style is None:
        raise VisavisError(
            "idle_style_unknown", f"There is no idle style {idle_style!r}.", f"Give {', '.join(IDLE_STYLES)}."
        )
    path = find_avatar(agent)
    config = SessionConfig(
        session_id="command-line",
        agent_id=agent if path.stem == agent else path.stem,
        room_url=url,
        room_token=token,
        participant_name=name,
        listen_to=listen_to,
        video=VideoConfig(width_px, height_px, fps, max_bitrate, "h264" if codec == "h264" else "vp8", behind),
        look_ahead_ms=look_ahead,
        idle_timeout_s=idle_timeout,
        relay_audio=relay_audio,
        idle_style=style,
        controllers=tuple(controller or ()),
    )
    performer = Performer(
        Avatar.load(path) if path.suffix.lower() == ".avatar" else _build(path),
        fps=fps,
        width_px=width_px,
        height_px=height_px,
        background=behind,
        look_ahead_ms=look_ahead,
        early_lips=not relay_audio,
        idle_style=style,
    )
    end = asyncio.run(_stay(config, performer))
    if end.state == "failed":
        raise RoomError(end.reason, f"The agent lost its room: {end.reason}.", "Check the LiveKit server.")


def find_avatar(agent: str) -> Path:
    """The avatar file of an agent of this machine, or the file of that name.

    Raises:
        VisavisError: ``agent_not_found``.
    """
    from visavis.errors import VisavisError
    from visavis.service.agents import avatar_path
    from visavis.settings import load_settings

    if Path(agent).is_file():
        return Path(agent)
    data_dir = load_settings().data_dir
    stored = avatar_path(data_dir, agent) if agent.replace("-", "").isalnum() else None
    if stored is None or not stored.is_file():
        raise VisavisError(
            "agent_not_found",
            f"There is no agent {agent!r} in {data_dir}, and no such file.",
            "Start `visavis up` once, which makes the demo agents; or give an .avatar file or a photo.",
        )
    return stored


async def _stay(config: SessionConfig, performer: Performer) -> StateChanged:
    import asyncio
    import signal

    from visavis.room import RoomSession
    from visavis.room.preflight import check_room

    await check_room(config.room_url, config.room_token)
    session = RoomSession(config, performer, _show)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, session.leave)
    return await session.run()


def _show(event: SessionEvent) -> None:
    from visavis.room import Joined, StateChanged
    from visavis.room.events import RungChanged

    match event:
        case Joined():
            print(f"{event.identity} is in the room {event.room} as {event.participant_id}. Ctrl-C leaves.", flush=True)
            for warning in event.warnings:
                print(f"note: {warning}", flush=True)
        case RungChanged(reason=reason) if reason:
            print(f"picture: {event.rung} ({reason})", flush=True)
        case StateChanged():
            print(f"{event.state}{f': {event.reason}' if event.reason else ''}", flush=True)


def _build(photo: Path) -> Avatar:
    from visavis.cli.create import build_with_progress, open_progress, show_findings

    with open_progress() as progress:
        avatar = build_with_progress(photo, progress)
    show_findings(avatar)
    return avatar
