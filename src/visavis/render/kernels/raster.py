"""Triangles to texture coordinates per pixel, and the sampled texture onto the background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavis.render.kernels.compiled import kernel

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

EMPTY = np.float32(-1e4)
"""Texture coordinate of a pixel that no triangle covers."""


@kernel
def rasterise(
    screen: F32,
    triangles: NDArray[np.int32],
    texture_and_gain: F32,
    u_max: np.float32,
    v_max: np.float32,
    map_u: F32,
    map_v: F32,
    map_gain: F32,
) -> None:
    """Scan-convert in drawing order: later triangles cover earlier ones; edges are inclusive, so nothing gaps."""
    height = map_u.shape[0]
    width = map_u.shape[1]
    for i in range(triangles.shape[0]):
        a = triangles[i, 0]
        b = triangles[i, 1]
        c = triangles[i, 2]
        ax = screen[a, 0]
        ay = screen[a, 1]
        bx = screen[b, 0]
        by = screen[b, 1]
        cx = screen[c, 0]
        cy = screen[c, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if abs(area) <= 1e-3:
            continue
        first_row = max(0, int(np.ceil(min(ay, by, cy) - 1e-3)))
        last_row = min(height - 1, int(np.floor(max(ay, by, cy) + 1e-3)))
        if first_row > last_row:
            continue
        inverse = 1 / area
        l1x = (cy - ay) * inverse
        l1y = -(cx - ax) * inverse
        l2x = -(by - ay) * inverse
        l2y = (bx - ax) * inverse
        ua = texture_and_gain[a, 0]
        va = texture_and_gain[a, 1]
        ga = texture_and_gain[a, 2]
        du1 = texture_and_gain[b, 0] - ua
        du2 = texture_and_gain[c, 0] - ua
        dv1 = texture_and_gain[b, 1] - va
        dv2 = texture_and_gain[c, 1] - va
        dg1 = texture_and_gain[b, 2] - ga
        dg2 = texture_and_gain[c, 2] - ga
        ux = du1 * l1x + du2 * l2x
        uy = du1 * l1y + du2 * l2y
        vx = dv1 * l1x + dv2 * l2x
        vy = dv1 * l1y + dv2 * l2y
        gx = dg1 * l1x + dg2 * l2x
        gy = dg1 * l1y + dg2 * l2y
        for y in range(first_row, last_row + 1):
            low = 1e9
            high = -1e9
            for edge in range(3):
                if edge == 0:
                    px, py, qx, qy = ax, ay, bx, by
                elif edge == 1:
                    px, py, qx, qy = bx, by, cx, cy
                else:
                    px, py, qx, qy = cx, cy, ax, ay
                if (py <= y <= qy) or (qy <= y <= py):
                    if abs(qy - py) < 1e-6:
                        low = min(low, min(px, qx))
                        high = max(high, max(px, qx))
                    else:
                        x = px + (qx - px) * (y - py) / (qy - py)
                        low = min(low, x)
                        high = max(high, x)
            if high < low:
                continue
            first = max(0, int(np.ceil(low - 1e-3)))
            last = min(width - 1, int(np.floor(high + 1e-3)))
            dy = y - ay
            dx = first - ax
            u = ua + ux * dx + uy * dy
            v = va + vx * dx + vy * dy
            g = ga + gx * dx + gy * dy
            for x in range(first, last + 1):
                map_u[y, x] = min(max(u, np.float32(0.0)), u_max)
                map_v[y, x] = min(max(v, np.float32(0.0)), v_max)
                map_gain[y, x] = g
                u += ux
                v += vx
                g += gx


@kernel
def composite(sampled: U8, background: U8, map_u: F32, map_gain: F32, frame: U8) -> None:
    """``frame = alpha * gain * sampled + (1 - alpha) * background``, in 8.8 fixed point."""
    for y in range(frame.shape[0]):
        for x in range(frame.shape[1]):
            alpha = np.int32(sampled[y, x, 3])
            if map_u[y, x] < np.float32(-9000.0) or alpha == 0:
                frame[y, x, 0] = background[y, x, 0]
                frame[y, x, 1] = background[y, x, 1]
                frame[y, x, 2] = background[y, x, 2]
                continue
            gain = np.int32(map_gain[y, x] * np.float32(256))
            c0 = min(np.int32(255), (sampled[y, x, 0] * gain + np.int32(128)) >> 8)
            c1 = min(np.int32(255), (sampled[y, x, 1] * gain + np.int32(128)) >> 8)
            c2 = min(np.int32(255), (sampled[y, x, 2] * gain + np.int32(128)) >> 8)
            if alpha < 255:
                alpha += alpha >> 7
                rest = np.int32(256) - alpha
                c0 = (c0 * alpha + background[y, x, 0] * rest) >> 8
                c1 = (c1 * alpha + background[y, x, 1] * rest) >> 8
                c2 = (c2 * alpha + background[y, x, 2] * rest) >> 8
            frame[y, x, 0] = c0
            frame[y, x, 1] = c1
            frame[y, x, 2] = c2


@kernel
def apply_folds(
    texture: U8, plain: U8, gains: NDArray[np.int8], lift: NDArray[np.int8], rows: NDArray[np.int16],
    columns: NDArray[np.int16], weights: NDArray[np.float64],
) -> None:  # fmt: skip
    """Shade and lift the texture where skin folds; ``plain`` is the untouched texture at the same pixels.

    ``weights``: crease removal, then one per fold. Shade on skin is warm: blue falls faster than red.
    """
    crease = np.int32(256 * weights[0])
    for i in range(rows.shape[0]):
        shade = 0.0
        for k in range(gains.shape[1]):
            shade += gains[i, k] * weights[k + 1]
        shade *= 256 / 254.0
        y = rows[i]
        x = columns[i]
        blue = np.int32(256.5 + 1.12 * shade)
        green = np.int32(256.5 + 1.06 * shade)
        red = np.int32(256.5 + 0.72 * shade)
        texture[y, x, 0] = min(255, (np.int32(plain[i, 0]) * blue + lift[i, 0] * crease + 128) >> 8)
        texture[y, x, 1] = min(255, (np.int32(plain[i, 1]) * green + lift[i, 1] * crease + 128) >> 8)
        texture[y, x, 2] = min(255, (np.int32(plain[i, 2]) * red + lift[i, 2] * crease + 128) >> 8)
