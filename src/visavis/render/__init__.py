"""(Avatar, face state) -> frame: the hot loop. See docs/render.md."""

from visavis.avatar import Avatar
from visavis.background import KEEP, Background
from visavis.render.clip_renderer import ClipRenderer
from visavis.render.figure import Figure
from visavis.render.renderer import Renderer

__all__ = ["ClipRenderer", "Figure", "Renderer", "open_renderer"]


def open_renderer(avatar: Avatar, width_px: int, height_px: int, *, background: Background = KEEP) -> Figure:
    """The renderer for a photo's avatar or for a clip's; arguments and errors are theirs."""
    kind = ClipRenderer if avatar.clip else Renderer
    return kind(avatar, width_px, height_px, background=background)
