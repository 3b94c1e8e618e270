"""Agents: made from a portrait, listed, deleted; their avatars built one after the other."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from visavis.avatar import Avatar
from visavis.background import Background, parse_background, read_image
from visavis.errors import AvatarFileError, PortraitRefused, ServiceError, VisavisError
from visavis.service.builder import AvatarBuilder, BuildJob
from visavis.service.demos import DEMOS, Demo
from visavis.store import Agent, AgentStore, FolderBlobs

logger = logging.getLogger(__name__)

FILES_FOLDER: Final = "files"
"""Of the data folder: portraits, avatars, pictures."""

AGENT_ID_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without the characters people confuse."""
AGENT_ID_LENGTH: Final = 10
PORTRAIT_PREFIX: Final = "P"
PORTRAIT_ID_LENGTH: Final = 15
"""Agents that a bare portrait stands for are named by its bytes."""
PICTURE: Final = "picture"
"""The background that is the agent's own picture."""
PROGRESS_STEP: Final = 0.05
"""Smaller steps of progress are not written to the database."""


class AgentService:
    """The rules about agents. :meth:`run` must run beside it: it builds what waits to be built."""

    def __init__(
        self, store: AgentStore, blobs: FolderBlobs, builder: AvatarBuilder, *, max_portrait_bytes: int
    ) -> None:
        self._store = store
        self._blobs = blobs
        self._builder = builder
        self._max_portrait_bytes = max_portrait_bytes
        self._waiting: asyncio.Queue[str] = asyncio.Queue()
        self._built = asyncio.Condition()

    async def create(self, portrait: bytes, name: str, settings: dict[str, Any]) -> Agent:
        """A new agent, ``processing``; its avatar is built as soon as its turn comes.

        Raises:
            ServiceError: ``portrait_missing`` (no bytes), ``portrait_too_large``.
        """
        self.check_portrait_size(len(portrait))
        agent_id = "A" + "".join(secrets.choice(AGENT_ID_ALPHABET) for _ in range(AGENT_ID_LENGTH - 1))
        agent = _new_agent(agent_id, name, settings)
        # The photo first: an agent in the database can always be built again.
        await asyncio.to_thread(self._blobs.put, _photo_key(agent_id), portrait)
        await self._store.add(agent)
        self._waiting.put_nowait(agent_id)
        return agent

    async def of_portrait(self, portrait: bytes) -> str:
        """The id of the agent of a portrait: the same picture is built once. Returns when it is ready.

        Raises:
            ServiceError: as :meth:`create`.
            VisavisError: the portrait's refusal.
        """
        self.check_portrait_size(len(portrait))
        agent_id = PORTRAIT_PREFIX + hashlib.sha256(portrait).hexdigest()[:PORTRAIT_ID_LENGTH].upper()
        async with self._built:
            if await self._store.get(agent_id) is None:
                await asyncio.to_thread(self._blobs.put, _photo_key(agent_id), portrait)
                await self._store.add(_new_agent(agent_id, f"Portrait {agent_id[-4:]}", {}))
                self._waiting.put_nowait(agent_id)
            while (agent := await self.get(agent_id)).status == "processing":
                await self._built.wait()
        if agent.error is not None:
            raise PortraitRefused(**agent.error)
        return agent_id

    def check_portrait_size(self, size_bytes: int) -> None:
        """Refuse a photo that is empty or too large to be worth reading."""
        if size_bytes == 0:
            raise ServiceError(
                "portrait_missing", "The portrait is empty (0 bytes).", "Send a JPEG, PNG or WebP file.", status=422
            )
        if size_bytes > self._max_portrait_bytes:
            raise ServiceError(
                "portrait_too_large",
                f"The portrait is larger than {self._max_portrait_bytes / 1e6:.0f} MB.",
                "Send a smaller file; 1024 pixels across the face are plenty, and 720 rows in a clip.",
                status=413,
            )

    async def get(self, agent_id: str) -> Agent:
        """The agent. Raises ``agent_not_found``."""
        agent = await self._store.get(agent_id)
        if agent is None:
            raise ServiceError(
                "agent_not_found",
                f"There is no agent {agent_id[:80]!r}.",
                "GET /v1/agents lists the agents there are.",
                status=404,
            )
        return agent

    async def all(self) -> list[Agent]:
        """Every agent, oldest first."""
        return await self._store.all()

    async def ready(self, agent_id: str) -> tuple[Agent, Path]:
        """An agent that can join a room, and its avatar file.

        Raises:
            ServiceError: ``agent_not_found``; ``agent_not_ready`` while it is built or where that failed.
        """
        agent = await self.get(agent_id)
        if agent.status == "processing":
            raise ServiceError(
                "agent_not_ready",
                f"{agent.name} is still being built: {agent.step} ({agent.progress:.0%}).",
                f"Ask GET /v1/agents/{agent_id} until its status is ready; that takes seconds.",
                status=409,
            )
        if agent.status == "failed":
            why = (agent.error or {}).get("message", "")
            raise ServiceError(
                "agent_not_ready",
                f"{agent.name} has no avatar: its portrait was refused. {why}".strip(),
                "Create a new agent with another photo.",
                status=409,
            )
        return agent, self._blobs.local_path(_avatar_key(agent_id))

    async def picture(self, agent_id: str, *, thumbnail: bool = False) -> bytes:
        """A JPEG of the agent as a room sees it. Raises ``agent_not_found``, ``agent_not_ready``."""
        await self.ready(agent_id)
        key = _thumbnail_key(agent_id) if thumbnail else _picture_key(agent_id)
        try:
            return await asyncio.to_thread(self._blobs.get, key)
        except KeyError:
            # Deleted between the two looks.
            await self.get(agent_id)
            raise

    async def set_background(self, agent_id: str, picture: bytes) -> Agent:
        """Put a picture behind the agent, in sessions that begin from now on and choose nothing else.

        Raises:
            ServiceError: ``agent_not_found``.
            VisavisError: ``background_unreadable``, ``background_too_large``.
        """
        await self.get(agent_id)
        await asyncio.to_thread(read_image, picture)
        await asyncio.to_thread(self._blobs.put, _background_key(agent_id), picture)
        return await self._with_background(agent_id, PICTURE)

    async def remove_background(self, agent_id: str) -> Agent:
        """Take the agent's picture away; where there is none, nothing. Raises ``agent_not_found``."""
        agent = await self.get(agent_id)
        await asyncio.to_thread(self._blobs.delete, _background_key(agent_id))
        if agent.settings.get("video", {}).get("background") != PICTURE:
            return agent
        return await self._with_background(agent_id, None)

    async def background(self, agent_id: str, chosen: str | None) -> Background:
        """What is behind the agent where ``chosen`` says so, as the API takes it.

        Raises:
            ServiceError: ``background_missing`` for the agent's picture where it has none.
            VisavisError: ``background_unknown``.
        """
        if chosen != PICTURE:
            return parse_background(chosen or "keep")
        try:
            return Background("image", image=await asyncio.to_thread(self._blobs.get, _background_key(agent_id)))
        except KeyError:
            raise ServiceError(
                "background_missing",
                "This agent has no background picture.",
                f"PUT one to /v1/agents/{agent_id}/background, or choose keep, blur or a colour such as #00ff00.",
                status=409,
            ) from None

    async def delete(self, agent_id: str) -> None:
        """Forget the agent and its files. Raises ``agent_not_found``."""
        await self.get(agent_id)
        await self._store.delete(agent_id)
        await asyncio.to_thread(self._blobs.delete, _folder_key(agent_id))

    async def plant_demos(self, demos: tuple[Demo, ...] = DEMOS) -> None:
        """Make the demo agents that were never made here; one that was deleted stays deleted."""
        planted = await self._store.planted()
        for demo in demos:
            if demo.agent_id not in planted:
                await asyncio.to_thread(self._blobs.put, _photo_key(demo.agent_id), demo.photo())
                await self._store.plant(_new_agent(demo.agent_id, demo.name, demo.settings, demo=demo.agent_id))

    async def resume(self) -> None:
        """Queue what a stop left unbuilt, and what an older version built differently."""
        for agent in await self._store.all():
            if agent.status == "ready" and not await asyncio.to_thread(self._is_usable, agent.agent_id):
                await self._store.update(agent.agent_id, status="processing", progress=0.0, step="waiting")
                self._waiting.put_nowait(agent.agent_id)
            elif agent.status == "processing":
                self._waiting.put_nowait(agent.agent_id)

    async def run(self) -> None:
        """Build avatars until cancelled."""
        while True:
            agent_id = await self._waiting.get()
            await self._build(agent_id)
            async with self._built:
                self._built.notify_all()

    async def _with_background(self, agent_id: str, chosen: str | None) -> Agent:
        settings = dict((await self.get(agent_id)).settings)
        video = {name: value for name, value in settings.pop("video", {}).items() if name != "background"}
        if chosen:
            video["background"] = chosen
        await self._store.update(agent_id, settings=settings | ({"video": video} if video else {}))
        return await self.get(agent_id)

    def _is_usable(self, agent_id: str) -> bool:
        try:
            Avatar.load(self._blobs.local_path(_avatar_key(agent_id)))
        except AvatarFileError:
            return False
        return True

    async def _build(self, agent_id: str) -> None:
        if await self._store.get(agent_id) is None:
            return
        written = ("", -1.0)

        async def on_progress(step: str, progress: float) -> None:
            nonlocal written
            if step != written[0] or progress >= written[1] + PROGRESS_STEP:
                written = (step, progress)
                await self._store.update(agent_id, step=step, progress=progress)

        job = BuildJob(*(self._blobs.local_path(key(agent_id)) for key in _JOB_KEYS))
        try:
            report = await self._builder.build(job, on_progress)
        except VisavisError as error:
            logger.info("a portrait did not become an avatar", extra={"agent_id": agent_id, "code": error.code})
            await self._store.update(agent_id, status="failed", step="failed", error=error.as_dict())
        except Exception:
            logger.exception("building an avatar failed", extra={"agent_id": agent_id})
            broke = VisavisError("portrait_failed", "Building the avatar failed.", "The server's log says why.")
            await self._store.update(agent_id, status="failed", step="failed", error=broke.as_dict())
        else:
            notes = [{"code": code, "message": message} for code, message in report.findings]
            await self._store.update(
                agent_id, status="ready", step="ready", progress=1.0, error=None, notes=notes, quality=report.quality
            )
            logger.info("an agent is ready", extra={"agent_id": agent_id})
        if await self._store.get(agent_id) is None:
            # Deleted while it was built: what the worker wrote since must go too.
            await asyncio.to_thread(self._blobs.delete, _folder_key(agent_id))


