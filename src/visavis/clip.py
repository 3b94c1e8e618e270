"""What the avatar of a video portrait has beside the still one: its footage, and where the face is in each frame.

A frame of the footage shows the canvas and what the clip has beside and below it, in canvas pixels, shifted by
:attr:`Clip.left_px`. ``W`` of a frame says where a point of the canvas at rest lies in it,

``W(p) = affine @ [p, 1] + warp(p)``, ``warp`` being bilinear between the nodes of a grid and constant beyond it.

What the clip's own mouth does is told apart from that, so that it can be undone: :attr:`Clip.jaw`,
:attr:`Clip.border_px`, :attr:`Clip.line_px`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

CLIP_RATE_HZ: Final = 25.0
"""At which the footage is played."""
MAX_CLIP_FRAMES: Final = 1000
MAX_BLUR_PX: Final = 4.0
MAX_BESIDE_PX: Final = 1024
"""How far a frame may reach beyond the canvas to any side, canvas pixels."""

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]


def array_field(dtype: str, *shape: int | str, below: str = "") -> Any:
    """A field that holds an array; a name in ``shape`` is a size that fields share, ``below`` bounds indices."""
    return field(metadata={"dtype": dtype, "shape": shape, "below": below})


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """A loop of footage. Displacements are canvas pixels of the avatar's own frame, relative to what that shows."""

    packets: U8 = array_field("U8", "*")
    """H.264 (Annex B), one packet a frame, one after the other; no frame refers to a later one."""
    packet_bytes: I32 = array_field("I32", "frames")
    """Length of each."""
    key_every: float
    """Decoding can begin at every so manieth frame."""
    left_px: float
    """How far a frame reaches beyond the canvas; whole and even."""
    right_px: float
    below_px: float
    affine: F32 = array_field("F32", "frames", 2, 4)
    """Canvas x, y, z, 1 -> canvas x, y in this frame."""
    warp: F32 = array_field("F32", "frames", "warp_rows", "warp_columns", 2)
    """What else the face does, but for opening its mouth: pixels x, y at the nodes of a grid."""
    warp_corner_px: F32 = array_field("F32", 2)
    """The first node, canvas pixels,"""
    warp_step_px: float
    """and the distance between two."""
    jaw: F32 = array_field("F32", "frames")
    """How far the clip's own jaw is open, in strengths of the base ``jaw``."""
    border_px: F32 = array_field("F32", "frames", 20, 2)
    """Displacement of its vermilion border, the jaw's part included; points as in ``Lips.skin_weights``,"""
    line_px: F32 = array_field("F32", "frames", 20, 2)
    """and of the edges of its lips: image-left corner, 9 upper, other corner, 9 lower."""
    opened: F32 = array_field("F32", "frames")
    """0 the clip's lips are shut .. 1 they are apart: closing them takes a line that the frame does not show."""
    light: F32 = array_field("F32", "frames")
    """Brightness of the skin, relative to the avatar's own frame."""
    blur_px: float
    """Standard deviation of the footage's blur, canvas pixels: the mouth's inside is drawn as soft."""

    @property
    def frame_count(self) -> int:
        return len(self.packet_bytes)

    def frame_at(self, time_s: float) -> int:
        """The frame that is shown ``time_s`` after the beginning; the loop begins again and again."""
        return int(time_s * CLIP_RATE_HZ + 1e-6) % self.frame_count


def check_clip(clip: Clip) -> None:
    """That a stranger's clip is what it should be.

    Raises:
        ValueError: it is not.
    """
    sides = (clip.left_px, clip.right_px, clip.below_px)
    if any(side % 2 or not 0 <= side <= MAX_BESIDE_PX for side in sides):
        raise ValueError("clip reaches too far beyond the canvas")
    if clip.frame_count > MAX_CLIP_FRAMES or clip.packet_bytes.min() < 1:
        raise ValueError("clip has bad packets")
    if int(clip.packet_bytes.sum(dtype=np.int64)) != len(clip.packets):
        raise ValueError("clip's packets have other lengths than they should have")
    if clip.key_every % 1 or not 1 <= clip.key_every <= MAX_CLIP_FRAMES:
        raise ValueError("clip.key_every is out of range")
    if not 0 <= clip.blur_px <= MAX_BLUR_PX:
        raise ValueError("clip.blur_px is out of range")
    if not 1 <= clip.warp_step_px <= 256:
        raise ValueError("clip.warp_step_px is out of range")
