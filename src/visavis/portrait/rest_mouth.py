"""The rest pose has closed lips, whatever the photo shows.

Parted or smiling lips are brought together just above the edge of the upper teeth; what a smile bakes into the skin
and stretches on the lower lip is evened out in the texture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, TEXTURE_PX, TEXTURE_SCALE
from visavis.portrait.geometry import HeadGeometry, smoothstep, texture_px
from visavis.portrait.matte import push_pull
from visavis.portrait.mesh import ControlMesh
from visavis.portrait.teeth_mask import find_teeth
from visavis.portrait.topology import (
    BROW_LEFT,
    BROW_RIGHT,
    CORNER_LEFT,
    CORNER_RIGHT,
    EYE_LEFT,
    EYE_RIGHT,
    FOREHEAD,
    INNER_MOUTH,
    LOWER_INNER,
    LOWER_OUTER,
    LOWER_RINGS,
    MESH_POINTS,
    NOSE,
    OUTER_MOUTH,
    TEMPLES_AND_CHEEKS,
    UPPER_INNER,
    UPPER_OUTER,
    UPPER_RINGS,
)

F64 = NDArray[np.float64]
F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]

PARTED_MM: Final = 1.8
"""Lips further apart than this are treated as open."""
_EDGE_ERROR_MM: Final = 2.0
_CORNER_REACH_MM: Final = 5.0
"""How far the mouth's inside may show beyond the opening and the corners that the landmarks tell."""
_DARK_INSIDE: Final = 0.70
"""Lightness relative to the brightest within 4.5 mm, below which a pixel belongs to the mouth's inside."""
_NECK_GIVES_MM: Final = 30.0
"""How far below the chin skin follows the jaw; any lower, and collars would talk along."""
_REST_WIDTH_MM: Final = 50.5
_CHIN_AND_JAW: Final = (152, 148, 377, 176, 400, 149, 378, 150, 379, 136, 365, 172, 397, 58, 288, 132, 361, 175)
_FOLD_AREAS: Final = (
    (129, 36, 50, 187, 192, 214, 210, 202, 57, 186, 92, 165, 203),
    (358, 266, 280, 411, 416, 434, 430, 422, 287, 410, 322, 391, 423),
)
_NOSE_BASE: Final = (64, 98, 97, 2, 326, 327, 294, 278, 48, 4)


@dataclass(frozen=True, slots=True)
class RestMouth:
    """How the photo's mouth becomes the rest pose."""

    displacement_mm: F64
    """``[n, 3]`` from the photo to the rest pose."""
    texture_points: F64
    """``[n, 3]`` canvas pixels from which each control vertex takes its texture."""
    gap_mm: float
    width_mm: float
    incisal_mm: float
    fixed: list[int]
    """Vertices that no mouth movement reaches."""

    @property
    def parted(self) -> bool:
        """Whether the photo's lips are apart."""
        return self.gap_mm > PARTED_MM


def close_mouth(picture: U8, head: HeadGeometry, mesh: ControlMesh) -> RestMouth:
    """Bring the lips of a measured head together."""
    local = head.to_mm(mesh.vertices)
    gap = float((local[list(LOWER_INNER)] - local[list(UPPER_INNER)])[:, 1].max())
    width = float(local[308, 0] - local[78, 0])
    fixed = _fixed_vertices(head, mesh)
    texture_points = mesh.vertices.copy()
    if gap > PARTED_MM:
        incisal = _incisal_edge(picture, head, local, gap)
        displacement = _bring_together(local, mesh, fixed, incisal, width)
        _inset_lip_texture(mesh.vertices, texture_points)
    else:
        displacement = np.zeros_like(local)
        keep = 1 - float(smoothstep(0.6, 1.1, gap))
        for upper, lower in zip(UPPER_INNER, LOWER_INNER, strict=True):
            middle = (local[upper] + local[lower]) / 2
            for i in (upper, lower):
                displacement[i] = middle - local[i]
                texture_points[i] = mesh.vertices[i] + head.direction_px(displacement[i]) * keep
        incisal = float(local[[13, 14], 1].mean()) + 2.0
    return RestMouth(displacement, texture_points, gap, width, incisal, fixed)