def avatar_path(data_dir: Path, agent_id: str) -> Path:
    """Where a data folder keeps an agent's avatar; for tools that work without the service."""
    return FolderBlobs(data_dir / FILES_FOLDER).local_path(_avatar_key(agent_id))


def _new_agent(agent_id: str, name: str, settings: dict[str, Any], demo: str | None = None) -> Agent:
    now = datetime.now(UTC)
    return Agent(
        agent_id=agent_id,
        name=name,
        status="processing",
        progress=0.0,
        step="waiting",
        error=None,
        notes=[],
        quality=None,
        settings=settings,
        demo=demo,
        created_at=now,
        updated_at=now,
    )


def _folder_key(agent_id: str) -> str:
    return f"agents/{agent_id}"


def _photo_key(agent_id: str) -> str:
    return f"agents/{agent_id}/photo"


def _avatar_key(agent_id: str) -> str:
    return f"agents/{agent_id}/{agent_id}.avatar"


def _picture_key(agent_id: str) -> str:
    return f"agents/{agent_id}/picture.jpg"


def _thumbnail_key(agent_id: str) -> str:
    return f"agents/{agent_id}/thumbnail.jpg"


def _background_key(agent_id: str) -> str:
    return f"agents/{agent_id}/background"


_JOB_KEYS: Final = (_photo_key, _avatar_key, _picture_key, _thumbnail_key)
"""In the order of :class:`BuildJob`."""
