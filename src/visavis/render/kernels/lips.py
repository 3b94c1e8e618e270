"""Parametric lips: an aperture template for the edges and an unrolling surface between border and edge.

Lengths in mm of the head frame. Controls ``q``: jaw, close, press, pucker, stretch, smile, funnel, upper raise, lower
depress, tuck, shift (mm), upper roll. Everything is C1 in the controls, and both lips share one curve where they
touch, so contact is exact and needs no collision handling.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavis.render.kernels.compiled import kernel, smoothstep

F32 = NDArray[np.float32]

_RELIEF_OF_CLOSED = 0.75
"""Share of an open lip's shading that lips closed over a photo's open mouth get."""
LIP_CONTROLS = (
    "jaw", "close", "press", "pucker", "stretch", "smile", "funnel", "upperRaise", "lowerDepress", "tuck", "shift",
    "upperRoll",
)  # fmt: skip


@kernel
def lip_curves(
    q: F32, contact: F32, column: F32, upper_height: F32, lower_height: F32, jaw_drop: F32, incisal: float,
    half_width: float, lean: float, upper_edge: F32, lower_edge: F32, upper_border: F32, lower_border: F32,
    opening: F32,
) -> None:  # fmt: skip
    """Controls -> displacements of both lip edges and vermilion borders, and the opening per column.

    With x the column (-1..1) and w the width of the aperture, an edge opens by ``A (1 - |x/w|^p)^q`` from the contact
    line; w narrows for small openings (corners stick) and for rounding. ``lean`` is that of
    :func:`~visavis.render.rig.camera_lean`.
    """
    jaw = q[0]
    close = min(1.0, q[1])
    press = q[2]
    pucker = q[3]
    stretch = q[4]
    smile = q[5]
    funnel = q[6]
    upper_raise = q[7]
    lower_depress = q[8]
    tuck = q[9]
    shift = q[10]
    roll = q[11]
    n = contact.shape[0]
    mid = n // 2
    jaw_y = jaw_drop[mid, 1] * jaw
    jaw_z = jaw_drop[mid, 2] * jaw
    rounded = min(1.0, pucker + 0.6 * funnel)
    narrowing = 1 - (1 - 0.40 * pucker) * (1 - 0.21 * funnel)
    drop = 0.33 * jaw_y * (1 - 0.15 * rounded)
    open_up = drop + 0.06 * jaw_y + 4.3 * upper_raise + 1.7 * funnel + 1.15 * pucker
    open_down = jaw_y - drop + 4.8 * lower_depress + 1.7 * funnel - 0.5 * pucker * min(1.0, jaw_y * 0.4)
    open_up *= 1 - close
    open_down *= 1 - close
    line = drop + shift
    # tucked, the lower lip meets the edge of the upper teeth
    to_teeth = incisal - 0.9 - (contact[mid, 1] + line)
    open_up = open_up * (1 - tuck) + tuck * (max(0.0, -to_teeth) + 2.5 + 0.8 * upper_raise)
    open_down = open_down * (1 - tuck) + tuck * to_teeth
    aperture = max(open_up + open_down, 0.0)
    wide = 0.96 - 0.36 * pucker - 0.20 * funnel + 0.10 * pucker * funnel
    width = wide * (1 - 0.30 * np.exp(-aperture / 4.5))
    power = 2.5 - 0.5 * rounded
    upper_power = (0.66 - 0.10 * rounded) * (1 - tuck) + tuck * 0.8
    lower_power = (0.70 - 0.12 * rounded) * (1 - tuck) + tuck * 0.8
    upper_full = 0.0
    lower_full = 0.0
    for k in range(n):
        upper_full = max(upper_full, upper_height[k])
        lower_full = max(lower_full, lower_height[k])
    thin = 1 - 0.10 * min(1.0, aperture / 12.0) - 0.10 * stretch - 0.12 * smile
    for k in range(n):
        x = abs(column[k])
        side = 1.0 if column[k] > 0 else -1.0
        bow = max(0.0, 1 - x * x)
        template = max(0.0, 1 - (x / width) ** power)
        up = template**upper_power
        down = template**lower_power
        # the line where the lips meet; rounding levels a smiling one, as the photo's camera sees it
        arch = contact[mid, 1] - contact[k, 1] + lean * (contact[mid, 2] - contact[k, 2])
        level = (0.85 * rounded + 0.12 * jaw) * arch
        y = line - smile * (4.6 * x**1.6 + 0.2) + 0.35 * stretch * x - 0.5 * pucker * bow + level
        corner = 5.0 * stretch + 5.6 * smile - 1.9 * jaw * (1 - 0.5 * close)
        dx = -column[k] * half_width * narrowing + side * x**1.15 * corner
        dz = (
            pucker * 5.6 * (0.35 + 0.65 * bow)
            + funnel * 4.2 * bow
            - stretch * 2.0 * x * x
            - smile * 3.0 * x * x
            - press * 1.6 * bow
        )
        y_upper = y - open_up * up
        y_lower = y + open_down * down
        upper_edge[k, 0] = dx
        upper_edge[k, 1] = y_upper
        upper_edge[k, 2] = dz + jaw_z * 0.35 - roll * 1.5 * bow * up
        lower_edge[k, 0] = dx
        lower_edge[k, 1] = y_lower
        lower_edge[k, 2] = dz + jaw_z * (0.35 + 0.65 * down * (1 - close)) - tuck * 3.4 * bow * down
        opening[k] = max(0.0, open_up * up + open_down * down)
        # the red of the lips: fuller and U-shaped when rounded, thinner when stretched, pressed or tucked
        full = max(0.0, 1 - x**3.0) ** 0.75
        profile = 0.50 * pucker + 0.24 * funnel
        h_upper = upper_height[k] * (1 - profile * 0.45) + upper_full * full * profile * 0.45
        h_upper = h_upper * (1 + 0.14 * pucker + 0.10 * funnel) + (0.5 * pucker + 0.3 * funnel) * bow
        h_upper *= thin * (1 - 0.40 * press) * (1 - 0.35 * roll)
        h_lower = lower_height[k] * (1 - profile) + lower_full * full * profile
        h_lower = h_lower * (1 + 0.12 * pucker + 0.12 * funnel) + (0.9 * pucker + 0.6 * funnel) * bow
        h_lower *= thin * (1 - 0.36 * press) * (1 - 0.34 * tuck)
        upper_border[k, 0] = dx * (1 - 0.10 * rounded)
        upper_border[k, 1] = y_upper - (h_upper - upper_height[k])
        upper_border[k, 2] = dz * 0.75 + jaw_z * 0.12
        lower_border[k, 0] = dx * (1 - 0.10 * rounded)
        lower_border[k, 1] = y_lower + (h_lower - lower_height[k]) + tuck * 0.5 * bow
        lower_border[k, 2] = dz * 0.75 + jaw_z * (0.35 + 0.65 * down)


@kernel
def lip_patch(
    q: F32, rest_rows: F32, texture: F32, rows: F32, edge: F32, border_shift: F32, column: F32, opening: F32,
    upper: bool, dark_line: float, painted_line: float, axes_px: F32, origin: F32, border_gain: F32, points: F32,
    texture_and_gain: F32, first: int,
) -> None:  # fmt: skip
    """Fill one lip's grid of vertices from its edge and its border (canvas pixels).

    The texture unrolls with the surface: a rounded lip turns outwards, past the lip line its texture is mirrored, and
    an open lip never shows the dark contact line of the photo.
    """
    press = q[2]
    pucker = q[3]
    funnel = q[6]
    tuck = q[9]
    roll = q[11]
    columns = rest_rows.shape[0]
    count = rows.shape[0]
    steps = texture.shape[1] - 1
    if upper:
        unroll = 1 + 0.16 * pucker + 0.12 * funnel - 0.35 * roll
    else:
        unroll = 1 + 0.26 * pucker + 0.22 * funnel - 0.46 * tuck
    bulge = 1.5 * pucker + 1.0 * funnel
    for k in range(columns):
        x = abs(column[k])
        bow = max(0.0, 1 - x * x)
        opened = smoothstep(0.0, 1.9, opening[k])
        centre = np.exp(-((column[k] / 0.55) ** 2))
        # a lip that was stretched over teeth has lost the shape that light gives it
        relief = max(opened, _RELIEF_OF_CLOSED * painted_line)
        stretchy = 1 + (unroll - 1) * opened if unroll > 1 else unroll
        for j in range(count + 1):
            row = min(j, count - 1)
            t = rows[row]
            w = t * t * (3 - 2 * t) * 0.35 + t * 0.65
            i = first + k * (count + 1) + j
            ex = edge[k, 0] * w
            ey = edge[k, 1] * w
            ez = edge[k, 2] * w + bulge * bow * np.sin(3.14159 * min(1.0, t * 1.05))
            if j == count:  # the skirt, hidden behind the edge
                ey += (1 if upper else -1) * min(1.1, 0.5 * opening[k])
                ez -= 1.0
            for m in range(3):
                rest = (
                    rest_rows[k, row, 0] * axes_px[0, m]
                    + rest_rows[k, row, 1] * axes_px[1, m]
                    + rest_rows[k, row, 2] * axes_px[2, m]
                )
                moved = ex * axes_px[0, m] + ey * axes_px[1, m] + ez * axes_px[2, m]
                points[i, m] = rest + origin[m] + (1 - w) * border_shift[k, m] + moved
            along = t * stretchy
            if stretchy < 1:
                along += (1 - stretchy) * smoothstep(0.75, 1.0, t) * (1 - opened)
            limit = 1 - dark_line * max(opened, painted_line)
            if along > limit:
                along = limit - 0.5 * (along - limit)
            if opened < 1e-4 and painted_line <= 0 and stretchy >= 1:
                along = t
            along = min(1.0, max(0.0, along)) * steps
            s = min(steps - 1, int(along))
            f = along - s
            texture_and_gain[i, 0] = texture[k, s, 0] * (1 - f) + texture[k, s + 1, 0] * f
            texture_and_gain[i, 1] = texture[k, s, 1] * (1 - f) + texture[k, s + 1, 1] * f
            rounding = pucker + funnel
            if upper:
                gain = (
                    1
                    - 0.20 * relief * smoothstep(0.55, 1.0, t)
                    + 0.05 * rounding * smoothstep(0.0, 0.3, t) * (1 - smoothstep(0.4, 0.8, t))
                )
            else:
                soft = pucker + 0.6 * funnel
                wet = 0.13 * centre * np.exp(-(((t - 0.66) / 0.17) ** 2)) - 0.10 * smoothstep(0.86, 1.0, t)
                gain = (
                    1
                    + relief * wet
                    + 0.03 * soft * centre * np.exp(-(((t - 0.55) / 0.2) ** 2))
                    - 0.06 * soft * smoothstep(0.0, 0.16, t) * (1 - smoothstep(0.16, 0.5, t))
                )
                gain -= tuck * 0.16 * smoothstep(0.4, 1.0, t)
            gain -= press * 0.10 * smoothstep(0.5, 1.0, t)
            if j == count:
                gain *= 0.8
            texture_and_gain[i, 2] = border_gain[k] * gain


@kernel
def fold_weights(q: F32, weights: NDArray[np.float64]) -> None:
    """How strongly each fold shows: crease removal at the corners, nasolabial, mentolabial, chin, lip purse."""
    jaw = q[0]
    press = q[2]
    pucker = q[3]
    stretch = q[4]
    smile = max(0.0, q[5])
    funnel = q[6]
    upper_raise = q[7]
    tuck = q[9]
    weights[0] = min(1.0, pucker + 0.75 * funnel)
    nasolabial = min(1.2, 0.9 * smile + 0.22 * stretch + 0.22 * upper_raise + 0.08 * jaw)
    weights[1] = nasolabial * (1 - 0.5 * min(1.0, pucker))
    mentolabial = min(1.2, 0.8 * pucker + 0.6 * funnel + 0.7 * press + 0.9 * tuck)
    weights[2] = mentolabial * (1 - 0.5 * min(1.0, jaw * 1.4))
    weights[3] = min(1.2, 0.9 * press + 0.6 * pucker + 0.5 * tuck)
    weights[4] = min(1.0, pucker + 0.4 * funnel)


@kernel
def border_residual(
    upper_border: F32, lower_border: F32, bases: F32, border_bases: F32, axes_px: F32, residual: F32
) -> None:
    """What the lip model moves the 20 border points beyond the linear bases, canvas pixels ``[20, 3]``."""
    last = upper_border.shape[0] - 1
    for p in range(residual.shape[0]):
        x = y = z = np.float32(0)
        for m in range(3):
            if p == 0:
                value = (upper_border[0, m] + lower_border[0, m]) * np.float32(0.5)
            elif p < 10:
                value = upper_border[4 * p, m]
            elif p == 10:
                value = (upper_border[last, m] + lower_border[last, m]) * np.float32(0.5)
            else:
                value = lower_border[4 * (p - 10), m]
            for b in range(bases.shape[0]):
                value -= bases[b] * border_bases[b, p, m]
            if m == 0:
                x = value
            elif m == 1:
                y = value
            else:
                z = value
        for m in range(3):
            residual[p, m] = x * axes_px[0, m] + y * axes_px[1, m] + z * axes_px[2, m]


@kernel
def follow_border(points: F32, rows: NDArray[np.int32], weights: F32, residual: F32) -> None:
    """The skin around the mouth follows the vermilion border."""
    for r in range(rows.shape[0]):
        x = y = z = np.float32(0)
        for p in range(residual.shape[0]):
            w = weights[r, p]
            x += w * residual[p, 0]
            y += w * residual[p, 1]
            z += w * residual[p, 2]
        i = rows[r]
        points[i, 0] += x
        points[i, 1] += y
        points[i, 2] += z


@kernel
def interpolate_border(
    points: F32, rest: F32, gains: F32, border: NDArray[np.int32], shift: F32, border_gain: F32
) -> None:
    """Displacement and gain of the 21 border vertices, at the patch's 41 columns."""
    for k in range(border.shape[0]):
        i = border[k]
        for m in range(3):
            shift[2 * k, m] = points[i, m] - rest[i, m]
        border_gain[2 * k] = gains[i, 2]
    for k in range(border.shape[0] - 1):
        for m in range(3):
            shift[2 * k + 1, m] = (shift[2 * k, m] + shift[2 * k + 2, m]) * np.float32(0.5)
        border_gain[2 * k + 1] = (border_gain[2 * k] + border_gain[2 * k + 2]) * np.float32(0.5)
