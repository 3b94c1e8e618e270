"""A face in a frame of footage: where its points lie, and what is laid over the frame."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavis.render.kernels.compiled import kernel

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]


@kernel
def place_points(points: F32, rows: I32, affine: F32, warp: F32, corner: F32, step: float, view: F32, out: F32) -> None:
    """``out[i, :2]`` = the view's pixels of ``affine @ [point, 1] + warp(point)`` for each ``i`` of ``rows``.

    ``warp``: nodes ``[rows, columns, 2]``, bilinear between them, constant beyond. ``view``: scale, offset x, offset y;
    ``pixel = (canvas + 0.5) * scale - 0.5 + offset``.
    """
    scale = np.float32(1 / step)
    last_x = np.float32(warp.shape[1] - 1.001)
    last_y = np.float32(warp.shape[0] - 1.001)
    half = np.float32(0.5)
    one = np.float32(1)
    for r in range(rows.shape[0]):
        i = rows[r]
        x = points[i, 0]
        y = points[i, 1]
        z = points[i, 2]
        gx = min(last_x, max(np.float32(0), (x - corner[0]) * scale))
        gy = min(last_y, max(np.float32(0), (y - corner[1]) * scale))
        column = int(gx)
        row = int(gy)
        fx = gx - np.float32(column)
        fy = gy - np.float32(row)
        a = (one - fx) * (one - fy)
        b = fx * (one - fy)
        c = (one - fx) * fy
        d = fx * fy
        for m in range(2):
            value = affine[m, 0] * x + affine[m, 1] * y + affine[m, 2] * z + affine[m, 3]
            value += a * warp[row, column, m] + b * warp[row, column + 1, m]
            value += c * warp[row + 1, column, m] + d * warp[row + 1, column + 1, m]
            out[i, m] = (value + half) * view[0] - half + view[1 + m]


@kernel
def own_mouth(seen: F32, jaw: float, jaw_base: F32, rows: I32, out: F32) -> None:
    """Where the footage's own jaw takes the points of the texture: ``out = seen + jaw * jaw_base``."""
    strength = np.float32(jaw)
    for r in range(rows.shape[0]):
        i = rows[r]
        for m in range(3):
            out[i, m] = seen[i, m] + strength * jaw_base[i, m]


@kernel
def own_border(border: F32, jaw: float, jaw_border: F32, residual: F32) -> None:
    """What the footage's vermilion border ``[20, 2]`` does beyond its jaw, as ``[20, 3]``."""
    strength = np.float32(jaw)
    for p in range(border.shape[0]):
        residual[p, 0] = border[p, 0] - strength * jaw_border[p, 0]
        residual[p, 1] = border[p, 1] - strength * jaw_border[p, 1]
        residual[p, 2] = 0


@kernel
def own_lips(seen: F32, border: F32, line: F32, upper: bool, out: F32) -> None:
    """Where a lip's texture lies in the footage, before the head's pose: ``[41, 25, 3]``.

    ``border`` and ``line``: displacements ``[20, 2]``, corner, 9 upper, corner, 9 lower; every fourth column has one.
    """
    steps = seen.shape[1] - 1
    for k in range(seen.shape[0]):
        at = k // 4
        f = np.float32(k % 4) * np.float32(0.25)
        here = 10 if at == 10 else (at if upper or at == 0 else 10 + at)
        after = here if at == 10 else (10 if at == 9 else (at + 1 if upper else 11 + at))
        for s in range(seen.shape[1]):
            t = np.float32(s) / np.float32(steps)
            for m in range(2):
                b = border[here, m] * (1 - f) + border[after, m] * f
                e = line[here, m] * (1 - f) + line[after, m] * f
                out[k, s, m] = seen[k, s, m] + b * (1 - t) + e * t
            out[k, s, 2] = seen[k, s, 2]


@kernel
def reach_of(screen: F32, rows: I32, width: int, height: int, box: I32) -> None:
    """The part of the frame that some points can cover: x0, y0, x1, y1, even."""
    x_low = np.float32(1e9)
    x_high = np.float32(-1e9)
    y_low = np.float32(1e9)
    y_high = np.float32(-1e9)
    for r in range(rows.shape[0]):
        i = rows[r]
        x_low = min(x_low, screen[i, 0])
        x_high = max(x_high, screen[i, 0])
        y_low = min(y_low, screen[i, 1])
        y_high = max(y_high, screen[i, 1])
    box[0] = min(width, max(0, int(np.floor(x_low))))
    box[1] = min(height, max(0, int(np.floor(y_low))))
    box[2] = max(0, min(width, int(np.ceil(x_high)) + 1))
    box[3] = max(0, min(height, int(np.ceil(y_high)) + 1))


@kernel
def lay_over(sampled: U8, map_u: F32, map_gain: F32, x0: int, y0: int, x1: int, y1: int, frame: U8) -> None:
    """``frame = gain * sampled`` wherever a triangle is; the map is left empty for the next frame."""
    for y in range(y0, y1):
        source = sampled[y, x0:x1]
        texture_u = map_u[y, x0:x1]
        gains = map_gain[y, x0:x1]
        out = frame[y, x0:x1]
        for x in range(out.shape[0]):
            if texture_u[x] < np.float32(-9000.0):
                continue
            texture_u[x] = np.float32(-1e4)
            gain = np.int32(gains[x] * np.float32(256) + np.float32(0.5))
            for m in range(3):
                out[x, m] = min(np.int32(255), (np.int32(source[x, m]) * gain + np.int32(128)) >> 8)


@kernel
def mix_in(soft: U8, mask: U8, strength: float, frame: U8) -> None:
    """``frame += strength * mask / 255 * (soft - frame)``, all of one size."""
    scale = np.float32(strength / 255)
    half = np.float32(0.5)
    for y in range(mask.shape[0]):
        for x in range(mask.shape[1]):
            share = np.float32(mask[y, x]) * scale
            if share <= 0:
                continue
            for m in range(3):
                here = np.float32(frame[y, x, m])
                frame[y, x, m] = np.uint8(here + share * (np.float32(soft[y, x, m]) - here) + half)
