"""The mouth's inside: dental arches as textures over arc length and height, toned to the photo.

The crowns are drawn from average dimensions; where the photo shows upper teeth, their pixels are laid over the drawn
ones, inside the drawn outline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import ARCH_POINTS, TEXTURE_PX, Eye, MouthInterior
from visavis.portrait.geometry import HeadGeometry, smoothstep, texture_px
from visavis.portrait.teeth_mask import find_teeth
from visavis.portrait.topology import INNER_MOUTH, LOWER_RING_3, UPPER_RING_3

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

PX_PER_MM: Final = 6.0
ARCH_HALF_LENGTH_MM: Final = 36.0
TOP_MM: Final = -12.0
BOTTOM_MM: Final = 3.0
"""The upper texture spans top .. bottom below the incisal plane, the lower one -bottom .. -top."""
_TEETH_SEEN_FROM_GAP_MM: Final = 4.0
_BEHIND_LIPS_MM: Final = 6.0
"""The incisors' front face behind the lip line."""
_LIGHTS_THE_MOUTH: Final = (164, 165, 391, 18, 83, 313, 200, 205, 425, 206, 426, 50, 280)
"""Mesh points of skin next to the lips: the light there is the light on the teeth, not that of the whole face."""
_TYPICAL_TOOTH_BRIGHTNESS: Final = 185.0


@dataclass(frozen=True, slots=True)
class _Arch:
    """Crowns of half an arch, midline to second molar, in mm (averages after Ash and Nelson, "Dental Anatomy")."""

    bounds: F64
    """Arc length of the crowns' borders."""
    edge: F64
    """How far each crown ends short of the incisal plane."""
    height: F64
    corner: float
    """Rounding of the incisal corners."""
    smile_arc: float
    """How far the edge rises towards the sides, per mm^2 of arc length."""
    curve: tuple[float, float]
    """Depth of the arch: quadratic and quartic coefficient."""


_UPPER: Final = _Arch(
    bounds=np.array([0, 8.5, 15.1, 22.6, 29.4, 36.0, 43.0]),
    edge=np.array([0, -0.42, -0.10, -0.5, -0.8, -1.2]),
    height=np.array([10.3, 8.8, 9.8, 8.2, 7.2, 6.6]),
    corner=1.0,
    smile_arc=0.0006,
    curve=(0.027, 2.2e-5),
)
_LOWER: Final = _Arch(
    bounds=np.array([0, 5.3, 11.2, 18.0, 25.0, 32.0, 39.0]),
    edge=np.array([0, -0.05, 0.35, -0.5, -1.0, -1.4]),
    height=np.array([8.6, 8.8, 9.8, 8.2, 7.2, 6.6]),
    corner=1.1,
    smile_arc=0.0,
    curve=(0.031, 3.0e-5),
)
_TONE: Final = np.array([1, 0.975, 0.925, 0.91, 0.88, 0.84])
"""Brightness from the central incisor to the molars."""


def build_interior(
    picture: U8,
    head: HeadGeometry,
    eyes: Sequence[Eye],
    texture_coords: F64,
    *,
    centre_mm: F64,
    incisal_mm: float,
    lip_depth_mm: float,
    lip_gap_mm: float,
) -> MouthInterior:
    """Make teeth, tongue and cavity for one face.

    Args:
        picture: the framed photo, ``uint8 [h, w, 3] BGR``.
        eyes: whose sclera tells the light.
        texture_coords: of the fine mesh, ``[n, 2]``; its first vertices are the face mesh's points.
        centre_mm: middle of the closed lips, head frame.
        incisal_mm: height of the upper teeth's edge.
        lip_depth_mm: z of the middle of the upper lip's inner edge at rest.
        lip_gap_mm: opening of the lips in the photo.
    """
    lip = np.median(_sample(picture, texture_coords[[*LOWER_RING_3[2:7], *UPPER_RING_3[2:7]]]), axis=0)
    brightness, cast = _light_on_teeth(picture, eyes, texture_coords)
    tooth = np.array([0.985, 1.0, 1.0]) * cast * brightness
    seen = find_teeth(picture, head.landmarks[list(INNER_MOUTH), :2]) if lip_gap_mm > _TEETH_SEEN_FROM_GAP_MM else None
    if seen is not None:
        pixels = picture[seen > 0].astype(np.float64)
        level = pixels.mean(axis=1)
        tooth = pixels[level >= np.percentile(level, 55)].mean(axis=0)
    exposure = brightness / _TYPICAL_TOOTH_BRIGHTNESS
    pink_lip = lip * np.array([1.0, 0.98, 1.06])
    gum = 0.55 * np.clip(pink_lip, 25, 210) + 0.45 * np.array([118, 112, 190]) * exposure
    tongue = 0.45 * np.array([112, 104, 186]) * exposure + 0.55 * lip * np.array([1.05, 0.98, 1.06])
    # as sharp as the photo: about a third of a canvas pixel
    blur_mm = 0.34 / head.px_per_mm
    upper = _draw_teeth(_UPPER, tooth, gum, blur_mm, upper=True)
    lower = _draw_teeth(_LOWER, tooth * np.array([0.88, 0.92, 0.94]), gum * 0.9, blur_mm, upper=False)
    upper_arch, lower_arch = _arch_curve(_UPPER), _arch_curve(_LOWER)
    depth = lip_depth_mm - _BEHIND_LIPS_MM
    if seen is not None:
        front = np.array([centre_mm[0], incisal_mm, depth])
        upper = _lay_photo_over(upper, upper_arch, picture, seen, head, front, tooth)
    return MouthInterior(
        upper_teeth=upper,
        lower_teeth=lower,
        upper_arch_mm=upper_arch.astype(np.float32),
        lower_arch_mm=lower_arch.astype(np.float32),
        centre_mm=centre_mm.astype(np.float32),
        tongue=np.clip(tongue, 18, 225).astype(np.float32),
        cavity=(np.array([16, 13, 27]) * exposure).astype(np.float32),
        mucosa=(0.5 * np.array([52, 44, 92]) * exposure + 0.5 * lip * np.array([0.42, 0.34, 0.46])).astype(np.float32),
        rim=(lip * np.array([0.66, 0.66, 0.78])).astype(np.float32),
        teeth_depth_mm=depth,
    )


