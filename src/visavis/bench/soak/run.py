"""Runs a soak: the product, three sessions of it, whoever speaks through them, and a witness for each."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import numpy as np
from livekit import rtc

from visavis import __version__
from visavis.bench.run import processor
from visavis.bench.soak.growth import TreeSample, sample_tree
from visavis.bench.soak.product import AGENT_ID, Product, running_product
from visavis.bench.soak.report import Counts, SoakReport, incidents_of, offsets_of, rows_of
from visavis.bench.soak.voices import AgentVoice, HttpVoice, Voice
from visavis.bench.soak.witness import Witness
from visavis.bench.speaker import IDENTITY, speaking_agent
from visavis.bench.stage import AVATAR_IDENTITY, VIEWER_IDENTITY, mouth_box, room_token
from visavis.bench.subject import demo_avatar
from visavis.bench.subscriber import Box, attending
from visavis.embedded import LiveKitServer, find_livekit_server
from visavis.errors import VisavisError

OnStep = Callable[[str], None]

MINUTES: Final = 30.0
AGENTS: Final = 2
"""Sessions that an agent's byte streams drive; one more is spoken through over HTTP."""
_SAMPLES: Final = 180
_LEAST_SAMPLE_EVERY_S: Final = 1.0
_SETTLE_S: Final = 8.0
_PROGRESS_EVERY_S: Final = 1.0


@dataclass(slots=True)
class _Run:
    """What is there, and what has happened."""

    server: LiveKitServer
    product: Product
    mouth: Box
    counts: Counts = field(default_factory=Counts)
    witnesses: list[Witness] = field(default_factory=list)
    session_ids: list[str] = field(default_factory=list)
    pids: dict[str, int] = field(default_factory=dict)
    """Processes that are looked at closely, by name."""
    samples: list[TreeSample] = field(default_factory=list)


def soak(duration_s: float, on_step: OnStep, livekit_server: Path | None = None) -> SoakReport:
    """Run for so long, or until SIGINT; what was found until then.

    Raises:
        VisavisError: ``livekit_server_missing``, ``product_not_ready``, ``soak_not_started``.
    """
    program = find_livekit_server(livekit_server)
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_soak(duration_s, on_step, program, Path(folder)))


async def _soak(duration_s: float, on_step: OnStep, program: Path, folder: Path) -> SoakReport:
    load_before, taken_at = os.getloadavg()[0], datetime.now(UTC)
    on_step("starting")
    async with (
        LiveKitServer(program, folder / "livekit.log") as server,
        running_product(server, folder) as product,
        AsyncExitStack() as rooms,
    ):
        run = _Run(server, product, mouth_box(demo_avatar()), pids={"API": product.process.pid})
        voices: list[Voice] = []
        try:
            for number in range(1, AGENTS + 2):
                session = _agent_session if number <= AGENTS else _http_session
                voices.append(await rooms.enter_async_context(session(run, number)))
        except httpx.HTTPStatusError as error:
            raise VisavisError("soak_not_started", "A session could not be started.", error.response.text) from None
        on_step("settling")
        await asyncio.sleep(_SETTLE_S)
        begun_s = time.monotonic()
        lasted_s = await _speak_until_told(run, voices, duration_s, on_step)
        for voice in voices:
            voice.settle()
        await _take_histories(run)
        rows = rows_of(run.witnesses, run.samples, run.counts, lasted_s)
    head = (
        f"visavis {__version__}, {taken_at:%Y-%m-%d %H:%M} UTC, {processor()}, {os.cpu_count()} cores, "
        f"load {load_before:.2f} before"
    )
    return SoakReport(
        head, lasted_s, rows, incidents_of(run.witnesses, begun_s), offsets_of(run.witnesses, begun_s, lasted_s)
    )


@asynccontextmanager
async def _agent_session(run: _Run, number: int) -> AsyncIterator[Voice]:
    """A session through which an agent speaks."""
    room = f"soak-{number}"
    token = room_token(run.server, IDENTITY, room, is_agent=True)
    async with (
        speaking_agent(run.server.url, token, AVATAR_IDENTITY) as speaker,
        _witnessed(run, room, hums=True),
    ):
        await _join(run, number, room, on_behalf_of=IDENTITY)
        yield AgentVoice(speaker, run.counts, np.random.default_rng(number))