def even_out_smile(foreground: F32, head: HeadGeometry, rest: RestMouth) -> F32:
    """The foreground without the folds and stretched highlights of an open or smiling mouth."""
    if not rest.parted:
        return foreground
    smiling = max(0.0, (rest.width_mm - 50) / 12)
    covered = _cover_opening(foreground, head, rest.gap_mm)
    eased = _relax_folds(covered, head, 0.62 * min(1.0, 0.4 + smiling))
    return _even_lower_lip(eased, head, rest.gap_mm)


def _fixed_vertices(head: HeadGeometry, mesh: ControlMesh) -> list[int]:
    eyes = [
        i
        for eye in (EYE_RIGHT, EYE_LEFT)
        for i in (*eye.upper, *eye.lower, *eye.corners, *eye.lower_2)
    ]  # fmt: skip
    face = sorted({*eyes, *BROW_LEFT, *BROW_RIGHT, *FOREHEAD, *NOSE, *TEMPLES_AND_CHEEKS})
    x = mesh.vertices[:, 0]
    aside = np.abs(x - head.points[152, 0]) > 95 * head.px_per_mm
    off_canvas = (x <= -20) | (x >= CANVAS_PX + 20)
    away = (mesh.below_chin_mm > _NECK_GIVES_MM) | (mesh.below_chin_mm < -14) | aside | off_canvas
    return face + [int(i) for i in np.flatnonzero(away) if i >= MESH_POINTS]


def _incisal_edge(picture: U8, head: HeadGeometry, local: F64, gap: float) -> float:
    """Height of the upper teeth's edge: where a column of teeth pixels ends, else a guess from the gap."""
    guess = float(local[14, 1] - 0.4 if gap < 11 else local[13, 1] + 2)
    teeth = find_teeth(picture, head.landmarks[list(INNER_MOUTH), :2])
    if teeth is None:
        return guess
    heights = np.arange(local[13, 1] - 1, local[14, 1] + 2, 0.2)
    across = np.linspace(-7, 7, 29) + (local[13, 0] + local[14, 0]) / 2
    grid = np.stack(np.meshgrid(across, heights), -1)
    grid = np.dstack([grid, np.full(grid.shape[:2], local[13, 2] - 4)])
    where = texture_px(head.to_px(grid)).astype(np.float32)
    share = cv2.remap(teeth.astype(np.float32), where[..., 0], where[..., 1], cv2.INTER_LINEAR).mean(1)
    rows = np.flatnonzero(share > 0.55)
    if len(rows) * 0.2 <= 2.5:
        return guess
    breaks = np.flatnonzero(np.diff(rows) > 2)
    first_run_long = len(breaks) > 0 and rows[breaks[0]] - rows[0] > 12
    return float(heights[rows[breaks[0]] if first_run_long else rows[-1]] + 0.2)


