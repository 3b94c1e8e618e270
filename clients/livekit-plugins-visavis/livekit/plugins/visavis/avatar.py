"""An avatar of a visavis server as the face of an agent session."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import aiohttp
from livekit import api, rtc
from livekit.agents import (
    DEFAULT_API_CONNECT_OPTIONS,
    NOT_GIVEN,
    AgentSession,
    APIConnectOptions,
    NotGivenOr,
    get_job_context,
)
from livekit.agents.types import ATTRIBUTE_PUBLISH_ON_BEHALF
from livekit.agents.voice.avatar import AvatarSession as BaseAvatarSession
from livekit.agents.voice.avatar import DataStreamAudioOutput

from .acting import Acting
from .errors import VisavisException

DEFAULT_URL: Final = "http://127.0.0.1:7700"
DEFAULT_IDENTITY: Final = "visavis-avatar-agent"
REQUEST_TIMEOUT_S: Final = 60.0
"""A portrait that was never seen takes seconds to build."""
_RETRIED: Final = frozenset({502, 503, 504})


class AvatarSession(Acting, BaseAvatarSession):
    """A face for an agent session: ``await avatar.start(session, room=ctx.room)`` before ``session.start``.

    Once it has started, :meth:`show_emotion` and :meth:`make_gesture` move the face; :meth:`tools` lets a language
    model do it.

    Args:
        agent_id: an agent of the visavis server.
        portrait: instead of one: a photo's path, bytes, or http(s) URL. The same photo is built once.
        api_url: the server; ``VISAVIS_URL``, else this machine's.
        api_key: its key; ``VISAVIS_API_KEY``. It goes to the server alone.
        avatar_participant_identity, avatar_participant_name: who the avatar is in the room.
        video: width, height, fps, max_bitrate, codec; the server's defaults where absent.
        idle_style: how lively the face is where nothing else is asked of it: calm, lively, still. For an ``agent_id``.
    """

    def __init__(
        self,
        *,
        agent_id: NotGivenOr[str] = NOT_GIVEN,
        portrait: NotGivenOr[str | Path | bytes] = NOT_GIVEN,
        api_url: NotGivenOr[str] = NOT_GIVEN,
        api_key: NotGivenOr[str] = NOT_GIVEN,
        avatar_participant_identity: NotGivenOr[str] = NOT_GIVEN,
        avatar_participant_name: NotGivenOr[str] = NOT_GIVEN,
        video: Mapping[str, Any] | None = None,
        idle_style: NotGivenOr[str] = NOT_GIVEN,
        conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS,
    ) -> None:
        BaseAvatarSession.__init__(self)
        Acting.__init__(self, self._place)
        if bool(agent_id) == bool(portrait):
            raise VisavisException("invalid_request", "Give either agent_id or portrait.")
        self._agent_id = agent_id or None
        self._portrait = portrait or None
        self._api_url = (api_url or os.getenv("VISAVIS_URL") or DEFAULT_URL).rstrip("/")
        key = api_key or os.getenv("VISAVIS_API_KEY")
        if not key:
            raise VisavisException(
                "key_missing", "No API key is given.", "Set VISAVIS_API_KEY: it is in the server's keys.json."
            )
        self._api_key = key
        self._identity = avatar_participant_identity or DEFAULT_IDENTITY
        self._name = avatar_participant_name or self._identity
        self._video = dict(video or {})
        self._idle_style = idle_style or None
        self._room: rtc.Room | None = None
        self._conn_options = conn_options
        self.session_id: str | None = None
        """The server's id of the session, once it has started."""

    @property
    def avatar_identity(self) -> str:
        """The avatar's identity in the room."""
        return self._identity

    @property
    def provider(self) -> str:
        """Named in metrics."""
        return "visavis"

    async def start(
        self,
        agent_session: AgentSession,
        room: rtc.Room,
        *,
        livekit_url: NotGivenOr[str] = NOT_GIVEN,
        livekit_api_key: NotGivenOr[str] = NOT_GIVEN,
        livekit_api_secret: NotGivenOr[str] = NOT_GIVEN,
    ) -> None:
        """Bring the avatar into ``room`` and let the session speak through it.

        Raises:
            VisavisException: what the server refused; ``unreachable`` where it does not answer.
        """
        await super().start(agent_session, room)
        url = livekit_url or os.getenv("LIVEKIT_URL")
        key = livekit_api_key or os.getenv("LIVEKIT_API_KEY")
        secret = livekit_api_secret or os.getenv("LIVEKIT_API_SECRET")
        if not url or not key or not secret:
            raise VisavisException(
                "livekit_not_configured",
                "livekit_url, livekit_api_key and livekit_api_secret are needed.",
                "Pass them, or set LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.",
            )
        job = get_job_context(required=False)
        agent_identity = job.local_participant_identity if job else room.local_participant.identity
        token = (
            api.AccessToken(api_key=key, api_secret=secret)
            .with_kind("agent")
            .with_identity(self._identity)
            .with_name(self._name)
            .with_grants(api.VideoGrants(room_join=True, room=room.name))
            .with_attributes({ATTRIBUTE_PUBLISH_ON_BEHALF: agent_identity})
            .to_jwt()
        )
        async with aiohttp.ClientSession(
            headers={"Authorization": f"Bearer {self._api_key}"}, timeout=aiohttp.ClientTimeout(REQUEST_TIMEOUT_S)
        ) as http:
            answer = await self._join(http, url, token)
        self.session_id = answer["session_id"]
        self._room = room
        agent_session.output.replace_audio_tail(
            DataStreamAudioOutput(
                room=room,
                destination_identity=self._identity,
                wait_remote_track=rtc.TrackKind.KIND_VIDEO,
                wait_playback_start=True,
            )
        )

    def _place(self) -> tuple[rtc.Room, str]:
        if self._room is None:
            raise VisavisException("not_started", "The avatar is not in a room.", "Call start first.")
        return self._room, self._identity

    async def _join(self, http: aiohttp.ClientSession, url: str, token: str) -> dict[str, Any]:
        if self._agent_id is not None:
            body: dict[str, Any] = {"room_url": url, "room_token": token, "participant_name": self._name}
            if self._video:
                body["video"] = self._video
            if self._idle_style:
                body["idle_style"] = self._idle_style
            return await self._post(http, f"/v1/agents/{self._agent_id}/join-room", json=body)
        fields = {"livekit_url": url, "livekit_token": token}
        portrait = self._portrait
        if isinstance(portrait, str) and portrait.lower().startswith(("http://", "https://")):
            return await self._post(http, "/v1/runtime-tokens/request", json=fields | {"image": portrait})
        photo = portrait if isinstance(portrait, bytes) else await asyncio.to_thread(Path(str(portrait)).read_bytes)
        return await self._post(http, "/v1/runtime-tokens/request", photo=photo, fields=fields)

    async def _post(
        self,
        http: aiohttp.ClientSession,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        photo: bytes | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """The answer; what may pass is tried again, safely: the same token finds the same session."""
        problem = VisavisException("unreachable", f"No visavis server answers at {self._api_url}.", "Set VISAVIS_URL.")
        for attempt in range(self._conn_options.max_retry + 1):
            if attempt:
                await asyncio.sleep(self._conn_options.retry_interval)
            try:
                async with http.post(
                    self._api_url + path, json=json, data=None if photo is None else _form(fields or {}, photo)
                ) as response:
                    if response.ok:
                        answer: dict[str, Any] = await response.json()
                        return answer
                    problem = await _problem(response)
                    if response.status not in _RETRIED:
                        break
            except (TimeoutError, aiohttp.ClientConnectionError):
                continue
        raise problem


def _form(fields: Mapping[str, str], photo: bytes) -> aiohttp.FormData:
    form = aiohttp.FormData(fields)
    form.add_field("avatar_image", photo, filename="portrait", content_type="application/octet-stream")
    return form


async def _problem(response: aiohttp.ClientResponse) -> VisavisException:
    try:
        error = (await response.json())["error"]
        return VisavisException(error["code"], error["message"], error.get("hint", ""))
    except (ValueError, KeyError, TypeError, aiohttp.ContentTypeError):
        return VisavisException("unknown", f"The server answered with HTTP {response.status}.")