def _sample(picture: U8, points: F64) -> F64:
    x, y = np.clip(points, 0, TEXTURE_PX - 1).astype(int).T
    return np.asarray(picture[y, x], np.float64)


def _light_on_teeth(picture: U8, eyes: Sequence[Eye], texture_coords: F64) -> tuple[float, F64]:
    """Brightness (grey level) and colour cast (BGR factors around 1) that teeth would have in this light.

    Sclera and skin are the white and the grey card; a prior keeps either from misleading (red eyes, make-up).
    """
    whites = []
    for eye in eyes:
        opening = texture_coords[np.concatenate([eye.upper_lid, eye.lower_lid[::-1]])].astype(np.int32)
        mask = np.zeros(picture.shape[:2], np.uint8)
        cv2.fillPoly(mask, [opening], 1)
        pixels = picture[cv2.erode(mask, np.ones((5, 5))) > 0].astype(np.float64)
        if len(pixels) > 20:
            level = pixels.mean(axis=1)
            whites.append(pixels[level >= np.percentile(level, 82)].mean(axis=0))
    sclera = np.mean(whites, axis=0) if whites else np.array([150.0, 158.0, 165.0])
    skin = _sample(picture, texture_coords[list(_LIGHTS_THE_MOUTH)])
    level = skin.mean(axis=1)
    bright_skin = skin[level >= np.percentile(level, 50)].mean(axis=0)
    skin_level, sclera_level = float(bright_skin.mean()), float(sclera.mean())
    brightness = 0.5 * sclera_level * 1.2 + 0.5 * skin_level * 1.28
    brightness = float(np.clip(brightness, 0.80 * skin_level, 1.30 * skin_level + 22))
    # skin divided by a typical skin colour leaves the light's cast
    skin_cast = bright_skin / max(skin_level, 1) / np.array([0.76, 0.93, 1.31])
    skin_cast = np.clip(skin_cast / max(skin_cast.mean(), 1e-3), 0.88, 1.12)
    ivory = np.array([0.90, 1.0, 1.06])
    cast = 0.30 * sclera / max(sclera_level, 1) + 0.25 * ivory + 0.45 * skin_cast * np.array([0.90, 1.0, 1.07])
    return float(np.clip(brightness, 60, 215)), cast


