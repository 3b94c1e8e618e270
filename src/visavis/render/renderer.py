"""One avatar drawn frame after frame into buffers that are allocated once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import BASE_NAMES, TEXTURE_PX, TEXTURE_SCALE, Avatar, Eye
from visavis.background import KEEP, Background
from visavis.face import FaceState, neutral
from visavis.render.backdrop import backdrop, tighten
from visavis.render.figure import PATCH_VERTICES, Figure
from visavis.render.kernels.eyes import OUTLINE_BITS, draw_eye, place_eye
from visavis.render.kernels.lips import fold_weights
from visavis.render.kernels.pose import pose_and_project, pose_normals, relight, rotation
from visavis.render.kernels.raster import EMPTY, apply_folds, composite, rasterise, reach, separate
from visavis.render.scene import Scene, open_scene
from visavis.render.view import frame_view

cv2.setNumThreads(1)

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]

_CAMERA_MM: Final = 700.0
"""Distance of the weak-perspective camera."""
SMALL_VIEW: Final = 0.75
"""Below this scale the texture is sampled from its half-size level: nothing aliases."""
_GAZE_REACH: Final = (0.62, 0.42)
"""Iris travel across and down at full gaze, in iris radii."""
_LASHES_FROM, _LASHES_FULL = 0.6, 0.95
"""Share of an eye's opening that is closed where lashes begin to hide, and hide, what is left of it."""
_LASH_PERCENTILE: Final = 20
_LASH_REACH_PX: Final = 5


