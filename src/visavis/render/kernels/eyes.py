"""The eyeball behind the lids: the eye picture, warped by gaze, inside the opening."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavis.render.kernels.compiled import kernel

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]


@kernel
def draw_eye(
    frame: U8, opening: U8, x0: int, y0: int, to_texture: F32, picture: U8, corner: F32, iris: F32, radius: float,
    gaze_x: float, gaze_y: float, shade: float, lash: F32, lashes: float,
) -> None:  # fmt: skip
    """Blend the eye picture into ``frame`` where ``opening`` (``uint8``, its corner at x0, y0) lets it through.

    ``to_texture`` is the affine map ``[2, 3]`` screen -> texture pixels of the resting skull; the gaze shifts the
    iris whole and dies out smoothly to the lids: ``p -= gaze * w(|p - iris - gaze| / radius)``. ``lashes`` is the
    share of the lash colour: closed lids meet in a line of it.
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
