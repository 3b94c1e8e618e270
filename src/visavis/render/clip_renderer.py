"""A video portrait drawn frame after frame: its footage, the lower face moved as speech takes it, the mouth drawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import BASE_NAMES, LIP_COLUMNS, LIP_ROWS, LIP_TEXTURE_STEPS, TEXTURE_SCALE, Avatar
from visavis.background import KEEP, Background
from visavis.errors import VisavisError
from visavis.face import FaceState, neutral
from visavis.render.clip import ClipReader
from visavis.render.figure import PATCH_VERTICES, Figure
from visavis.render.kernels.clip import lay_over, mix_in, own_border, own_lips, own_mouth, place_points, reach_of
from visavis.render.kernels.lips import follow_border
from visavis.render.kernels.raster import EMPTY, rasterise
from visavis.render.renderer import SMALL_VIEW
from visavis.render.view import View, frame_view

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]

_LEFT_TO_THE_CLIP: Final = ("blinkLeft", "blinkRight", "breath", "sway")
"""Bases that stay at rest: the person in the clip blinks, breathes and sways."""
_QUIET: Final = np.array([BASE_NAMES.index(name) for name in _LEFT_TO_THE_CLIP])
_JAW: Final = BASE_NAMES.index("jaw")
_STILL_PX: Final = 0.03
"""A vertex that no base moves by more stays where it is."""
_DRAWN_BLUR_PX: Final = 0.6
"""Standard deviation of the blur that the drawn mouth has of its own, frame pixels."""
_LEAST_BLUR_PX: Final = 0.3
"""Less cannot be seen."""
_BLUR_REACH: Final = 3.0
"""Standard deviations."""
_SHOWN_FROM_MM: Final = 0.5
"""Lips that part show what is between them gradually up to here."""
_OUTLINE_BITS: Final = 4
"""Of a pixel's fraction, in the mouth's outline."""


class ClipRenderer(Figure):
    """Draws a video portrait; :meth:`seek` says which moment of it.

    Every pixel of the face comes from the clip's own frame and is moved to where speech takes it: skin, light, blur and
    grain are the frame's, and at rest the frame is the clip's. Only the inside of the mouth is drawn. The head's pose,
    gaze and blinks, breath and sway of a face state change nothing.
    """

    def __init__(
        self, avatar: Avatar, width_px: int = 512, height_px: int = 512, *, background: Background = KEEP
    ) -> None:
        """Prepare buffers and decode the first frame.

        Raises:
            ValueError: width or height is odd or out of range, or the avatar has no clip.
            VisavisError: ``background_not_for_clips``, ``avatar_damaged``.
        """
        if avatar.clip is None:
            raise ValueError("the avatar has no clip")
        if background.kind != "keep":
            raise VisavisError(
                "background_not_for_clips",
                "A video portrait keeps its own background.",
                "Choose the background keep, or create the agent from a photo.",
            )
        super().__init__(avatar, _view(avatar, width_px, height_px), avatar.vertices, avatar.bases)
        clip = self._clip = avatar.clip
        self._reader = ClipReader(clip)
        self._index, self._drawn_index = 0, -1
        # copies, whether the avatar is mapped or not: kernels are compiled anew for arrays that cannot be written
        self._affine, self._warp, self._corner = (np.array(x) for x in (clip.affine, clip.warp, clip.warp_corner_px))
        self._border, self._line = np.array(clip.border_px), np.array(clip.line_px)
        self._own_opening = np.maximum(np.abs(clip.jaw), np.abs(clip.border_px).max(axis=(1, 2)))
        self._prepare_mesh(avatar)
        self._prepare_lips(avatar)
        self._prepare_pictures(clip.left_px)
        self.render(neutral())

    def seek(self, time_s: float) -> bool:
        """Show this moment from now on, the clip going round and round; whether it looks different."""
        self._index = self._clip.frame_at(time_s)
        return self._index != self._drawn_index

    def render(self, face: FaceState) -> U8:
        """Draw one face state: ``uint8 [height, width, 3] BGR``, valid until the next call."""
        rig, index = self._rig, self._index
        rig.set(face)
        rig.bases[_QUIET] = 0
        self._draw_footage()
        self._drawn_index = index
        self._painted_line = max(float(self._avatar.lips.painted_line), float(self._clip.opened[index]))
        if self._painted_line <= 0 and self._own_opening[index] < _STILL_PX and not (rig.bases.any() or rig.lips.any()):
            return self._frame
        self._mouth_light = float(self._clip.light[index])
        self._deform()
        self._follow_own_mouth()
        self._shape_lips()
        self._place(self._points, self._drawn_rows, self._view_row, self._screen)
        self._join_lips()
        self._join_borders()
        self._draw_mesh()
        self._draw_soft_mouth()
        return self._frame

    def _draw_footage(self) -> None:
        cv2.cvtColor(self._reader.frame(self._index), cv2.COLOR_YUV2BGR_I420, dst=self._footage)
        if self._source is not self._footage:
            cv2.resize(self._footage, self._source.shape[1::-1], dst=self._source, interpolation=cv2.INTER_AREA)
        if self._shown is not None:
            np.copyto(self._frame, self._source[self._shown])
            return
        cv2.warpAffine(
            self._source, self._to_frame, (self.width_px, self.height_px), dst=self._frame, flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip

    def _follow_own_mouth(self) -> None:
        """Where everything lies in the footage, the clip's own mouth included."""
        index, lips = self._index, self._avatar.lips
        jaw = float(self._clip.jaw[index])
        own_mouth(self._seen, jaw, self._jaw_base, self._mesh_rows, self._own)
        own_border(self._border[index], jaw, self._jaw_border, self._own_residual)
        follow_border(self._own, lips.skin_rows, lips.skin_weights, self._own_residual)
        self._place(self._own, self._mesh_rows, self._source_row, self._texture_and_gain)
        np.dot(self._rig.bases, self._base_gains, out=self._base_gain)
        np.add(self._base_gain, 1, out=self._texture_and_gain[: self._count, 2])
        for seen, upper, texture in (
            (self._upper_seen, True, self._upper_texture),
            (self._lower_seen, False, self._lower_texture),
        ):
            own_lips(seen, self._border[index], self._line[index], upper, self._own_lip)
            self._place(self._own_lip.reshape(-1, 3), self._lip_rows, self._source_row, texture.reshape(-1, 2))

    def _place(self, points: F32, rows: I32, view_row: F32, out: F32) -> None:
        index = self._index
        place_points(
            points, rows, self._affine[index], self._warp[index], self._corner, float(self._clip.warp_step_px),
            view_row, out,
        )  # fmt: skip

    def _join_borders(self) -> None:
        """Each second column of a patch ends between two vertices of the mesh: a bent warp must open no crack."""
        screen, lips = self._screen, self._avatar.lips
        for border, patch in (
            (lips.upper_border, self._upper_patch_border),
            (lips.lower_border, self._lower_patch_border),
        ):
            ends = screen[border]
            screen[patch[::2]] = ends
            screen[patch[1::2]] = (ends[:-1] + ends[1:]) / 2

    def _draw_mesh(self) -> None:
        reach_of(self._screen, self._drawn_rows, self.width_px, self.height_px, self._box)
        x0, y0, x1, y1 = self._box.tolist()
        if x1 <= x0 or y1 <= y0:
            return
        v_max, u_max = (np.float32(side - 1) for side in self._source.shape[:2])
        rasterise(
            self._screen, self._triangles, self._texture_and_gain, u_max, v_max, self._map_u, self._map_v,
            self._map_gain,
        )  # fmt: skip
        part = slice(y0, y1), slice(x0, x1)
        cv2.remap(
            self._source, self._map_u[part], self._map_v[part], self._interpolation, dst=self._sampled[part],
            borderMode=cv2.BORDER_CONSTANT,
        )  # fmt: skip
        lay_over(self._sampled, self._map_u, self._map_gain, x0, y0, x1, y1, self._frame)

    def _draw_soft_mouth(self) -> None:
        """The mouth's inside and the edges of the lips around it, as soft as the footage."""
        self._draw_mouth()
        shown = min(1.0, max(float(self._opening.max()) / _SHOWN_FROM_MM, self._painted_line))
        if self._blur_px < _LEAST_BLUR_PX or shown <= 0:
            return
        margin = _BLUR_REACH * (self._blur_px + 1)
        x0, y0 = np.clip(self._screen[self._mouth_outline].min(axis=0) - margin, 0, self._frame_size).astype(int)
        x1, y1 = np.clip(self._screen[self._mouth_outline].max(axis=0) + margin, 0, self._frame_size).astype(int)
        if x1 <= x0 or y1 <= y0:
            return
        part = slice(y0, y1), slice(x0, x1)
        frame, soft, mask = self._frame[part], self._soft[part], self._mouth_mask[part]
        outline = np.round((self._screen[self._mouth_outline] - [x0, y0]) * 2**_OUTLINE_BITS).astype(np.int32)
        mask[:] = 0
        cv2.fillPoly(mask, [outline], 255, cv2.LINE_AA, _OUTLINE_BITS)
        cv2.polylines(mask, [outline], True, 255, 2, cv2.LINE_AA, _OUTLINE_BITS)
        cv2.GaussianBlur(mask, (0, 0), self._blur_px, dst=mask)
        cv2.GaussianBlur(frame, (0, 0), self._blur_px, dst=soft)
        mix_in(soft, mask, shown, frame)

    def _skull(self, rest: F32) -> F32:
        screen = np.empty((len(rest), 2), np.float32)
        self._place(rest, np.arange(len(rest), dtype=np.int32), self._view_row, screen)
        return screen

    def _prepare_mesh(self, avatar: Avatar) -> None:
        """Only what speech or an expression can move is drawn."""
        lips, count = avatar.lips, self._count
        reach = np.abs(np.delete(avatar.bases, _QUIET, axis=0)).max(axis=(0, 2))
        reach[lips.skin_rows] = np.inf
        mesh = avatar.triangles[(reach > _STILL_PX)[avatar.triangles].any(axis=1)]
        self._triangles = np.ascontiguousarray(np.vstack([mesh, lips.triangles + count]), np.int32)
        rows = np.concatenate([mesh.ravel(), lips.skin_rows, lips.upper_border, lips.lower_border])
        self._mesh_rows = np.unique(rows).astype(np.int32)
        self._drawn_rows = np.concatenate([self._mesh_rows, np.arange(count, len(self._points), dtype=np.int32)])
        self._base_gains = avatar.base_gains
        self._seen = np.column_stack([_canvas(avatar.texture_coords), avatar.vertices[:, 2]]).astype(np.float32)
        self._own = self._seen.copy()
        self._jaw_base = np.array(avatar.bases[_JAW])

    def _prepare_lips(self, avatar: Avatar) -> None:
        lips = avatar.lips
        self._own_residual = np.zeros_like(self._border_residual)
        self._upper_patch_border = self._count + np.arange(LIP_COLUMNS) * (len(LIP_ROWS) + 1)
        self._lower_patch_border = self._upper_patch_border + PATCH_VERTICES
        self._jaw_border = self._jaw_base[[*lips.upper_border[::2], *lips.lower_border[2:-1:2]]]
        self._upper_seen = self._lip_seen(lips.upper_texture, lips.upper_rows_mm)
        self._lower_seen = self._lip_seen(lips.lower_texture, lips.lower_rows_mm)
        self._own_lip = np.zeros_like(self._upper_seen)
        self._lip_rows = np.arange(LIP_COLUMNS * LIP_TEXTURE_STEPS, dtype=np.int32)
        self._upper_texture, self._lower_texture = (
            np.zeros((LIP_COLUMNS, LIP_TEXTURE_STEPS, 2), np.float32) for _ in range(2)
        )

    def _lip_seen(self, texture: F32, rows_mm: F32) -> F32:
        """Canvas x and y of a lip's texture, and its depth at rest: ``[41, 25, 3]``."""
        depth = rows_mm @ self._axes_px[:, 2] + self._avatar.head.origin_px[2]
        steps = np.linspace(0, 1, LIP_TEXTURE_STEPS)
        z = np.stack([np.interp(steps, LIP_ROWS, column) for column in depth])
        return np.dstack([_canvas(texture), z]).astype(np.float32)

    def _prepare_pictures(self, left_px: float) -> None:
        """How the footage, or its half where frames are small, lies in the frame: ``frame = zoom * source + shift``."""
        view, shape = self._view, (self.height_px, self.width_px)
        height, width = self._reader.height_px, self._reader.width_px
        self._footage = np.zeros((height, width, 3), np.uint8)
        half = view.scale < SMALL_VIEW
        self._source = np.zeros((height // 2, width // 2, 3), np.uint8) if half else self._footage
        level = 0.5 if half else 1.0
        self._source_row = np.array([level, left_px * level, 0], np.float32)
        zoom = view.scale / level
        x = zoom / 2 - 0.5 - left_px * view.scale + view.offset_x_px
        y = zoom / 2 - 0.5 + view.offset_y_px
        self._to_frame = np.array([[zoom, 0, x], [0, zoom, y]])
        is_direct = zoom == 1 and x == round(x) <= 0 and y == round(y) <= 0
        self._shown = (slice(int(-y), int(-y) + shape[0]), slice(int(-x), int(-x) + shape[1])) if is_direct else None
        # pixels that keep their place must look the same inside the mesh and beside it
        self._interpolation = cv2.INTER_CUBIC if is_direct else cv2.INTER_LINEAR
        self._map_u, self._map_v = np.full(shape, EMPTY), np.zeros(shape, np.float32)
        self._map_gain = np.ones(shape, np.float32)
        self._sampled = np.zeros((*shape, 3), np.uint8)
        self._box = np.zeros(4, np.int32)
        self._mouth_outline = np.concatenate([self._upper_line, self._lower_line[::-1]])
        self._frame_size = np.array([self.width_px, self.height_px])
        self._blur_px = float(np.sqrt(max(0.0, (self._clip.blur_px * view.scale) ** 2 - _DRAWN_BLUR_PX**2)))
        self._soft, self._mouth_mask = np.zeros_like(self._frame), np.zeros(shape, np.uint8)


def _view(avatar: Avatar, width_px: int, height_px: int) -> View:
    """As of a photo whose surroundings are what the clip shows; nothing is invented."""
    assert avatar.clip is not None
    clip, around = avatar.clip, avatar.surroundings
    shown = replace(around, left_px=clip.left_px, right_px=clip.right_px, below_px=clip.below_px)
    return frame_view(replace(avatar, surroundings=shown), width_px, height_px)


def _canvas(texture_coords: F32) -> F32:
    return (texture_coords + np.float32(0.5)) / np.float32(TEXTURE_SCALE) - np.float32(0.5)