class Renderer(Figure):
    """Draws an avatar into frames of one size.

    The frame that :meth:`render` returns is one buffer, overwritten by the next call.
    """

    def __init__(
        self, avatar: Avatar, width_px: int = 512, height_px: int = 512, *, background: Background = KEEP
    ) -> None:
        """Prepare buffers and compile (from disk after the first time) what runs per frame.

        Raises:
            ValueError: width or height is odd or out of range.
            VisavisError: ``background_unreadable``, ``background_too_large``, ``avatar_damaged``.
        """
        head, lips = avatar.head, avatar.lips
        view = frame_view(avatar, width_px, height_px)
        scene = open_scene(avatar, view)
        super().__init__(avatar, view, scene.vertices, scene.bases)
        self._base_gains = scene.base_gains
        # a copy, whether the avatar is mapped or not: kernels are compiled anew for arrays that cannot be written
        self._head_weight = np.array(scene.head_weight)
        count, total = self._count, len(self._points)
        self._posed = np.zeros((total, 3), np.float32)
        self._weight = np.concatenate([scene.head_weight, np.ones(2 * PATCH_VERTICES, np.float32)])
        self._triangles = np.ascontiguousarray(np.vstack([scene.triangles, lips.triangles + count]), np.int32)
        self._background = backdrop(scene, view, background)
        if background.kind != "keep":
            tighten(scene.texture)
        self._texture = _Texture.prepare(avatar, scene, half=view.scale < SMALL_VIEW)
        self._texture_and_gain[:count, :2] = self._texture.coords(scene.texture_coords)
        self._upper_texture = self._texture.coords(lips.upper_texture + scene.texture_shift)
        self._lower_texture = self._texture.coords(lips.lower_texture + scene.texture_shift)

        moving = (scene.head_weight[scene.triangles] > 0.02).all(1)
        self._lit_triangles = np.ascontiguousarray(scene.triangles[moving])
        self._normals = np.zeros((count, 3), np.float32)
        pose_normals(np.array(scene.vertices), self._lit_triangles, self._normals)
        self._light = np.array(avatar.light)
        self._rest_shade = np.maximum(self._light[0] + self._normals @ self._light[1:], 0.25).astype(np.float32)

        self._camera = np.array([head.origin_px[0], head.origin_px[1], _CAMERA_MM * head.px_per_mm], np.float32)
        self._turn = np.eye(3, dtype=np.float32)
        self._shift = np.zeros(3, np.float32)

        shape = (height_px, width_px)
        self._map_u, self._map_v = np.full(shape, EMPTY), np.zeros(shape, np.float32)
        self._map_gain = np.ones(shape, np.float32)
        self._sampled = np.zeros((*shape, 4), np.uint8)
        self._frame[:] = self._background
        self._matte = np.zeros(shape, np.uint8) if background.is_transparent else None
        self._box = np.zeros(4, np.int32)
        self._opening_mask = np.zeros(height_px * width_px, np.uint8)
        self._eyes = (
            _EyeWork.prepare(avatar, avatar.eye_left, "blinkLeft"),
            _EyeWork.prepare(avatar, avatar.eye_right, "blinkRight"),
        )
        self.render(neutral())

    def render(self, face: FaceState) -> U8:
        """Draw one face state: ``uint8 [height, width, 3] BGR``, valid until the next call."""
        rig, count = self._rig, self._count
        rig.set(face)
        self._deform()
        self._set_pose()
        lit = self._normals
        self._project(self._points[:count], self._weight[:count], self._posed[:count], self._screen[:count])
        pose_normals(self._posed[:count], self._lit_triangles, lit)
        np.dot(rig.bases, self._base_gains, out=self._base_gain)
        relight(lit, self._light, self._rest_shade, self._head_weight, self._base_gain, self._texture_and_gain)
        self._shape_lips()
        self._project(self._points[count:], self._weight[count:], self._posed[count:], self._screen[count:])
        self._join_lips()
        self._draw_mesh()
        for index, work in enumerate(self._eyes):
            if work.eye.visible:
                self._draw_eye(work, index)
        self._draw_mouth()
        return self._frame

    def _set_pose(self) -> None:
        axes = self._avatar.head.axes
        yaw, pitch, roll, x, y, z = self._rig.head.tolist()
        self._turn[:] = axes.T @ rotation(yaw, pitch, roll) @ axes
        scale = self._avatar.head.px_per_mm
        self._shift[:] = (x * scale, y * scale, z * scale)

    def _project(self, rest: F32, weight: F32, posed: F32, screen: F32) -> None:
        pose_and_project(
            rest, weight, self._avatar.head.pivot_px, self._turn, self._shift, self._camera, self._view_row, posed,
            screen,
        )  # fmt: skip

    def _draw_mesh(self) -> None:
        """Rasterise, sample and composite: where the mesh is, and where it was in the frame before."""
        self._texture.fold(self._avatar, self._rig.lips)
        x0, y0, x1, y1 = self._box.tolist()
        self._map_u[y0:y1, x0:x1] = EMPTY
        reach(self._screen, self.width_px, self.height_px, self._box)
        v_max, u_max = (np.float32(side - 1) for side in self._texture.level.shape[:2])
        rasterise(
            self._screen, self._triangles, self._texture_and_gain, u_max, v_max, self._map_u, self._map_v,
            self._map_gain,
        )  # fmt: skip
        x0, x1 = min(x0, int(self._box[0])), max(x1, int(self._box[2]))
        y0, y1 = min(y0, int(self._box[1])), max(y1, int(self._box[3]))
        part = slice(y0, y1), slice(x0, x1)
        # the maps stay inside the texture: any other border would be walked for every empty pixel
        cv2.remap(
            self._texture.level, self._map_u[part], self._map_v[part], cv2.INTER_LINEAR, dst=self._sampled[part],
            borderMode=cv2.BORDER_CONSTANT,
        )  # fmt: skip
        if self._matte is not None:
            separate(self._sampled, self._map_u, self._map_gain, x0, y0, x1, y1, self._frame, self._matte)
        else:
            composite(self._sampled, self._background, self._map_u, self._map_gain, x0, y0, x1, y1, self._frame)

    def _skull(self, rest: F32) -> F32:
        """Screen positions ``[n, 2]`` of points that move with the skull."""
        posed, screen = np.empty_like(rest), np.empty((len(rest), 2), np.float32)
        self._project(rest, np.ones(len(rest), np.float32), posed, screen)
        return screen

    def _draw_eye(self, work: _EyeWork, index: int) -> None:
        area_px2 = place_eye(
            self._screen, work.outline, work.skull_rest, work.skull_texture, self._avatar.head.pivot_px, self._turn,
            self._shift, self._camera, self._view_row, self.width_px, self.height_px, work.skull_weight,
            work.skull_posed, work.skull_screen, work.outline_px, work.box, work.to_texture,
        )  # fmt: skip
        x0, y0, x1, y1 = work.box.tolist()
        width, height = x1 - x0, y1 - y0
        if width < 2 or height < 2:
            return
        opening = self._opening_mask[: width * height].reshape(height, width)
        opening.fill(0)
        cv2.fillPoly(opening, [work.outline_px], 255, cv2.LINE_AA, OUTLINE_BITS)
        eye, axes, gaze = work.eye, self._avatar.head.axes, self._rig.gaze
        across = float(gaze[2 * index]) * _GAZE_REACH[0] * eye.iris_radius_px
        down = float(gaze[2 * index + 1]) * _GAZE_REACH[1] * eye.iris_radius_px
        gaze_x = across * float(axes[0, 0]) + down * float(axes[1, 0])
        gaze_y = across * float(axes[0, 1]) + down * float(axes[1, 1])
        shade = 1 - 0.35 * min(1.0, float(self._rig.blink[index]))
        closed = 1 - area_px2 / (work.open_area_px2 * self._view.scale**2)
        lashes = min(1.0, max(0.0, (closed - _LASHES_FROM) / (_LASHES_FULL - _LASHES_FROM)))
        draw_eye(
            self._frame, opening, x0, y0, work.to_texture, eye.texture, eye.corner_px, eye.iris_centre_px,
            eye.iris_radius_px, gaze_x, gaze_y, max(0.0, -float(self._rig.bases[work.blink])) * work.lid_travel_px,
            work.lid_height_px, shade, work.lash, lashes,
        )  # fmt: skip


def _area(polygon: F32) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return 0.5 * abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1)))


