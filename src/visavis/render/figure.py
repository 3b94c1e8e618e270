"""What all pictures of an avatar have in common: its mesh is deformed, its lips are shaped, its mouth is drawn."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import LIP_COLUMNS, LIP_ROWS, Avatar
from visavis.face import FaceState
from visavis.render.kernels.interior import TABLE_STEPS, draw_interior
from visavis.render.kernels.lips import border_residual, follow_border, interpolate_border, lip_curves, lip_patch
from visavis.render.rig import Rig, camera_lean
from visavis.render.view import View

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

PATCH_VERTICES: Final = LIP_COLUMNS * (len(LIP_ROWS) + 1)
"""Of one lip; both follow the mesh's vertices in every buffer of points."""
_ARCH_LEAN: Final = 0.08
"""The face mesh's frontal plane leans about 5 degrees against the teeth."""


class Figure(ABC):
    """The buffers of one avatar in frames of one size, and the steps that do not depend on where its pixels come from.

    A subclass places points on the screen and draws the mesh between :meth:`_shape_lips` and :meth:`_draw_mouth`.
    """

    _upper_texture: F32
    """Texture coordinates of the lips, ``[41, 25, 2]``; set by the subclass."""
    _lower_texture: F32

    def __init__(self, avatar: Avatar, view: View, vertices: F32, bases: F32) -> None:
        """Prepare buffers for a mesh whose first vertices are the avatar's: ``[n, 3]`` and ``[B, n, 3]``."""
        head, lips, count = avatar.head, avatar.lips, len(vertices)
        self._avatar, self._view = avatar, view
        self._rig = Rig()
        self._count, total = count, count + 2 * PATCH_VERTICES
        self._rest = vertices
        self._points = np.zeros((total, 3), np.float32)
        self._screen = np.zeros((total, 2), np.float32)
        self._texture_and_gain = np.ones((total, 3), np.float32)
        self._bases = np.ascontiguousarray(bases.reshape(len(bases), -1))
        self._base_shift = np.zeros(count * 3, np.float32)
        self._base_gain = np.zeros(count, np.float32)
        self._view_row = np.array([view.scale, view.offset_x_px, view.offset_y_px], np.float32)
        self._axes_px = (head.axes * head.px_per_mm).astype(np.float32)
        self._lean = camera_lean(head)
        edge = (LIP_COLUMNS, 3)
        self._upper_edge, self._lower_edge = np.zeros(edge, np.float32), np.zeros(edge, np.float32)
        self._upper_border, self._lower_border = np.zeros(edge, np.float32), np.zeros(edge, np.float32)
        self._border_shift = np.zeros(edge, np.float32)
        self._border_gain = np.zeros(LIP_COLUMNS, np.float32)
        self._border_residual = np.zeros((lips.skin_weights.shape[1], 3), np.float32)
        self._opening = np.zeros(LIP_COLUMNS, np.float32)
        rows = len(LIP_ROWS) + 1
        self._upper_line = count + np.arange(LIP_COLUMNS) * rows + rows - 2
        self._lower_line = self._upper_line + PATCH_VERTICES
        self._painted_line = float(lips.painted_line)
        self._mouth_light = 1.0
        """Brightness of the mouth's inside, relative to the avatar's own."""
        self._side_light = float(np.clip(avatar.light[1] / max(float(avatar.light[0]), 0.2), -1, 1))
        self._tables = np.zeros((4, TABLE_STEPS), np.float32)
        self._colour = np.zeros(3, np.float32)
        self._frame = np.zeros((view.height_px, view.width_px, 3), np.uint8)
        self._matte: U8 | None = None
        """Alpha of the frame; None where it is opaque."""

    @property
    def width_px(self) -> int:
        """Width of a frame."""
        return self._view.width_px

    @property
    def height_px(self) -> int:
        """Height of a frame."""
        return self._view.height_px

    @property
    def scale(self) -> float:
        """Frame pixels per canvas pixel."""
        return self._view.scale

    def seek(self, time_s: float) -> bool:
        """Show this moment of the footage from now on; whether it looks different. A photo never does."""
        return False

    @abstractmethod
    def render(self, face: FaceState) -> U8:
        """Draw one face state: ``uint8 [height, width, 3] BGR``, valid until the next call."""

    def render_bgra(self, face: FaceState, out: U8) -> None:
        """Draw one face state with its alpha into ``out``, ``uint8 [height, width, 4]``; colours are not premultiplied.

        Opaque unless the background is transparent.
        """
        self.render(face)
        out[..., :3] = self._frame
        out[..., 3] = 255 if self._matte is None else self._matte

    def render_i420(self, face: FaceState, out: U8) -> None:
        """Draw one face state into ``out``, planar I420 (BT.601, limited range) ``uint8 [height * 3 / 2, width]``."""
        cv2.cvtColor(self.render(face), cv2.COLOR_BGR2YUV_I420, dst=out)

    @abstractmethod
    def _skull(self, rest: F32) -> F32:
        """Screen positions ``[n, 2]`` of points that move with the skull."""

    def _deform(self) -> None:
        lips, rig = self._avatar.lips, self._rig
        points = self._points[: self._count]
        np.dot(rig.bases, self._bases, out=self._base_shift)
        np.add(self._rest, self._base_shift.reshape(-1, 3), out=points)
        lip_curves(
            rig.lips, lips.contact_mm, lips.column, lips.upper_height_mm, lips.lower_height_mm, lips.jaw_drop_mm,
            lips.incisal_mm, lips.half_width_mm, self._lean, self._upper_edge, self._lower_edge,
            self._upper_border, self._lower_border, self._opening,
        )  # fmt: skip
        border_residual(
            self._upper_border, self._lower_border, rig.bases, lips.border_bases_mm, self._axes_px,
            self._border_residual,
        )  # fmt: skip
        follow_border(points, lips.skin_rows, lips.skin_weights, self._border_residual)

    def _shape_lips(self) -> None:
        lips, count = self._avatar.lips, self._count
        points = self._points[:count]
        for upper, border, rows, texture, edge, dark, first in (
            (True, lips.upper_border, lips.upper_rows_mm, self._upper_texture, self._upper_edge,
             lips.upper_dark_line, count),
            (False, lips.lower_border, lips.lower_rows_mm, self._lower_texture, self._lower_edge,
             lips.lower_dark_line, count + PATCH_VERTICES),
        ):  # fmt: skip
            interpolate_border(
                points, self._avatar.vertices, self._texture_and_gain, border, self._border_shift, self._border_gain
            )
            lip_patch(
                self._rig.lips, rows, texture, LIP_ROWS, edge, self._border_shift, lips.column, self._opening, upper,
                dark, self._painted_line, self._axes_px, self._avatar.head.origin_px, self._border_gain, self._points,
                self._texture_and_gain, first,
            )  # fmt: skip

    def _join_lips(self) -> None:
        """The mesh meets the patches where they are."""
        for line, patch in (
            (self._avatar.lips.upper_line, self._upper_line),
            (self._avatar.lips.lower_line, self._lower_line),
        ):
            self._screen[line] = self._screen[patch[::2]]

    def _draw_mouth(self) -> None:
        avatar, rig = self._avatar, self._rig
        q, lips, mouth, head = rig.lips, avatar.lips, avatar.mouth, avatar.head
        activity = float(np.abs(q[:11]).sum())
        if self._opening.max() <= 0.03 and self._painted_line <= 0 and activity <= 0.01:
            return
        teeth = np.array([mouth.centre_mm[0], lips.incisal_mm, mouth.teeth_depth_mm])
        angle = head.jaw_angle_rad * float(rig.bases[0])
        cos, sin = np.cos(angle), np.sin(angle)
        hinge_y, hinge_z = float(head.hinge_mm[1]), float(head.hinge_mm[2])
        y, z = lips.incisal_mm - 1.1 - hinge_y, mouth.teeth_depth_mm - 1.5 - hinge_z
        lower = np.array([teeth[0], hinge_y + y * cos + z * sin, hinge_z + z * cos - y * sin])
        probes = np.stack([teeth, teeth + [10, 0, 0], teeth + [0, 10, 0], teeth - [0, 0, 10], lower])
        where = self._skull((probes @ self._axes_px + head.origin_px).astype(np.float32)).astype(np.float64)
        origin = where[0]
        jacobian = np.stack([(where[1] - origin) / 10, (where[2] - origin) / 10], 1)
        to_mm = np.linalg.inv(jacobian)
        parallax = -(to_mm @ (where[3] - origin)) / 10
        parallax[1] -= _ARCH_LEAN
        lower_shift = to_mm @ (where[4] - origin)
        drop = max(0.0, float(lower_shift[1]) + 1.1)
        tip = (float(lower_shift[1]) + 0.8) * (1 - rig.tongue_tip) - 1.6 * rig.tongue_tip
        tip = tip * (1 - rig.tongue_out) - 0.2 * rig.tongue_out
        body = float(lower_shift[1]) - 2.8 - 0.36 * drop - 0.50 * max(rig.tongue_body, 0.5 * rig.tongue_tip) * drop
        upper_screen, lower_screen = self._screen[self._upper_line], self._screen[self._lower_line]
        draw_interior(
            self._frame, upper_screen, lower_screen, origin.astype(np.float32), to_mm.astype(np.float32),
            float(np.sqrt(abs(np.linalg.det(jacobian)))), ((upper_screen - origin) @ to_mm.T).astype(np.float32),
            ((lower_screen - origin) @ to_mm.T).astype(np.float32), mouth.upper_arch_mm, mouth.lower_arch_mm,
            (lower_shift + [0, 0.5]).astype(np.float32), parallax.astype(np.float32), mouth.upper_teeth,
            mouth.lower_teeth, mouth.tongue, mouth.cavity, mouth.mucosa, mouth.rim,
            np.array([tip, body, rig.tongue_out], np.float32), self._side_light, float(q[3]), float(q[6]),
            self._painted_line, self._mouth_light, min(1.0, 4 * activity), self._tables, self._colour,
        )  # fmt: skip
