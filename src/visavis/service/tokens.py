"""Room tokens: read one that a client hands in, make one for a client that asks."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import jwt
from google.protobuf.json_format import ParseDict, ParseError
from livekit.api import AccessToken, VideoGrants
from livekit.protocol.room import RoomConfiguration

from visavis.errors import ServiceError

CLOCK_LEEWAY: Final = timedelta(seconds=60)
"""What livekit-server forgives between its clock and the token maker's."""

TOKEN_LIFETIME: Final = timedelta(hours=6)
"""LiveKit's own default. It bounds joining, not staying."""


@dataclass(frozen=True, slots=True)
class LiveKitKey:
    """A LiveKit server and the key that makes tokens for it."""

    url: str
    api_key: str
    api_secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class RoomClaims:
    """What a room token says, unverified: only the server that is joined can verify it."""

    identity: str
    name: str
    room: str
    issuer: str
    expires_at: datetime | None
    can_publish: bool
    can_update_own_metadata: bool
    fingerprint: str
    """Tells one token from another without keeping it."""


def read_room_token(token: str, *, now: datetime | None = None) -> RoomClaims:
    """What ``token`` says, if it is one an agent can join a room and publish with.

    Raises:
        ServiceError: ``token_malformed``, ``token_expired``, ``token_cannot_join``, ``token_cannot_publish``.
    """
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise ServiceError(
            "token_malformed",
            f"The room token is not a JWT ({error}).",
            "Pass the access token itself, as LiveKit's server SDKs make it (three parts separated by dots).",
        ) from None
    expires_at = _instant(claims.get("exp"))
    now = now or datetime.now(UTC)
    if expires_at and expires_at + CLOCK_LEEWAY < now:
        raise ServiceError(
            "token_expired",
            f"The room token expired at {expires_at:%Y-%m-%d %H:%M:%S} UTC; it is {now:%Y-%m-%d %H:%M:%S} now.",
            "Make a new token for this join.",
            status=403,
        )
    video = claims.get("video")
    grants: Mapping[str, Any] = video if isinstance(video, dict) else {}
    identity, room = claims.get("sub") or claims.get("identity") or "", grants.get("room") or ""
    if not grants.get("roomJoin") or not room or not identity:
        raise ServiceError(
            "token_cannot_join",
            "The room token does not let anyone join a room: it needs an identity, a room and the grant roomJoin.",
            "Make it with VideoGrants(room_join=True, room=...) and with_identity(...).",
            status=403,
        )
    sources = grants.get("canPublishSources") or ()
    may_publish = grants.get("canPublish", True) and (not sources or {"camera", "microphone"} <= set(sources))
    if not may_publish:
        raise ServiceError(
            "token_cannot_publish",
            "The room token does not let the agent publish its picture and voice.",
            "Grant canPublish, and where canPublishSources is set, camera and microphone.",
            status=403,
        )
    return RoomClaims(
        identity=str(identity),
        name=str(claims.get("name") or ""),
        room=str(room),
        issuer=str(claims.get("iss") or ""),
        expires_at=expires_at,
        can_publish=True,
        can_update_own_metadata=bool(grants.get("canUpdateOwnMetadata")),
        fingerprint=hashlib.sha256(token.encode()).hexdigest(),
    )


def check_signature(token: str, key: LiveKitKey) -> None:
    """Whether ``token`` was signed with ``key``, where it says so.

    Raises:
        ServiceError: ``token_refused``.
    """
    try:
        jwt.decode(token, key.api_secret, algorithms=["HS256"], leeway=CLOCK_LEEWAY)
    except jwt.PyJWTError as error:
        raise ServiceError(
            "token_refused",
            f"The room token does not fit the key {key.api_key} of this LiveKit server ({error}).",
            "Sign it with that key's secret, or ask POST /v1/room-tokens for one.",
            status=403,
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomTokenRequest:
    """LiveKit's standard token-endpoint request; everything is optional."""

    room_name: str | None = None
    participant_identity: str | None = None
    participant_name: str | None = None
    participant_metadata: str | None = None
    participant_attributes: Mapping[str, str] | None = None
    room_config: Mapping[str, Any] | None = None


def make_room_token(request: RoomTokenRequest, key: LiveKitKey) -> str:
    """A token to join a room, publish, subscribe and send data; room and identity are made up where not given.

    Raises:
        ServiceError: ``bad_room_config``: a ``room_config`` that is not LiveKit's RoomConfiguration.
    """
    identity = request.participant_identity or f"user-{secrets.token_hex(4)}"
    token = (
        AccessToken(key.api_key, key.api_secret)
        .with_identity(identity)
        .with_ttl(TOKEN_LIFETIME)
        .with_grants(VideoGrants(room_join=True, room=request.room_name or f"room-{secrets.token_hex(4)}"))
    )
    if request.participant_name:
        token.with_name(request.participant_name)
    if request.participant_metadata:
        token.with_metadata(request.participant_metadata)
    if request.participant_attributes:
        token.with_attributes(dict(request.participant_attributes))
    if request.room_config:
        try:
            token.with_room_config(ParseDict(dict(request.room_config), RoomConfiguration()))
        except ParseError as error:
            raise ServiceError(
                "bad_room_config",
                f"room_config: {error}",
                "It must be LiveKit's RoomConfiguration as JSON.",
                status=422,
            ) from None
    return token.to_jwt()


def _instant(value: object) -> datetime | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None