def _lash_colour(avatar: Avatar, eye: Eye) -> F32:
    """The dark colour along the upper lid."""
    x, y = avatar.texture_coords[eye.upper_lid].round().astype(int).T
    around = np.arange(-_LASH_REACH_PX, _LASH_REACH_PX + 1)
    rows = np.clip(y[:, None] + around, 0, TEXTURE_PX - 1)
    columns = np.clip(x[:, None], 0, TEXTURE_PX - 1)
    return np.percentile(avatar.texture[rows, columns, :3].reshape(-1, 3), _LASH_PERCENTILE, axis=0).astype(np.float32)


@dataclass(slots=True)
class _EyeWork:
    eye: Eye
    outline: I32
    skull_rest: F32
    """Three points of the skull at the eye, canvas pixels,"""
    skull_texture: F32
    """and where they lie in the texture."""
    open_area_px2: float
    """The opening at rest, canvas pixels."""
    lash: F32
    """BGR of the lash line."""
    blink: int
    """The base that shuts it, and which lifts the lid where it is negative."""
    lid_travel_px: float
    """What the upper lid moves by with the whole base, texture pixels."""
    lid_height_px: float
    """From the middle of the iris up to the lid at rest, texture pixels."""
    skull_weight: F32
    skull_posed: F32
    skull_screen: F32
    outline_px: I32
    box: I32
    to_texture: F32
    """From here on, work buffers of :func:`~visavis.render.kernels.eyes.place_eye`."""

    @staticmethod
    def prepare(avatar: Avatar, eye: Eye, blink: str) -> _EyeWork:
        centre = avatar.vertices[[eye.upper_lid[0], eye.upper_lid[-1]]].mean(0)
        axes, scale = avatar.head.axes, avatar.head.px_per_mm
        rest = np.stack([centre, centre + axes[0] * 12 * scale, centre + axes[1] * 8 * scale]).astype(np.float32)
        texture = ((rest[:, :2] + 0.5) * TEXTURE_SCALE - 0.5).astype(np.float32)
        outline = np.concatenate([eye.upper_lid, eye.lower_lid[::-1]])
        area = max(1.0, _area(avatar.vertices[outline, :2]))
        base = BASE_NAMES.index(blink)
        lid_x, lid_y = avatar.texture_coords[eye.upper_lid].T
        over_iris = int(np.argmin(np.abs(lid_x - eye.iris_centre_px[0])))
        return _EyeWork(
            eye,
            outline,
            rest,
            texture,
            area,
            _lash_colour(avatar, eye),
            blink=base,
            lid_travel_px=TEXTURE_SCALE * float(avatar.bases[base, eye.upper_lid[over_iris], 1]),
            lid_height_px=max(1.0, float(eye.iris_centre_px[1] - lid_y[over_iris])),
            skull_weight=np.ones(len(rest), np.float32),
            skull_posed=np.zeros((len(rest), 3), np.float32),
            skull_screen=np.zeros((len(rest), 2), np.float32),
            outline_px=np.zeros((len(outline), 2), np.int32),
            box=np.zeros(4, np.int32),
            to_texture=np.zeros((2, 3), np.float32),
        )


@dataclass(slots=True)
class _Texture:
    """The texture with its moving folds, and the level that is sampled."""

    full: U8
    level: U8
    half: bool
    plain: U8
    """The untouched texture at the fold pixels."""
    box: tuple[int, int, int, int]
    """x0, y0, x1, y1 of the fold pixels, even."""
    rows: NDArray[np.int16]
    columns: NDArray[np.int16]
    weights: NDArray[np.float64]
    applied: NDArray[np.float64]

    @staticmethod
    def prepare(avatar: Avatar, scene: Scene, half: bool) -> _Texture:
        full = scene.texture
        x, y = avatar.folds.x_px.astype(int) + scene.left_px, avatar.folds.y_px.astype(int)
        box = (x.min() & ~1, y.min() & ~1, (x.max() + 2) & ~1, (y.max() + 2) & ~1)
        size = (full.shape[1] // 2, full.shape[0] // 2)
        level = np.asarray(cv2.resize(full, size, interpolation=cv2.INTER_AREA), np.uint8) if half else full
        count = avatar.folds.gains.shape[1] + 1
        rows, columns = y.astype(np.int16), x.astype(np.int16)
        plain = full[y, x, :3].copy()
        return _Texture(full, level, half, plain, box, rows, columns, np.zeros(count), np.zeros(count))

    def coords(self, full: F32) -> F32:
        """Texture coordinates of the sampled level."""
        return ((full + 0.5) / 2 - 0.5).astype(np.float32) if self.half else np.array(full)

    def fold(self, avatar: Avatar, lip_controls: F32) -> None:
        """Shade the folds for these controls, if they changed."""
        fold_weights(lip_controls, self.weights)
        if np.abs(self.weights - self.applied).max() <= 1e-3:
            return
        folds = avatar.folds
        apply_folds(self.full, self.plain, folds.gains, folds.lift, self.rows, self.columns, self.weights)
        if self.half:
            x0, y0, x1, y1 = self.box
            part = self.level[y0 // 2 : y1 // 2, x0 // 2 : x1 // 2]
            size = (part.shape[1], part.shape[0])
            part[:] = cv2.resize(self.full[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA)
        self.applied[:] = self.weights
