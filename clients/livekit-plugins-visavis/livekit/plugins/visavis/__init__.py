"""A face for LiveKit agents: avatars by visavis, on CPUs, self-hosted."""

import logging

from livekit.agents import Plugin

from .avatar import AvatarSession
from .errors import VisavisException
from .version import __version__

__all__ = ["AvatarSession", "VisavisException", "__version__"]


class VisavisPlugin(Plugin):
    """What the framework knows of this plugin."""

    def __init__(self) -> None:
        super().__init__(__name__, __version__, __package__ or __name__, logging.getLogger(__name__))


Plugin.register_plugin(VisavisPlugin())
