"""The eyeball behind the lids: the eye picture, warped by gaze, inside the opening."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavis.render.kernels.compiled import kernel
from visavis.render.kernels.pose import pose_and_project

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]

OUTLINE_BITS = 6
"""Fractional bits of an outline that is filled with antialiased edges."""


@kernel
def place_eye(
    screen: F32, lids: I32, skull_rest: F32, skull_texture: F32, pivot: F32, turn: F32, shift: F32, camera: F32,
    view: F32, width: int, height: int, skull_weight: F32, skull_posed: F32, skull_screen: F32, outline: I32,
    box: I32, to_texture: F32,
) -> float:  # fmt: skip
    """Where an eye is on the screen; its opening's area in square pixels.

    Args:
        lids: vertices around the opening, ``[n]``.
        skull_rest, skull_texture: three points that move with the skull: canvas pixels, texture pixels.
        pivot, turn, shift, camera, view: as in :func:`~visavis.render.kernels.pose.pose_and_project`.
        skull_weight, skull_posed, skull_screen: work buffers of those points; the weights are 1.
        outline: gets the opening ``[n, 2]`` relative to the box, with :data:`OUTLINE_BITS` of fraction.
        box: gets x0, y0, x1, y1 of the opening within the frame.
        to_texture: gets the affine map ``[2, 3]`` screen -> texture of the skull.
    """
    n = lids.shape[0]
    x_low = 1e9
    x_high = -1e9
    y_low = 1e9
    y_high = -1e9
    area = 0.0
    for i in range(n):
        x = screen[lids[i], 0]
        y = screen[lids[i], 1]
        before = lids[i - 1] if i > 0 else lids[n - 1]
        area += screen[before, 0] * y - x * screen[before, 1]
        x_low = min(x_low, x)
        x_high = max(x_high, x)
        y_low = min(y_low, y)
        y_high = max(y_high, y)
    box[0] = max(0, int(np.floor(x_low)) - 1)
    box[1] = max(0, int(np.floor(y_low)) - 1)
    box[2] = min(width, int(np.ceil(x_high)) + 2)
    box[3] = min(height, int(np.ceil(y_high)) + 2)
    for i in range(n):
        outline[i, 0] = int(np.rint((screen[lids[i], 0] - box[0]) * (1 << OUTLINE_BITS)))
        outline[i, 1] = int(np.rint((screen[lids[i], 1] - box[1]) * (1 << OUTLINE_BITS)))
    pose_and_project(skull_rest, skull_weight, pivot, turn, shift, camera, view, skull_posed, skull_screen)
    x0 = float(skull_screen[0, 0])
    y0 = float(skull_screen[0, 1])
    ax = skull_screen[1, 0] - x0
    ay = skull_screen[1, 1] - y0
    bx = skull_screen[2, 0] - x0
    by = skull_screen[2, 1] - y0
    determinant = ax * by - bx * ay
    for k in range(2):
        along_a = float(skull_texture[1, k] - skull_texture[0, k])
        along_b = float(skull_texture[2, k] - skull_texture[0, k])
        per_x = (along_a * by - along_b * ay) / determinant
        per_y = (along_b * ax - along_a * bx) / determinant
        to_texture[k, 0] = per_x
        to_texture[k, 1] = per_y
        to_texture[k, 2] = skull_texture[0, k] - per_x * x0 - per_y * y0
    return 0.5 * abs(area)


@kernel
def draw_eye(
    frame: U8, opening: U8, x0: int, y0: int, to_texture: F32, picture: U8, corner: F32, iris: F32, radius: float,
    gaze_x: float, gaze_y: float, lift: float, lid_height: float, shade: float, lash: F32, lashes: float,
) -> None:  # fmt: skip
    """Blend the eye picture into ``frame`` where ``opening`` (``uint8``, its corner at x0, y0) lets it through.

    ``to_texture`` is the affine map ``[2, 3]`` screen -> texture pixels of the resting skull; the gaze shifts the
    iris whole and dies out smoothly to the lids: ``p -= gaze * w(|p - iris - gaze| / radius)``. ``lashes`` is the
    share of the lash colour: closed lids meet in a line of it.

    An upper lid that is raised by ``lift`` takes its lash line and the iris under it along, the less the nearer to
    the middle of the iris: ``v += lift * (above / (lid_height + lift))^2``. What the photo's lid hid stays unseen.
    """
    height = picture.shape[0]
    width = picture.shape[1]
    for j in range(opening.shape[0]):
        for i in range(opening.shape[1]):
            cover = opening[j, i]
            if cover == 0:
                continue
            x = x0 + i
            y = y0 + j
            u = to_texture[0, 0] * x + to_texture[0, 1] * y + to_texture[0, 2]
            v = to_texture[1, 0] * x + to_texture[1, 1] * y + to_texture[1, 2]
            if lift > 0.0 and v < iris[1]:
                above = (iris[1] - v) / (lid_height + lift)
                v += lift * above * above
            if gaze_x != 0.0 or gaze_y != 0.0:
                away = np.hypot(u - iris[0] - gaze_x, v - iris[1] - gaze_y) / radius
                t = min(1.0, max(0.0, (away - 1.08) / 1.15))
                follow = 1 - t * t * (3 - 2 * t)
                u -= gaze_x * follow
                v -= gaze_y * follow
            u = min(width - 1.001, max(0.0, u - corner[0]))
            v = min(height - 1.001, max(0.0, v - corner[1]))
            iu = int(u)
            iv = int(v)
            fu = u - iu
            fv = v - iv
            a = cover * np.float32(1 / 255)
            for c in range(3):
                top = picture[iv, iu, c] * (1 - fu) + picture[iv, iu + 1, c] * fu
                low = picture[iv + 1, iu, c] * (1 - fu) + picture[iv + 1, iu + 1, c] * fu
                value = (top * (1 - fv) + low * fv) * shade * (1 - lashes) + lash[c] * lashes
                frame[y, x, c] = np.uint8(value * a + frame[y, x, c] * (1 - a) + 0.5)