def _bring_together(local: F64, mesh: ControlMesh, fixed: list[int], incisal: float, width: float) -> F64:
    line = min(incisal - 1.5, local[14, 1] - 0.8)
    narrow = min(width, _REST_WIDTH_MM) / width
    centre = (local[308, 0] + local[78, 0]) / 2
    smiling = max(0.0, (width - 50) / 12)
    corner_line = max(line + 0.6, (local[78, 1] + local[308, 1]) / 2 + (2.2 if smiling > 0.2 else 0))
    moved: dict[int, F64] = {}
    for corner in (CORNER_RIGHT, CORNER_LEFT):
        for k, i in enumerate(corner):
            goal = local[i].copy()
            goal[0] = centre + (goal[0] - centre) * narrow
            goal[1] += (corner_line - local[corner[0], 1]) * (1 - 0.1 * k)
            goal[2] += 1.5 * smiling
            moved[i] = goal - local[i]
    across = np.abs(np.linspace(-1, 1, 11)[1:-1])
    for k in range(9):
        x = centre + (local[UPPER_INNER[k], 0] + local[LOWER_INNER[k], 0] - 2 * centre) / 2 * narrow
        y = line + (corner_line - line) * across[k] ** 2.2
        for rings, sign, growth, cap in ((UPPER_RINGS, -1, 1.35, 7.0), (LOWER_RINGS, 1, 1.22, 9.5)):
            inner = local[rings[0][k], 1]
            height = abs(local[rings[3][k], 1] - inner) + 0.01
            full = max(height, min(height * growth + 0.4, cap * (1 - 0.35 * across[k] ** 2)))
            for j, ring in enumerate(rings):
                i = ring[k]
                goal = local[i].copy()
                goal[0] = x if j == 0 else centre + (goal[0] - centre) * narrow
                goal[1] = y + sign * full * (abs(local[i, 1] - inner) / height if j else 0)
                moved[i] = goal - local[i]
    still = [*fixed, *_CHIN_AND_JAW]
    values = np.vstack([np.zeros((len(still), 3)), np.array(list(moved.values()))])
    return mesh.solver([*still, *moved], values)


def _inset_lip_texture(vertices: F64, texture_points: F64) -> None:
    """Take the lip edge's texture from inside the lip, so that no tooth pixel bleeds onto it."""
    across = np.abs(np.linspace(-1, 1, 11)[1:-1])
    for rings in (UPPER_RINGS, LOWER_RINGS):
        for k in range(9):
            share = min(0.95, 0.28 + 0.70 * across[k] ** 1.6)
            first, second, third = (vertices[ring[k]] for ring in rings[:3])
            texture_points[rings[0][k]] = first * (1 - share) + second * share
            texture_points[rings[1][k]] = second * (1 - share * 0.5) + third * share * 0.5
    for corner in (CORNER_RIGHT, CORNER_LEFT):
        texture_points[corner[0]] = 0.4 * vertices[corner[2]] + 0.6 * vertices[corner[3]]
        texture_points[corner[1]] = 0.2 * vertices[corner[2]] + 0.8 * vertices[corner[3]]


