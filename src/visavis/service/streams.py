"""Streams: an agent driven and shown through one connection, without a room.

They take places of the machine as sessions do. Nothing of a stream is stored: it is over when its connection is.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any, Final

from visavis.acting import DEFAULT_IDLE_STYLE, Act, Direction, IdleStyle, Script, act_values, read_script
from visavis.background import Background
from visavis.errors import ServiceError, VisavisError
from visavis.placement import RunningStream, SessionHost, Sound
from visavis.room import DEFAULT_LOOK_AHEAD_MS
from visavis.service.agents import AgentService
from visavis.service.reading import read_aloud
from visavis.store import Agent
from visavis.stream import DEFAULT_IDLE_TIMEOUT_S, Driver, PictureConfig, PictureFormat, StreamConfig
from visavis.voice import VoiceHost

logger = logging.getLogger(__name__)

MAX_WAITING_TEXTS: Final = 20
"""More than this waiting to be said is a client gone wrong."""
MAX_AHEAD_S: Final = 20.0
"""A text makes sound faster than it is heard: more than this is not sent ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRequest:
    """What a client asks for; what is None is the agent's settings' to say, then the stream's default."""

    sample_rate_hz: int
    channels: int = 1
    output_rate_hz: int = 48_000
    driver: Driver = "segments"
    picture_format: PictureFormat = "jpeg"
    width_px: int | None = None
    height_px: int | None = None
    fps: int | None = None
    quality: int | None = None
    bitrate_bps: int | None = None
    background: str | None = None
    look_ahead_ms: int | None = None
    idle_timeout_s: float | None = None
    idle_style: IdleStyle | None = None


class OpenStream:
    """One stream while it runs."""

    def __init__(self, running: RunningStream, voices: VoiceHost, agent: Agent) -> None:
        self._running = running
        self._voices = voices
        self._agent = agent
        self._texts: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()
        self._plays_until_s = 0.0
        self._end: VisavisError | None = None

    @property
    def stream_id(self) -> str:
        """Names it in logs."""
        return self._running.config.stream_id

    @property
    def agent_id(self) -> str:
        """Whom it shows."""
        return self._running.config.agent_id

    async def receive(self) -> bytes | dict[str, Any]:
        """The next message for the client: binary, or text as an object.

        Raises:
            VisavisError: why the stream is over.
        """
        try:
            return await self._running.receive()
        except VisavisError:
            if self._end is not None:
                raise self._end from None
            raise

    async def push(self, message: bytes) -> None:
        """A binary message of the client, checked where the stream runs."""
        await self._running.send_bytes(message)

    def end_segment(self) -> None:
        """The open segment is complete."""
        self._running.post({"do": "end_segment"})

    def request_key_frame(self) -> None:
        """The next picture must need no earlier one."""
        self._running.post({"do": "key_frame"})

    def note_received(self, pts: int) -> None:
        """The client has everything up to there."""
        self._running.post({"do": "received", "pts": pts})

    def act(self, act: Act, *, queued: bool) -> None:
        """Show an emotion, or make a gesture: now, or when the sound that was pushed before has been played."""
        self._running.post({"do": "act", "act": act_values(act), "queued": queued})

    def direct(self, direction: Direction) -> None:
        """Move the face, or part of it, from outside."""
        self._running.post({"do": "face", "direction": asdict(direction)})

    def listen(self, listening: bool) -> None:
        """Somebody speaks to the face, or has ended."""
        self._running.post({"do": "listening", "listening": listening})

    def speak(self, text: str, *, language: str | None, voice: str | None, segment: int) -> None:
        """Say a text after what is queued, as segment number ``segment`` (0: the next)."""
        try:
            script = read_script(text)
        except VisavisError as error:
            self.tell(error)
            return
        if len(self._texts) >= MAX_WAITING_TEXTS:
            self.tell(
                ServiceError(
                    "too_many_texts",
                    f"{MAX_WAITING_TEXTS} texts wait to be said.",
                    "Wait until some were said, or interrupt.",
                )
            )
            return
        self._running.post({"do": "begin_speech", "segment": segment})
        settings = self._agent.settings
        task = asyncio.create_task(
            self._say(script, language or settings.get("language"), voice or settings.get("voice")), name="say"
        )
        self._texts.add(task)
        task.add_done_callback(self._texts.discard)

    async def interrupt(self, played_pts: int | None) -> None:
        """Silence now, and nothing more of what was queued."""
        self._running.post({"do": "interrupt", "played_pts": played_pts})
        await self.hush()

    def tell(self, error: VisavisError) -> None:
        """An error that does not end the stream, in order with everything else."""
        message = {"type": "error", "error": error.as_dict(), "fatal": False}
        self._running.post({"do": "tell", "message": message})

    async def hush(self) -> None:
        """Drop the texts that are being made into sound."""
        texts = list(self._texts)
        for task in texts:
            task.cancel()
        await asyncio.gather(*texts, return_exceptions=True)
        self._plays_until_s = 0.0

    async def end(self, reason: VisavisError) -> None:
        """End it for everybody; :meth:`receive` tells the reason. Returns when its process is gone."""
        self._end = self._end or reason
        await self._running.aclose()

    async def _say(self, script: Script, language: str | None, voice: str | None) -> None:
        async with self._turn:
            try:
                reading = read_aloud(script, self._voices, language=language, voice=voice)
                async with contextlib.aclosing(reading):
                    async for piece in reading:
                        if isinstance(piece, Sound):
                            await self._send(piece)
                        else:
                            self._running.post({"do": "cue", "act": act_values(piece)})
            except VisavisError as error:
                self.tell(error)
            except Exception:
                logger.exception("a text was not said", extra={"stream_id": self.stream_id})
                self.tell(VisavisError("voice_failed", "The text was not said.", "The log says why."))
            self._running.post({"do": "end_speech"})

    async def _send(self, sound: Sound) -> None:
        now_s = time.monotonic()
        await asyncio.sleep(self._plays_until_s - now_s - MAX_AHEAD_S)
        self._plays_until_s = max(self._plays_until_s, now_s) + sound.duration_s
        await self._running.send_sound(sound)


