"""Codes of what happens to sessions, in words."""

from __future__ import annotations

from typing import Final

NAME_NOT_SET: Final = "name_not_set"

WARNINGS: Final = {
    NAME_NOT_SET: "Others see the name of the token: it does not let the agent change its name (canUpdateOwnMetadata).",
}
"""What a room reports by code."""

SERVER_DIED: Final = "server_died"

REASONS: Final = {
    "asked": "It was asked to leave.",
    "left": "It was asked to leave.",
    "idle": "There was nobody to talk to.",
    "removed": "It was removed from the room.",
    "room_deleted": "The room was deleted.",
    "room_closed": "The room was closed.",
    "identity_taken": "Another participant joined with its identity.",
    "token_expired": "Its room token expired while the LiveKit server was away.",
    "room_lost": "The LiveKit server did not come back.",
    "crashed": "Its process died again and again.",
    "internal_error": "Something broke in its process; the log says what.",
    "leave_timeout": "It did not end when told to.",
    "server_stopped": "visavis was stopped.",
    SERVER_DIED: "visavis ended without warning while this session was running.",
}
"""Why sessions end."""
