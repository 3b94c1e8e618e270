"""What a view draws: the avatar's mesh and layers, with its surroundings where the view shows more than the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, SURROUNDINGS_RIM_PX, TEXTURE_PX, TEXTURE_SCALE, Avatar
from visavis.errors import AvatarFileError
from visavis.render.view import View

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]

_GRID_PX: Final = 24
"""Between the vertices that carry the surroundings."""
_OVERLAP_PX: Final = 12
"""The surroundings' mesh begins this far inside the canvas: what moves at its border moves on both sides."""
_MARGIN_PX: Final = 24
"""It ends this far beyond them: their last pixels fill what a movement uncovers."""
_INVISIBLE_ALPHA: Final = 2


@dataclass(frozen=True, slots=True)
class Scene:
    """Mesh, texture and background plate; :class:`~visavis.avatar.Avatar` tells what each array is."""

    vertices: F32
    texture_coords: F32
    """Pixels of :attr:`texture`."""
    triangles: I32
    bases: F32
    base_gains: F32
    head_weight: F32
    texture: U8
    """A copy of one's own, which may be drawn on."""
    plate: U8
    """``uint8 [h, w, 3]`` of the texture's size."""
    left_px: int
    """Where the canvas begins in both, texture pixels."""

    @property
    def texture_shift(self) -> F32:
        """From the avatar's texture coordinates to this scene's."""
        return np.array([self.left_px, 0], np.float32)


def open_scene(avatar: Avatar, view: View) -> Scene:
    """What ``view`` shows of an avatar.

    Raises:
        AvatarFileError: ``avatar_damaged``: its surroundings cannot be opened.
    """
    if view.is_inside:
        return Scene(
            avatar.vertices,
            avatar.texture_coords,
            avatar.triangles,
            avatar.bases,
            avatar.base_gains,
            avatar.head_weight,
            np.array(avatar.texture),
            avatar.background,
            0,
        )
    texture, plate, left_px = _opened(avatar)
    border, texture_coords, triangles = _surrounding_mesh(avatar, texture[..., 3])
    count = len(avatar.vertices)
    nearest = _nearest(avatar, border)
    shift = np.array([left_px, 0], np.float32)
    # backmost first: the canvas's own triangles are drawn over what overlaps them
    own = _inside(avatar)
    return Scene(
        np.concatenate([avatar.vertices, np.column_stack([border, avatar.vertices[nearest, 2]])]).astype(np.float32),
        np.concatenate([avatar.texture_coords + shift, texture_coords]).astype(np.float32),
        np.ascontiguousarray(np.concatenate([triangles + count, own]), np.int32),
        np.concatenate([avatar.bases, avatar.bases[:, nearest]], axis=1),
        np.concatenate([avatar.base_gains, avatar.base_gains[:, nearest]], axis=1),
        np.concatenate([avatar.head_weight, avatar.head_weight[nearest]]),
        texture,
        plate,
        left_px,
    )


def _opened(avatar: Avatar) -> tuple[U8, U8, int]:
    """Texture and plate of canvas and surroundings, and where the canvas begins in them."""
    around = avatar.surroundings
    left_px = int(around.left_px) * TEXTURE_SCALE
    width = left_px + TEXTURE_PX + int(around.right_px) * TEXTURE_SCALE
    height = TEXTURE_PX + int(around.below_px) * TEXTURE_SCALE
    layers = []
    for file, flag, shape in (
        (around.person, cv2.IMREAD_COLOR, (height, width, 3)),
        (around.cover, cv2.IMREAD_GRAYSCALE, (height, width)),
        (around.plate, cv2.IMREAD_COLOR, (height, width, 3)),
    ):
        picture = cv2.imdecode(file, flag)
        if picture is None or picture.shape != shape:
            raise AvatarFileError(
                "avatar_damaged",
                "What surrounds the portrait cannot be opened.",
                "Create the avatar again from its photo.",
            )
        layers.append(np.asarray(picture, np.uint8))
    person, cover, plate = layers
    texture = np.dstack([person, cover])
    texture[:TEXTURE_PX, left_px : left_px + TEXTURE_PX] = avatar.texture
    inside = plate[:TEXTURE_PX, left_px : left_px + TEXTURE_PX]
    inside[:] = _passing(avatar.background, inside, avatar)
    return texture, plate, left_px


