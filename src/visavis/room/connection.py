"""Entering a room with the bare SDK."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

import jwt
from livekit import rtc

from visavis.errors import RoomError
from visavis.room.config import signalling_url

logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S: Final = 8.0
TOKEN_LEEWAY_S: Final = 60.0
"""What livekit-server forgives between its clock and the token maker's."""
PUBLISH_ON_BEHALF: Final = "lk.publish_on_behalf"
"""Attribute of a participant that publishes for an agent: an avatar."""
AGENT_ATTRIBUTE: Final = "visavis.agent_id"
SESSION_ATTRIBUTE: Final = "visavis.session_id"
RUNG_ATTRIBUTE: Final = "visavis.rung"
"""How the picture is shown: ``512x512@25``, ..., ``audio only``."""
RUNG_REASON_ATTRIBUTE: Final = "visavis.rung_reason"
"""Why not in full: ``network`` or ``cpu``; empty where it is."""
VIDEO_TRACK_NAME: Final = "avatar_video"
AUDIO_TRACK_NAME: Final = "avatar_audio"

FINAL_REASONS: Final = {
    rtc.DisconnectReason.DUPLICATE_IDENTITY: "identity_taken",
    rtc.DisconnectReason.PARTICIPANT_REMOVED: "removed",
    rtc.DisconnectReason.ROOM_DELETED: "room_deleted",
    rtc.DisconnectReason.ROOM_CLOSED: "room_closed",
}
"""Being told to go; everything else is an accident that is worth rejoining after."""


async def connect(room: rtc.Room, room_url: str, room_token: str) -> None:
    """Enter the room.

    Raises:
        RoomError: ``room_url_invalid``, ``room_unreachable``.
    """
    url = signalling_url(room_url)
    options = rtc.RoomOptions(auto_subscribe=False, dynacast=True, connect_timeout=CONNECT_TIMEOUT_S)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S + 1):
            await room.connect(url, room_token, options)
    except (rtc.ConnectError, TimeoutError) as error:
        raise RoomError(
            "room_unreachable",
            f"The room at {url} could not be joined ({_first_line(error)}).",
            "Check that the LiveKit server runs, and that its media ports can be reached from this machine.",
        ) from None


def require_publishing(room: rtc.Room) -> None:
    """The SDK would wait ten seconds for a permission that the token does not give.

    Raises:
        RoomError: ``token_cannot_publish``.
    """
    granted = room.local_participant.permissions
    sources = set(granted.can_publish_sources)
    needed = {rtc.TrackSource.SOURCE_CAMERA, rtc.TrackSource.SOURCE_MICROPHONE}
    if not granted.can_publish or (sources and not needed <= sources):
        raise RoomError(
            "token_cannot_publish",
            "The room token does not let the agent publish its picture and voice.",
            "Grant canPublish, and camera and microphone where canPublishSources is used.",
        )


async def introduce(room: rtc.Room, name: str | None, agent_id: str, session_id: str) -> tuple[str, ...]:
    """Show others the wanted name and what this participant is; codes of what the token does not allow."""
    me = room.local_participant
    allowed = me.permissions.can_update_metadata
    if allowed:
        try:
            async with asyncio.timeout(3):
                await me.set_attributes({AGENT_ATTRIBUTE: agent_id, SESSION_ATTRIBUTE: session_id})
                if name is not None and me.name != name:
                    await me.set_name(name)
            return ()
        except Exception as error:  # the SDK raises bare exceptions here
            logger.warning("participant could not be named", extra={"error": type(error).__name__})
    return ("name_not_set",) if name is not None and me.name != name else ()


def is_machine(participant: rtc.RemoteParticipant) -> bool:
    """Whether a participant is an agent, an avatar or a recorder rather than somebody to talk to."""
    if participant.kind in (
        rtc.ParticipantKind.PARTICIPANT_KIND_AGENT,
        rtc.ParticipantKind.PARTICIPANT_KIND_EGRESS,
    ):
        return True
    if PUBLISH_ON_BEHALF in participant.attributes or AGENT_ATTRIBUTE in participant.attributes:
        return True
    return any(publication.name == VIDEO_TRACK_NAME for publication in participant.track_publications.values())


def may_watch(participant: rtc.RemoteParticipant) -> bool:
    """Whether a participant may look at the picture: people do, and recorders; agents only listen."""
    return bool(participant.kind != rtc.ParticipantKind.PARTICIPANT_KIND_AGENT)


def has_expired(room_token: str) -> bool:
    """Whether a token opens no room any more."""
    expires_s = jwt.decode(room_token, options={"verify_signature": False}).get("exp")
    return expires_s is not None and time.time() > float(expires_s) + TOKEN_LEEWAY_S


def silence_sdk_log() -> None:
    """Stop the SDK from forwarding every line of its log to Python: it costs more than 1 % of a core."""
    from livekit.rtc import _ffi_client as ffi  # no public switch exists; the SDK's version is pinned

    ffi.FfiClient.instance._ffi_lib.livekit_ffi_initialize(
        ffi.ffi_event_callback, False, b"python", rtc.__version__.encode()
    )


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:160]
