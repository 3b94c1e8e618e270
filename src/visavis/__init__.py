"""visavis gives a LiveKit room a face: a portrait photo that speaks, lip-synced, on ordinary CPUs.

from visavis import Avatar, Performer

avatar = Avatar.from_photo("me.jpg")
performer = Performer(avatar)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from visavis.acting import Emotion, Gesture
    from visavis.avatar import Avatar
    from visavis.errors import VisavisError
    from visavis.performer import Performer, Tick

__version__ = "0.1.0"
__all__ = ["Avatar", "Emotion", "Gesture", "Performer", "Tick", "VisavisError", "__version__"]

_HOMES = {
    "Avatar": "visavis.avatar",
    "Emotion": "visavis.acting",
    "Gesture": "visavis.acting",
    "Performer": "visavis.performer",
    "Tick": "visavis.performer",
    "VisavisError": "visavis.errors",
}


def __getattr__(name: str) -> Any:
    # Imported on first use: `visavis --help` and the service need no renderer.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