def _passing(canvas: U8, around: U8, avatar: Avatar) -> U8:
    """The canvas's plate, which near a border that has surroundings passes into theirs."""
    ramp = np.arange(TEXTURE_PX, dtype=np.float32) / SURROUNDINGS_RIM_PX
    share = np.ones(TEXTURE_PX, np.float32)
    if avatar.surroundings.left_px:
        share = np.minimum(share, ramp)
    if avatar.surroundings.right_px:
        share = np.minimum(share, ramp[::-1])
    rows = np.minimum(1, ramp[::-1]) if avatar.surroundings.below_px else np.ones(TEXTURE_PX, np.float32)
    weight = np.round(256 * np.outer(rows, share)).astype(np.uint16)[..., None]
    return np.asarray((canvas * weight + around * (256 - weight) + 128) >> 8, np.uint8)


def _surrounding_mesh(avatar: Avatar, alpha: U8) -> tuple[F32, F32, I32]:
    """A grid beside and below the canvas wherever the person is: canvas px, texture coordinates, triangles."""
    around = avatar.surroundings
    left, right, below = around.left_px, around.right_px, around.below_px
    x = np.concatenate(
        [
            np.arange(-left - _MARGIN_PX, 0, _GRID_PX) if left else [],
            np.linspace(_OVERLAP_PX, CANVAS_PX - 1 - _OVERLAP_PX, CANVAS_PX // _GRID_PX),
            np.arange(CANVAS_PX, CANVAS_PX + right + _MARGIN_PX + _GRID_PX, _GRID_PX) if right else [],
        ]
    )
    y = np.concatenate(
        [
            np.linspace(-_MARGIN_PX, CANVAS_PX - 1 - _OVERLAP_PX, CANVAS_PX // _GRID_PX + 1),
            np.arange(CANVAS_PX, CANVAS_PX + below + _MARGIN_PX + _GRID_PX, _GRID_PX),
        ]
    )
    columns, rows = np.meshgrid(x, y)
    points = np.stack([columns.ravel(), rows.ravel()], axis=1).astype(np.float32)
    coords = (points + [left + 0.5, 0.5]) * TEXTURE_SCALE - 0.5
    height, width = alpha.shape
    index = np.arange(len(points)).reshape(columns.shape)
    a, b, c, d = index[:-1, :-1].ravel(), index[:-1, 1:].ravel(), index[1:, :-1].ravel(), index[1:, 1:].ravel()
    cell_middle = (points[a] + points[d]) / 2
    outside = (
        (cell_middle[:, 0] < _OVERLAP_PX)
        | (cell_middle[:, 0] > CANVAS_PX - 1 - _OVERLAP_PX)
        | (cell_middle[:, 1] > CANVAS_PX - 1 - _OVERLAP_PX)
    )
    spread = cv2.dilate(alpha, np.ones((9, 9)))
    corners = np.clip(np.round(coords), 0, [width - 1, height - 1]).astype(int)
    shows = np.array(
        [
            spread[corners[i, 1] : corners[j, 1] + 1, corners[i, 0] : corners[j, 0] + 1].max() > _INVISIBLE_ALPHA
            for i, j in zip(a, d, strict=True)
        ]
    )
    keep = outside & shows
    a, b, c, d = a[keep], b[keep], c[keep], d[keep]
    triangles = np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)])
    used, numbered = np.unique(triangles, return_inverse=True)
    triangles = numbered.reshape(-1, 3).astype(np.int32)
    return points[used], coords[used].astype(np.float32), triangles


def _nearest(avatar: Avatar, points: F32) -> NDArray[np.int64]:
    """The drawn vertex of the canvas that moves as each point should: the nearest to it, seen along the border."""
    used = np.unique(avatar.triangles)
    inside = np.clip(points, 0, CANVAS_PX - 1)
    vertices = avatar.vertices[used, :2]
    result = np.empty(len(points), np.int64)
    for i, point in enumerate(inside):
        result[i] = used[((vertices - point) ** 2).sum(axis=1).argmin()]
    return result


def _inside(avatar: Avatar) -> I32:
    """The avatar's triangles without those that lie beyond a border that has surroundings."""
    around = avatar.surroundings
    x, y = (avatar.vertices[avatar.triangles, axis] for axis in (0, 1))
    beyond = np.zeros(len(avatar.triangles), bool)
    if around.left_px:
        beyond |= (x < -0.5).any(axis=1)
    if around.right_px:
        beyond |= (x > CANVAS_PX - 0.5).any(axis=1)
    if around.below_px:
        beyond |= (y > CANVAS_PX - 0.5).any(axis=1)
    return np.asarray(avatar.triangles[~beyond])
