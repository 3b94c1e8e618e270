"""(Avatar, face state) -> frame: the hot loop. See docs/render.md."""

from visavis.render.renderer import Renderer

__all__ = ["Renderer"]