def _arch_curve(arch: _Arch) -> F64:
    """``[145, 2]`` x and depth (mm, backwards negative) at even steps of arc length."""
    x = np.linspace(-31, 31, 621)
    z = -arch.curve[0] * x**2 - arch.curve[1] * x**4
    along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(z)))])
    along -= along[len(along) // 2]
    place = np.linspace(-ARCH_HALF_LENGTH_MM, ARCH_HALF_LENGTH_MM, ARCH_POINTS)
    return np.stack([np.interp(place, along, x), np.interp(place, along, z)], axis=1)


def _texture_grid() -> tuple[F64, F64]:
    """Arc length and height from the top, mm, of every texel."""
    height, width = int((BOTTOM_MM - TOP_MM) * PX_PER_MM), int(2 * ARCH_HALF_LENGTH_MM * PX_PER_MM)
    y, x = (np.mgrid[:height, :width] + 0.5) / PX_PER_MM
    return x - ARCH_HALF_LENGTH_MM, y


def _draw_teeth(arch: _Arch, colour: F64, gum: F64, blur_mm: float, *, upper: bool) -> F32:
    """Premultiplied BGR 0..255 and coverage, ``float32 [90, 432, 4]``."""
    arc, from_top = _texture_grid()
    below_plane = from_top + TOP_MM if upper else from_top - BOTTOM_MM
    aside = np.abs(arc)
    tooth = np.clip(np.searchsorted(arch.bounds, aside.ravel(), side="right") - 1, 0, 5).reshape(arc.shape)
    half_width = (arch.bounds[tooth + 1] - arch.bounds[tooth]) / 2
    across = (aside - (arch.bounds[tooth + 1] + arch.bounds[tooth]) / 2) / half_width
    side = np.abs(across)
    rounding = np.where(across > 0, 0.62, 0.34) * side**5 * arch.corner
    canine_tip = np.where(tooth == 2, 0.3 - 0.7 * side**1.5, 0)
    edge = arch.edge[tooth] - rounding + canine_tip - arch.smile_arc * aside**2
    from_edge = edge - below_plane if upper else edge + below_plane
    coverage = np.clip(from_edge * 2.2 + 0.35, 0, 1)

    shade = _TONE[tooth] * (1 - 0.10 * side**3 - 0.06 * side**8)
    to_gap = (1 - side) * half_width
    shade *= 1 - 0.30 * np.exp(-((to_gap / 0.30) ** 2)) * np.clip(0.35 + from_edge / 3.5, 0, 1)
    shade *= 1 + 0.035 * np.exp(-(((across + 0.2) / 0.3) ** 2) - ((from_edge - 3.5) / 2.2) ** 2)
    crown = colour * shade[..., None]
    translucent = np.exp(-((from_edge / 1.1) ** 2))[..., None]
    crown = crown * (1 - translucent * np.array([0.02, 0.055, 0.085]))
    towards_gum = smoothstep(0.35, 1.0, from_edge / arch.height[tooth])[..., None]
    crown = crown * (1 - towards_gum * np.array([0.16, 0.09, 0.05]))

    into_gum = from_edge - (arch.height[tooth] - 0.4 - 1.5 * side**2)
    is_gum = np.clip(into_gum * 1.6 + 0.5, 0, 1)[..., None]
    gum_shade = 1.02 - 0.22 * np.clip(into_gum / 5, 0, 1) + 0.06 * np.exp(-((into_gum - 1.2) ** 2))
    surface = crown * (1 - is_gum) + gum * gum_shade[..., None] * is_gum
    drawn = np.dstack([surface * coverage[..., None], coverage]).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(drawn, (0, 0), max(0.3, blur_mm * PX_PER_MM)), np.float32)


def _lay_photo_over(
    drawn: F32, arch: F64, picture: U8, seen: U8, head: HeadGeometry, front_mm: F64, colour: F64
) -> F32:
    """The photographed teeth inside the drawn outline; beside them the drawn ones take over their tone."""
    arc, from_top = _texture_grid()
    below_plane = from_top + TOP_MM
    place = np.linspace(-ARCH_HALF_LENGTH_MM, ARCH_HALF_LENGTH_MM, ARCH_POINTS)
    x, z = np.interp(arc, place, arch[:, 0]), np.interp(arc, place, arch[:, 1])
    where = texture_px(head.to_px(np.stack([x, below_plane, z], axis=-1) + front_mm)).astype(np.float32)
    photo = cv2.remap(picture, where[..., 0], where[..., 1], cv2.INTER_LINEAR).astype(np.float32)
    sure = cv2.GaussianBlur(cv2.erode(seen, np.ones((3, 3))).astype(np.float32), (0, 0), 1.4)
    weight = cv2.remap(sure, where[..., 0], where[..., 1], cv2.INTER_LINEAR) * np.clip((17 - np.abs(x)) / 4, 0, 1)
    weight = np.clip((weight - 0.35) / 0.45, 0, 1).astype(np.float32)

    coverage = drawn[..., 3:4]
    surface = drawn[..., :3] / np.maximum(coverage, 1e-3)
    wide = cv2.GaussianBlur(weight, (0, 0), PX_PER_MM * 3)
    mean = cv2.GaussianBlur(photo * weight[..., None], (0, 0), PX_PER_MM * 3) / np.maximum(wide, 1e-3)[..., None]
    near = np.clip(cv2.GaussianBlur(weight, (0, 0), PX_PER_MM * 2) * 2, 0, 1)[..., None]
    toned = surface * (1 - near) + surface * (mean / np.maximum(colour, 1)) * near
    share = weight[..., None] * 0.92
    mixed = np.where(below_plane[..., None] < -9.2, surface, toned * (1 - share) + photo * share)
    blended = np.dstack([mixed * coverage, coverage]).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(blended, (0, 0), 0.5), np.float32)
