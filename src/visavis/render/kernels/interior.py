"""What an open mouth shows, pixel by pixel between the two lip edges: cavity, tongue, lower and upper teeth.

Work is in mm of the head frame as it appears on the screen (``lx``, ``ly``: across and down from the upper teeth's
edge). The dental arches are textures over (arc length, height); their apparent position includes the parallax of a
turned head. Coverage at the lip edges is analytic. Colours are BGR 0..255.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavis.render.kernels.compiled import kernel, smoothstep

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

ARCH_HALF_MM = 36.0
TEXTURE_PX_PER_MM = 6.0
TEXTURE_TOP_MM = -12.0
TEXTURE_BOTTOM_MM = 3.0
TABLE_STEPS = 96
_LINE_MM = 0.42
"""Standard deviation of the dark line between lips that touch; never thinner than a pixel."""
_SHARPNESS = 0.9
"""Steepness of the antialiased lip edge, per pixel."""


@kernel
def _edge_table(edge: F32, start: float, step: float, outside: float, table: F32) -> None:
    """Height of a lip edge at regular x."""
    n = edge.shape[0]
    k = 0
    for i in range(table.shape[0]):
        x = start + i * step
        while k < n - 2 and edge[k + 1, 0] < x:
            k += 1
        span = edge[k + 1, 0] - edge[k, 0]
        f = (x - edge[k, 0]) / (span if span > 1e-4 else 1e-4)
        f = min(1.0, max(0.0, f))
        table[i] = edge[k, 1] * (1 - f) + edge[k + 1, 1] * f
        if x < edge[0, 0] or x > edge[n - 1, 0]:
            table[i] = outside


@kernel
def _arc_table(arch: F32, depth_shift: float, shift: float, start: float, step: float, table: F32) -> None:
    """Arc length of the arch that appears at regular x."""
    n = arch.shape[0]
    spacing = 2 * ARCH_HALF_MM / (n - 1)
    k = 0
    for i in range(table.shape[0]):
        x = start + i * step
        while k < n - 2 and arch[k + 1, 0] + arch[k + 1, 1] * depth_shift + shift < x:
            k += 1
        x0 = arch[k, 0] + arch[k, 1] * depth_shift + shift
        x1 = arch[k + 1, 0] + arch[k + 1, 1] * depth_shift + shift
        span = x1 - x0
        f = (x - x0) / (span if abs(span) > 1e-4 else 1e-4)
        table[i] = -ARCH_HALF_MM + spacing * (k + min(1.0, max(0.0, f)))


@kernel
def _tongue_tip(colour: F32, tongue: F32, a: float, light: float) -> None:
    for c in range(3):
        colour[c] = colour[c] * (1 - a) + tongue[c] * light * a


@kernel
def _teeth(colour: F32, texture: F32, tx: float, ty: float, light: float, bounce: float, mucosa: F32) -> None:
    """One bilinear sample of an arch over what is behind it; shade is warm."""
    ix = int(tx)
    iy = int(ty)
    fx = tx - ix
    fy = ty - iy
    w00 = (1 - fx) * (1 - fy)
    w01 = fx * (1 - fy)
    w10 = (1 - fx) * fy
    w11 = fx * fy
    a = (
        texture[iy, ix, 3] * w00
        + texture[iy, ix + 1, 3] * w01
        + texture[iy + 1, ix, 3] * w10
        + texture[iy + 1, ix + 1, 3] * w11
    )
    if a <= 0.004:
        return
    for c in range(3):
        if c == 0:
            shade = light * (0.80 + 0.20 * light)
        elif c == 1:
            shade = light * (0.91 + 0.09 * light)
        else:
            shade = light * (1.10 - 0.10 * light)
        sample = (
            texture[iy, ix, c] * w00
            + texture[iy, ix + 1, c] * w01
            + texture[iy + 1, ix, c] * w10
            + texture[iy + 1, ix + 1, c] * w11
        )
        colour[c] = colour[c] * (1 - a) + a * bounce * mucosa[c] + shade * sample


@kernel
def draw_interior(
    frame: U8, upper_screen: F32, lower_screen: F32, origin: F32, to_mm: F32, px_per_mm: float, upper_edge: F32,
    lower_edge: F32, upper_arch: F32, lower_arch: F32, lower_shift: F32, parallax: F32, upper_teeth: F32,
    lower_teeth: F32, tongue: F32, cavity: F32, mucosa: F32, rim: F32, tongue_pose: F32, side_light: float,
    pucker: float, funnel: float, painted_line: float, mouth_light: float, activity: float, tables: F32, colour: F32,
) -> None:  # fmt: skip
    """Draw the mouth's interior into ``frame``.

    Args:
        frame: ``uint8 [h, w, 3]``.
        upper_screen, lower_screen: lip edges, screen pixels ``[41, 2]``.
        origin, to_mm: screen -> mm: ``to_mm @ (p - origin)``.
        upper_edge, lower_edge: the same edges in mm.
        lower_shift: the lower arch's displacement by the jaw, mm.
        parallax: apparent shift per mm of depth.
        tongue_pose: tip height, body height, how far out.
        side_light: -1..1, the light's horizontal direction.
        painted_line: strength of a drawn contact line (photos with parted lips).
        mouth_light: brightness of everything inside, 1 as in the avatar's own picture.
        activity: 0 at rest .. 1: the contact shadow of moving lips.
        tables: work buffer ``[4, TABLE_STEPS]``; colour: work buffer ``[3]``.
    """
    start = min(upper_edge[0, 0], lower_edge[0, 0]) - 0.5
    n = upper_edge.shape[0]
    steps = tables.shape[1]
    step = (max(upper_edge[n - 1, 0], lower_edge[n - 1, 0]) + 0.5 - start) / (steps - 1)
    upper_y = tables[0]
    lower_y = tables[1]
    upper_arc = tables[2]
    lower_arc = tables[3]
    _edge_table(upper_edge, start, step, 1e3, upper_y)
    _edge_table(lower_edge, start, step, -1e3, lower_y)
    _arc_table(upper_arch, parallax[0], 0.0, start, step, upper_arc)
    _arc_table(lower_arch, parallax[0], lower_shift[0], start, step, lower_arc)

    protrusion = 4.5 * pucker + 0.6 * funnel
    tooth_light = np.exp(-protrusion / 4.2) * (1 - 0.62 * pucker * pucker)
    bounce = 0.55 * (1 - tooth_light)
    tallest = 0.0
    left = 1e9
    right = -1e9
    for i in range(steps):
        gap = lower_y[i] - upper_y[i]
        if gap > 0.15:
            left = min(left, start + i * step)
            right = max(right, start + i * step)
        tallest = max(tallest, gap if gap < 900 else 0.0)
    line = max(painted_line, 0.85 * activity)
    line_width = max(1.1, 2 * (_LINE_MM * px_per_mm) ** 2)
    if tallest <= 0.02 and line <= 0.02:
        return
    half_width = max(1.0, (right - left) / 2)
    middle = (left + right) / 2
    wide_open = smoothstep(0.0, 9.0, tallest)
    ambient = (0.55 + 0.45 * wide_open) * (0.5 + 0.5 * tooth_light)

    height = frame.shape[0]
    width = frame.shape[1]
    x_low = 1e9
    x_high = -1e9
    y_low = 1e9
    y_high = -1e9
    for k in range(n):
        x_low = min(x_low, min(upper_screen[k, 0], lower_screen[k, 0]))
        x_high = max(x_high, max(upper_screen[k, 0], lower_screen[k, 0]))
        y_low = min(y_low, min(upper_screen[k, 1], lower_screen[k, 1]))
        y_high = max(y_high, max(upper_screen[k, 1], lower_screen[k, 1]))
    first_x = max(0, int(x_low) - 2)
    last_x = min(width, int(x_high) + 3)
    first_y = max(0, int(y_low) - 2)
    last_y = min(height, int(y_high) + 3)
    texture_height = upper_teeth.shape[0]
    texture_width = upper_teeth.shape[1]
    tip = tongue_pose[0]
    body = tongue_pose[1]
    out = tongue_pose[2]
    tip_rest = lower_shift[1] + 0.3
    raised = smoothstep(0.0, 1.0, (tip_rest - tip) / max(0.5, tip_rest + 1.6)) * (1 - out)

    for y in range(first_y, last_y):
        for x in range(first_x, last_x):
            ex = x - origin[0]
            ey = y - origin[1]
            lx = to_mm[0, 0] * ex + to_mm[0, 1] * ey
            ly = to_mm[1, 0] * ex + to_mm[1, 1] * ey
            position = (lx - start) / step
            if position < 0 or position >= steps - 1:
                continue
            i = int(position)
            f = position - i
            yu = upper_y[i] * (1 - f) + upper_y[i + 1] * f
            yl = lower_y[i] * (1 - f) + lower_y[i + 1] * f
            above = (ly - yu) * px_per_mm * _SHARPNESS + 0.5
            below = (yl - ly) * px_per_mm * _SHARPNESS + 0.5
            cover = min(1.0, max(0.0, above)) + min(1.0, max(0.0, below)) - 1
            if line > 0.02:  # the contact shadow: lips smoothed into each other, a soft dark line in a wider shade
                d = (ly - 0.5 * (yu + yl)) * px_per_mm
                ends = smoothstep(0.0, 0.10, min(position / steps, 1 - position / steps))
                touching = (1 - smoothstep(0.1, 0.9, yl - yu)) * ends
                w = np.exp(-d * d / 1.1) * touching * line
                shade = 0.25 * np.exp(-d * d / line_width) + 0.14 * np.exp(-d * d / (7.0 * line_width))
                shade *= touching * painted_line
                if (w > 0.02 or shade > 0.01) and 0 < y < height - 1 and yl > -900:
                    for c in range(3):
                        around = float(frame[y - 1, x, c]) + float(frame[y + 1, x, c])
                        mean = float(frame[y, x, c]) * 0.5 + 0.25 * around
                        value = frame[y, x, c] * (1 - w) + mean * w
                        frame[y, x, c] = np.uint8(value * (1 - shade * (1.1 if c < 2 else 0.85)))
            if cover <= 0.003:
                continue
            under_upper = max(0.0, ly - yu)
            over_lower = max(0.0, yl - ly)
            gap = yl - yu
            across = (lx - middle) / half_width
            # cavity: darkest in the upper middle, cheeks and floor catch some light
            down = (ly - (yu + 0.42 * gap)) / max(1.0, 0.55 * gap)
            dark = np.exp(-(across * across * 1.3 + down * down * 0.9)) * smoothstep(1.0, 8.0, tallest) * 0.9 + 0.1
            for c in range(3):
                colour[c] = (mucosa[c] * (1 - dark) + cavity[c] * dark) * ambient
            # tongue body
            tx_mm = lx - lower_shift[0] * 0.6
            d = ly - (body + tx_mm * tx_mm * 0.013)
            a = smoothstep(-0.7, 1.1, d) * (1 - smoothstep(17.0, 21.0, abs(tx_mm)))
            if a > 0:
                light = (0.36 + 0.40 * smoothstep(0.0, 8.0, d)) * (1 - 0.40 * (tx_mm / 20) ** 2)
                light *= 1 - 0.09 * np.exp(-((tx_mm / 1.6) ** 2)) * smoothstep(1.0, 5.0, d)
                _tongue_tip(colour, tongue, a, light * (0.6 + 0.4 * tooth_light))
            # tongue tip behind the lower teeth, or raised
            d = ly - (tip + (tx_mm / 12.5) ** 2 * 3.2)
            a = smoothstep(-0.6, 0.9, d) * (1 - smoothstep(13.0, 17.0, abs(tx_mm)))
            if raised > 0:  # a tip at the ridge shows its underside, a band that falls away into the floor of the mouth
                a *= 1 - raised * smoothstep(3.0, 7.5, d)
            if a > 0:
                light = (
                    0.66
                    + 0.42 * raised
                    + 0.17 * np.exp(-(((d - 1.6) / 1.3) ** 2))
                    - 0.10 * smoothstep(2.0, 7.0, d)
                    + 0.14 * out
                )
                light *= (1 - 0.05 * np.exp(-((tx_mm / 1.2) ** 2))) * (1 - 0.30 * (tx_mm / 15) ** 2)
                _tongue_tip(colour, tongue, a, light * tooth_light)
            # lower teeth
            arc = lower_arc[i] * (1 - f) + lower_arc[i + 1] * f
            z = lower_arch[min(lower_arch.shape[0] - 2, max(0, int((arc + ARCH_HALF_MM) * 2.0))), 1]
            v = ly - lower_shift[1] - z * parallax[1]
            tx = (arc + ARCH_HALF_MM) * TEXTURE_PX_PER_MM - 0.5
            ty = min((TEXTURE_BOTTOM_MM + v) * TEXTURE_PX_PER_MM - 0.5, texture_height - 2.0)
            if 0 <= tx < texture_width - 1 and ty >= 0:
                light = tooth_light * np.exp(z / 30.0) * (0.76 + 0.24 * smoothstep(0.0, 4.0, over_lower))
                light *= 0.82 + 0.18 * smoothstep(0.0, 5.0, under_upper)
                _teeth(colour, lower_teeth, tx, ty, light, bounce, mucosa)
            # the tip over the lower teeth, as in "th"
            if out > 0.001:
                d = ly - (tip + (tx_mm / 10.5) ** 2 * 2.6)
                a = smoothstep(-0.5, 0.8, d) * out * (1 - smoothstep(10.5, 14.0, abs(tx_mm)))
                if a > 0:
                    light = 0.92 - 0.10 * smoothstep(2.0, 6.0, d)
                    light += 0.22 * np.exp(-(((d - 1.5) / 1.0) ** 2)) * np.exp(-((tx_mm / 6.0) ** 2))
                    light *= (1 - 0.06 * np.exp(-((tx_mm / 0.8) ** 2))) * (1 - 0.22 * (tx_mm / 12) ** 2)
                    # it rests in the shade of the lip it lies on, or it would look like more of that lip
                    light *= 1 - 0.45 * np.exp(-over_lower / 0.7)
                    _tongue_tip(colour, tongue, a, light)
            # upper teeth and the shadow under them
            arc = upper_arc[i] * (1 - f) + upper_arc[i + 1] * f
            z = upper_arch[min(upper_arch.shape[0] - 2, max(0, int((arc + ARCH_HALF_MM) * 2.0))), 1]
            v = ly - 0.5 - z * parallax[1]
            under = v + 0.0025 * arc * arc
            shadow = 1 - 0.42 * np.exp(-max(0.0, under) / 1.7) if under > -0.5 else 0.58
            for c in range(3):
                colour[c] *= shadow
            tx = (arc + ARCH_HALF_MM) * TEXTURE_PX_PER_MM - 0.5
            ty = max(0.0, (v - TEXTURE_TOP_MM) * TEXTURE_PX_PER_MM - 0.5)
            if 0 <= tx < texture_width - 1 and ty < texture_height - 1:
                light = tooth_light * np.exp(z / 32.0) * (0.72 + 0.28 * smoothstep(-0.3, 3.2, under_upper))
                _teeth(colour, upper_teeth, tx, ty, light, bounce, mucosa)
            # wet inner rims
            opened = smoothstep(1.0, 4.0, gap)
            lower_rim = (0.62 - 0.5 * out) * (1 - smoothstep(0.15, 1.25, over_lower)) * opened
            upper_rim = 0.35 * (1 - smoothstep(0.05, 0.7, under_upper)) * opened
            side = 1 - 0.58 * smoothstep(0.5, 1.05, abs(across))
            occlusion = side * (0.84 + 0.16 * smoothstep(-0.3, 1.5, under_upper))
            occlusion *= (0.92 + 0.08 * smoothstep(-0.2, 1.3, over_lower)) * (1 + side_light * across * 0.12)
            occlusion = min(occlusion, 1.1) * mouth_light
            k = cover * smoothstep(0.0, 0.8, gap)
            for c in range(3):
                value = colour[c] * (1 - lower_rim) + rim[c] * lower_rim
                value = value * (1 - upper_rim) + rim[c] * 0.75 * upper_rim
                value = frame[y, x, c] * (1 - k) + value * occlusion * k
                frame[y, x, c] = np.uint8(min(255.0, value + 0.5))