@asynccontextmanager
async def _http_session(run: _Run, number: int) -> AsyncIterator[Voice]:
    """A session that is told what to say over HTTP."""
    room = f"soak-{number}"
    async with _witnessed(run, room, hums=False) as witness:
        session_id = await _join(run, number, room, on_behalf_of=None)
        paused = asyncio.Event()
        witness.on_pause = paused.set
        yield HttpVoice(run.product, session_id, run.counts, np.random.default_rng(number), paused)


@asynccontextmanager
async def _witnessed(run: _Run, room_name: str, *, hums: bool) -> AsyncIterator[Witness]:
    room = rtc.Room()
    witness = Witness(run.mouth, hums)
    run.witnesses.append(witness)

    def on_reconnecting() -> None:
        run.counts.viewer_reconnects += 1

    room.on("reconnecting", on_reconnecting)
    token = room_token(run.server, VIEWER_IDENTITY, room_name)
    async with attending(room, run.server.url, token, witness):
        yield witness


async def _join(run: _Run, number: int, room: str, *, on_behalf_of: str | None) -> str:
    """Bring the agent into a room by the API; the session's id."""
    before = run.product.workers()
    token = room_token(run.server, AVATAR_IDENTITY, room, on_behalf_of=on_behalf_of)
    joined = await run.product.ask(
        "POST", f"/v1/agents/{AGENT_ID}/join-room", {"room_url": run.server.url, "room_token": token}
    )
    new = run.product.workers() - before
    # the first session may also have started the template that it was forked from: the child is the younger
    run.pids[f"session {number}"] = max(new)
    session_id = str(joined["session_id"])
    run.session_ids.append(session_id)
    return session_id


async def _speak_until_told(run: _Run, voices: list[Voice], duration_s: float, on_step: OnStep) -> float:
    """Let them speak for so long, or until SIGINT; how long it was."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGINT, stop.set)
    begun_s = time.monotonic()
    tasks = [asyncio.create_task(voice.speak()) for voice in voices]
    tasks.append(asyncio.create_task(_sample(run, max(duration_s / _SAMPLES, _LEAST_SAMPLE_EVERY_S))))
    tasks.append(asyncio.create_task(_tell(run, begun_s, duration_s, on_step)))
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait((*tasks, stopping), timeout=duration_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()  # whoever speaks only ever ends by failing
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        for task in (*tasks, stopping):
            task.cancel()
        await asyncio.gather(*tasks, stopping, return_exceptions=True)
    return time.monotonic() - begun_s


async def _sample(run: _Run, every_s: float) -> None:
    while True:
        run.samples.append(sample_tree(run.product.process, run.pids, time.monotonic()))
        await asyncio.sleep(every_s)


async def _tell(run: _Run, begun_s: float, duration_s: float, on_step: OnStep) -> None:
    while True:
        utterances = sum(witness.utterances for witness in run.witnesses)
        freezes = sum(witness.freezes for witness in run.witnesses)
        gaps = sum(len(witness.gaps_s) for witness in run.witnesses)
        on_step(
            f"{_clock(time.monotonic() - begun_s)} of {_clock(duration_s)}: {utterances} utterances, "
            f"{freezes} freezes, {gaps} gaps in the sound (Ctrl-C ends it with a table)"
        )
        await asyncio.sleep(_PROGRESS_EVERY_S)


async def _take_histories(run: _Run) -> None:
    for session_id in run.session_ids:
        try:
            session = await run.product.ask("GET", f"/v1/sessions/{session_id}")
        except httpx.HTTPError:
            run.counts.errors += 1
            continue
        run.counts.session_restarts += session["restarts"]
        history = session.get("history") or []
        run.counts.session_reconnects += sum(entry["state"] == "reconnecting" for entry in history)


def _clock(duration_s: float) -> str:
    minutes, seconds = divmod(round(duration_s), 60)
    return f"{minutes}:{seconds:02d}"