def _cover_opening(foreground: F32, head: HeadGeometry, gap_mm: float) -> F32:
    """Lips and corners without what shows between parted lips: teeth, gaps and the dark of the mouth.

    Landmarks miss the edge of a smiling lip by a millimetre or two, so around their opening every pixel counts as the
    mouth's inside that is much darker than what surrounds it or nearer to the colour of the teeth. Of lips barely
    parted they miss nothing.
    """
    landmarks = head.landmarks
    mm = head.px_per_mm * TEXTURE_SCALE
    shape = foreground.shape[:2]
    missed = float(smoothstep(3.5, 5.5, gap_mm))
    opening, lips, corners = (np.zeros(shape, np.uint8) for _ in range(3))
    cv2.fillPoly(opening, [np.round(landmarks[list(INNER_MOUTH), :2]).astype(np.int32)], 1)
    cv2.fillPoly(lips, [np.round(landmarks[list(OUTER_MOUTH), :2]).astype(np.int32)], 1)
    for i in (78, 308):
        x, y = np.round(landmarks[i, :2]).astype(int).tolist()
        cv2.circle(corners, (x, y), int(_CORNER_REACH_MM * missed * mm), 1, -1)
    lab = cv2.cvtColor(np.clip(cv2.GaussianBlur(foreground, (0, 0), 0.25 * mm), 0, 255) / 255, cv2.COLOR_BGR2Lab)
    red = np.median(_at(lab, landmarks[[*UPPER_RINGS[2][2:7], *LOWER_RINGS[2][2:7]]]), axis=0)
    inside = lab[opening > 0]
    bright = inside[inside[:, 0] >= np.percentile(inside[:, 0], 60)] if len(inside) else red[None]
    tooth = np.median(bright, axis=0)
    from_tooth, from_red = (np.hypot(lab[..., 1] - c[1], lab[..., 2] - c[2]) for c in (tooth, red))
    around = cv2.morphologyEx(np.ascontiguousarray(lab[..., 0]), cv2.MORPH_CLOSE, _ellipse(9 * mm))
    dark = lab[..., 0] < _DARK_INSIDE * around
    near = np.asarray(cv2.dilate(opening, _ellipse((0.6 + 2 * _EDGE_ERROR_MM * missed) * mm)), np.uint8) & lips
    is_inside = (dark & ((near | corners) > 0)) | ((from_tooth < 0.8 * from_red) & (near > 0)) | (opening > 0)
    mask = cv2.morphologyEx(is_inside.astype(np.uint8), cv2.MORPH_CLOSE, _ellipse(1.5 * mm))
    mask = np.asarray(cv2.dilate(mask, _ellipse((0.6 + missed) * mm)), np.uint8)
    mask = np.maximum(mask, np.asarray(cv2.dilate(np.minimum(mask, corners), _ellipse(3.2 * mm)), np.uint8))
    y0, x0 = np.maximum(np.argwhere(mask).min(axis=0) - int(8 * mm), 0)
    y1, x1 = np.argwhere(mask).max(axis=0) + int(8 * mm)
    part = slice(int(y0), int(y1)), slice(int(x0), int(x1))
    known = (1 - mask[part]).astype(np.float32)
    red_share = cv2.GaussianBlur((lips | opening)[part].astype(np.float32), (0, 0), 0.5 * mm)[..., None]
    of_lips = push_pull(foreground[part], known * cv2.erode(lips[part], _ellipse(0.8 * mm)), levels=6)
    of_skin = push_pull(foreground[part], known * (1 - cv2.dilate(lips[part], _ellipse(0.8 * mm))), levels=6)
    filled = of_skin * (1 - red_share) + of_lips * red_share
    share = cv2.GaussianBlur(mask[part].astype(np.float32), (0, 0), 0.35 * mm)[..., None]
    covered = foreground.copy()
    covered[part] = foreground[part] * (1 - share) + filled * share
    return covered * (1 - missed * _corner_shade(landmarks, mm))[..., None]


def _corner_shade(landmarks: F64, mm: float) -> F32:
    """What the dimples in which the lips of any closed mouth end take of the light, ``[h, w]``."""
    y, x = np.mgrid[:TEXTURE_PX, :TEXTURE_PX].astype(np.float32)
    shade = np.zeros((TEXTURE_PX, TEXTURE_PX), np.float32)
    for inner, outer in ((78, 61), (308, 291)):
        middle = (landmarks[inner, :2] + landmarks[outer, :2]) / 2
        shade += 0.22 * np.exp(-(((x - middle[0]) / 3.2) ** 2 + ((y - middle[1]) / 1.8) ** 2) / mm**2)
    return shade


def _at(image: NDArray[Any], points: F64) -> F64:
    x, y = np.clip(np.round(points[:, :2]), 0, TEXTURE_PX - 1).astype(int).T
    return np.asarray(image[y, x], np.float64)


def _relax_folds(foreground: F32, head: HeadGeometry, strength: float) -> F32:
    """Lift smile folds by a morphological black-hat in the cheeks and at the corners."""
    landmarks = head.landmarks
    mm = head.px_per_mm * TEXTURE_SCALE
    size = (TEXTURE_PX, TEXTURE_PX)
    cheeks = np.zeros(size, np.uint8)
    for area in _FOLD_AREAS:
        cv2.fillConvexPoly(cheeks, cv2.convexHull(landmarks[list(area), :2].astype(np.int32)), 255)
    spared = np.zeros(size, np.uint8)
    border = [61, *UPPER_OUTER, 291, *LOWER_OUTER[::-1]]
    cv2.fillPoly(spared, [landmarks[border, :2].astype(np.int32)], 255)
    cv2.fillConvexPoly(spared, cv2.convexHull(landmarks[list(_NOSE_BASE), :2].astype(np.int32)), 255)
    spared = np.asarray(cv2.dilate(spared, _ellipse(1.5 * mm)), np.uint8)
    area = cv2.GaussianBlur((cheeks * (spared == 0)).astype(np.float32) / 255, (0, 0), mm * 1.6)
    area = area * (1 - cv2.GaussianBlur((spared > 0).astype(np.float32), (0, 0), mm * 0.5))
    corners = np.zeros(size, np.float32)
    for i in (61, 291):
        cv2.circle(corners, (int(landmarks[i, 0]), int(landmarks[i, 1])), int(mm * 4.5), 1.0, -1)
    area = np.maximum(area, cv2.GaussianBlur(corners, (0, 0), mm * 1.6) * 0.95)
    soft = cv2.GaussianBlur(foreground, (0, 0), mm * 0.45)
    kernel = _ellipse(9 * mm)
    closed = np.dstack([cv2.morphologyEx(soft[..., i], cv2.MORPH_CLOSE, kernel) for i in range(3)])
    black_hat = cv2.GaussianBlur(closed, (0, 0), mm * 1.5) - soft
    lifted = foreground + np.clip(black_hat, 0, 90) * (area * strength)[..., None]
    return np.asarray(np.clip(lifted, 0, 255), np.float32)


