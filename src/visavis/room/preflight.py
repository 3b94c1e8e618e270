"""Ask the LiveKit server about a token before anything is started: a wrong URL or token answers at once and clearly."""

from __future__ import annotations

import asyncio
from typing import Final

import httpx

from visavis.errors import RoomError
from visavis.room.config import signalling_url

TIMEOUT_S: Final = 5.0


async def check_room(room_url: str, room_token: str) -> None:
    """Whether a LiveKit server answers at ``room_url`` and lets ``room_token`` join.

    Raises:
        RoomError: ``room_url_invalid``, ``room_unreachable``, ``token_refused``.
    """
    url = signalling_url(room_url).replace("ws", "http", 1)
    unreachable = "Check the room URL, and that the LiveKit server runs and can be reached from this machine."
    try:
        async with asyncio.timeout(TIMEOUT_S), httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
            answer = await client.get(f"{url}/rtc/validate", headers={"Authorization": f"Bearer {room_token}"})
    except (httpx.HTTPError, TimeoutError, OSError, ValueError) as error:
        raise RoomError(
            "room_unreachable", f"No LiveKit server answers at {url} ({_reason(error)}).", unreachable
        ) from None
    if answer.status_code in (401, 403):
        raise RoomError(
            "token_refused",
            f"The LiveKit server refuses the room token: {_excerpt(answer.text)}.",
            "Sign it with the API key and secret of this very server, for the room to join.",
        )
    if answer.status_code != 200:
        raise RoomError(
            "room_unreachable",
            f"What answers at {url} is not a LiveKit server that lets anyone in (HTTP {answer.status_code}: "
            f"{_excerpt(answer.text)}).",
            unreachable,
        )


def _excerpt(text: str) -> str:
    return " ".join(text.split())[:120].rstrip(".") or "no reason given"


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return f"nothing in {TIMEOUT_S:.0f} s"
    return _excerpt(str(error)) if str(error) else type(error).__name__