class StreamService:
    """The rules about streams."""

    def __init__(self, agents: AgentService, host: SessionHost, voices: VoiceHost) -> None:
        self._agents = agents
        self._host = host
        self._voices = voices
        self._open: dict[str, OpenStream] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def running(self) -> int:
        """Streams that are open."""
        return len(self._open)

    @asynccontextmanager
    async def open(self, agent_id: str, request: StreamRequest) -> AsyncIterator[OpenStream]:
        """A stream, which ends with the context.

        Raises:
            ServiceError: ``agent_not_found``, ``agent_not_ready``, ``background_missing``.
            RoomError: ``machine_full``.
        """
        agent, avatar_path = await self._agents.ready(agent_id)
        chosen = request.background or agent.settings.get("video", {}).get("background")
        config = _config(agent, request, await self._agents.background(agent_id, chosen))
        told = {"stream_id": config.stream_id, "agent_id": agent_id}
        async with self._host.stream(config, avatar_path) as running:
            stream = OpenStream(running, self._voices, agent)
            self._open[config.stream_id] = stream
            self._empty.clear()
            logger.info("a stream began", extra=told)
            try:
                yield stream
            finally:
                del self._open[config.stream_id]
                if not self._open:
                    self._empty.set()
                await stream.hush()
                logger.info("a stream ended", extra=told)

    async def until_empty(self) -> None:
        """Wait until no stream is open."""
        await self._empty.wait()

    async def end(self, agent_id: str) -> None:
        """End the streams of an agent that is being deleted."""
        reason = ServiceError("agent_deleted", "This agent was deleted.", "GET /v1/agents lists the agents there are.")
        chosen = [stream for stream in self._open.values() if stream.agent_id == agent_id]
        await asyncio.gather(*(stream.end(reason) for stream in chosen))


def _config(agent: Agent, request: StreamRequest, background: Background) -> StreamConfig:
    settings: Mapping[str, Any] = agent.settings
    video = settings.get("video") or {}
    default = PictureConfig()
    return StreamConfig(
        stream_id=f"str_{secrets.token_hex(8)}",
        agent_id=agent.agent_id,
        sample_rate_hz=request.sample_rate_hz,
        channels=request.channels,
        output_rate_hz=request.output_rate_hz,
        driver=request.driver,
        picture=PictureConfig(
            format=request.picture_format,
            width_px=request.width_px or video.get("width") or default.width_px,
            height_px=request.height_px or video.get("height") or default.height_px,
            fps=request.fps or video.get("fps") or default.fps,
            quality=request.quality or default.quality,
            bitrate_bps=request.bitrate_bps or video.get("max_bitrate") or default.bitrate_bps,
            background=background,
        ),
        look_ahead_ms=_first(request.look_ahead_ms, settings.get("look_ahead_ms"), DEFAULT_LOOK_AHEAD_MS),
        idle_timeout_s=request.idle_timeout_s or DEFAULT_IDLE_TIMEOUT_S,
        idle_style=request.idle_style or settings.get("idle_style") or DEFAULT_IDLE_STYLE,
        # Two streams of one agent do not blink in step.
        seed=secrets.randbits(31),
    )


def _first(*values: int | None) -> int:
    return next(value for value in values if value is not None)