def _even_lower_lip(foreground: F32, head: HeadGeometry, gap_mm: float) -> F32:
    """Pull a stretched lower lip's wet highlights and blotches to its own colour; the fine grain stays."""
    landmarks = head.landmarks
    mm = head.px_per_mm * TEXTURE_SCALE
    lip = np.zeros((TEXTURE_PX, TEXTURE_PX), np.uint8)
    outline = [61, *LOWER_OUTER, 291, 308, *LOWER_INNER[::-1], 78]
    cv2.fillPoly(lip, [np.round(landmarks[outline, :2]).astype(np.int32)], 1)
    pixels = foreground[lip > 0]
    if len(pixels) <= 200:
        return foreground
    colour = np.median(pixels, 0)
    brightness = foreground.mean(2)
    reference = float(np.median(pixels.mean(1)))
    excess = smoothstep(1.06, 1.35, brightness / max(reference, 1.0)) * 0.75
    saturation = 1 - foreground.min(2) / np.maximum(foreground.max(2), 1)
    own = 1 - colour.min() / max(float(colour.max()), 1.0)
    pale = 0.7 * smoothstep(0.10, 0.45, 1 - saturation / max(own, 0.05)) * (brightness > 0.8 * reference)
    excess = np.maximum(excess, pale)
    weight = cv2.GaussianBlur((excess * lip).astype(np.float32), (0, 0), mm * 0.35)
    inner = cv2.GaussianBlur(cv2.erode(lip, np.ones((3, 3))).astype(np.float32), (0, 0), mm * 0.3)
    opened = float(smoothstep(3, 7, gap_mm))
    weight = weight * inner * opened
    filled = push_pull(foreground, (lip * (1 - np.clip(weight * 1.6, 0, 1))).astype(np.float32), levels=6)
    even = foreground * (1 - weight[..., None]) + filled * weight[..., None]

    share = cv2.GaussianBlur(lip.astype(np.float32), (0, 0), mm * 0.3) * opened
    lab = cv2.cvtColor(np.clip(even, 0, 255).astype(np.float32) / 255, cv2.COLOR_BGR2Lab)
    for channel, strength in ((0, 0.30), (1, 0.75), (2, 0.75)):
        near, wide = (_masked_blur(lab[..., channel], lip, sigma * mm) for sigma in (1.1, 9.0))
        lab[..., channel] -= share * strength * (near - wide)
    evened = np.where(share[..., None] > 0.003, cv2.cvtColor(lab, cv2.COLOR_Lab2BGR) * 255, even)
    return np.asarray(evened, np.float32)


def _masked_blur(values: F32, mask: U8, sigma: float) -> F32:
    weight = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), sigma)
    return np.asarray(cv2.GaussianBlur(values * mask, (0, 0), sigma) / np.maximum(weight, 1e-3), np.float32)


def _ellipse(diameter_px: float) -> NDArray[np.uint8]:
    side = int(diameter_px) | 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
