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
def reach(screen: F32, width: int, height: int, box: NDArray[np.int32]) -> None:
    """The part of the frame that points ``[n, 2]`` and what lies between them can cover: x0, y0, x1, y1."""
    x_low = np.float32(1e9)
    x_high = np.float32(-1e9)
    y_low = np.float32(1e9)
    y_high = np.float32(-1e9)
    for i in range(screen.shape[0]):
        x_low = min(x_low, screen[i, 0])
        x_high = max(x_high, screen[i, 0])
        y_low = min(y_low, screen[i, 1])
        y_high = max(y_high, screen[i, 1])
    box[0] = min(width, max(0, int(np.floor(x_low))))
    box[1] = min(height, max(0, int(np.floor(y_low))))
    box[2] = max(0, min(width, int(np.ceil(x_high)) + 1))
    box[3] = max(0, min(height, int(np.ceil(y_high)) + 1))


@kernel
def rasterise(
    screen: F32, triangles: NDArray[np.int32], texture_and_gain: F32, u_max: np.float32, v_max: np.float32,
    map_u: F32, map_v: F32, map_gain: F32,
) -> None:  # fmt: skip
    """Scan-convert in drawing order: later triangles cover earlier ones; edges are inclusive, so nothing gaps."""
    height = map_u.shape[0]
    width = map_u.shape[1]
    zero = np.float32(0)
    one = np.float32(1)
    tolerance = np.float32(1e-3)
    for i in range(triangles.shape[0]):
        a = triangles[i, 0]
        b = triangles[i, 1]
        c = triangles[i, 2]
        ay = screen[a, 1]
        by = screen[b, 1]
        cy = screen[c, 1]
        # a above b above c
        if by < ay:
            a, b = b, a
            ay, by = by, ay
        if cy < ay:
            a, c = c, a
            ay, cy = cy, ay
        if cy < by:
            b, c = c, b
            by, cy = cy, by
        first_row = max(0, int(np.ceil(ay)))
        last_row = min(height - 1, int(np.floor(cy)))
        if first_row > last_row:
            continue
        ax = screen[a, 0]
        abx = screen[b, 0] - ax
        aby = by - ay
        acx = screen[c, 0] - ax
        acy = cy - ay
        bcx = acx - abx
        bcy = cy - by
        area = abx * acy - aby * acx
        if abs(area) <= tolerance:
            continue
        slope_ac = acx / acy
        slope_ab = abx / aby if aby > zero else zero
        slope_bc = bcx / bcy if bcy > zero else zero
        bx = ax + abx
        inverse = one / area
        ua = texture_and_gain[a, 0]
        va = texture_and_gain[a, 1]
        ga = texture_and_gain[a, 2]
        du1 = (texture_and_gain[b, 0] - ua) * inverse
        du2 = (texture_and_gain[c, 0] - ua) * inverse
        dv1 = (texture_and_gain[b, 1] - va) * inverse
        dv2 = (texture_and_gain[c, 1] - va) * inverse
        dg1 = (texture_and_gain[b, 2] - ga) * inverse
        dg2 = (texture_and_gain[c, 2] - ga) * inverse
        ux = du1 * acy - du2 * aby
        uy = du2 * abx - du1 * acx
        vx = dv1 * acy - dv2 * aby
        vy = dv2 * abx - dv1 * acx
        gx = dg1 * acy - dg2 * aby
        gy = dg2 * abx - dg1 * acx
        for y in range(first_row, last_row + 1):
            row = np.float32(y)
            dy = row - ay
            low = ax + slope_ac * dy
            high = ax + slope_ab * dy if row < by else bx + slope_bc * (row - by)
            if high < low:
                low, high = high, low
            first = max(0, int(np.ceil(low - tolerance)))
            last = min(width - 1, int(np.floor(high + tolerance)))
            if last < first:
                continue
            dx = np.float32(first) - ax
            u = ua + ux * dx + uy * dy
            v = va + vx * dx + vy * dy
            g = ga + gx * dx + gy * dy
            # unsigned: an index that may be negative would be looked at for every pixel
            line = np.uint64(y)
            for x in range(np.uint64(first), np.uint64(last + 1)):
                map_u[line, x] = min(max(u, zero), u_max)
                map_v[line, x] = min(max(v, zero), v_max)
                map_gain[line, x] = g
                u += ux
                v += vx
                g += gx


@kernel
def composite(
    sampled: U8, background: U8, map_u: F32, map_gain: F32, x0: int, y0: int, x1: int, y1: int, frame: U8
) -> None:
    """``frame = alpha * gain * sampled + (1 - alpha) * background`` in a part of it, in 8.8 fixed point."""
    for y in range(y0, y1):
        # views of the row: an index that may be negative would be looked at for every pixel
        source = sampled[y, x0:x1]
        behind = background[y, x0:x1]
        texture_u = map_u[y, x0:x1]
        gains = map_gain[y, x0:x1]
        out = frame[y, x0:x1]
        for x in range(out.shape[0]):
            alpha = np.int32(source[x, 3])
            if texture_u[x] < np.float32(-9000.0) or alpha == 0:
                out[x, 0] = behind[x, 0]
                out[x, 1] = behind[x, 1]
                out[x, 2] = behind[x, 2]
                continue
            gain = np.int32(gains[x] * np.float32(256))
            c0 = min(np.int32(255), (source[x, 0] * gain + np.int32(128)) >> 8)
            c1 = min(np.int32(255), (source[x, 1] * gain + np.int32(128)) >> 8)
            c2 = min(np.int32(255), (source[x, 2] * gain + np.int32(128)) >> 8)
            if alpha < 255:
                alpha += alpha >> 7
                rest = np.int32(256) - alpha
                c0 = (c0 * alpha + behind[x, 0] * rest) >> 8
                c1 = (c1 * alpha + behind[x, 1] * rest) >> 8
                c2 = (c2 * alpha + behind[x, 2] * rest) >> 8
            out[x, 0] = c0
            out[x, 1] = c1
            out[x, 2] = c2


@kernel
def separate(sampled: U8, map_u: F32, map_gain: F32, x0: int, y0: int, x1: int, y1: int, frame: U8, matte: U8) -> None:
    """The person alone: ``frame = gain * sampled``, where it covers anything at all, and ``matte = alpha``."""
    for y in range(y0, y1):
        for x in range(x0, x1):
            alpha = sampled[y, x, 3] if map_u[y, x] > np.float32(-9000.0) else np.uint8(0)
            gain = np.int32(map_gain[y, x] * np.float32(256)) if alpha > 0 else np.int32(0)
            frame[y, x, 0] = min(np.int32(255), (sampled[y, x, 0] * gain + np.int32(128)) >> 8)
            frame[y, x, 1] = min(np.int32(255), (sampled[y, x, 1] * gain + np.int32(128)) >> 8)
            frame[y, x, 2] = min(np.int32(255), (sampled[y, x, 2] * gain + np.int32(128)) >> 8)
            matte[y, x] = alpha


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
