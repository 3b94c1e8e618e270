"""What lies beside and below the square canvas: the photo where it has it, a soft continuation where it ends.

A frame that is wider or taller than a square shows more than the canvas. Beyond the photo's own border the background
goes on mirrored, blurred the more the further out: sharp mirrors show doubles, repeated pixels streaks. A body that the
photo's border cuts goes on along its own outline, which bends down within an adult's breadth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, SURROUNDINGS_RIM_PX, TEXTURE_PX, TEXTURE_SCALE, Surroundings
from visavis.portrait.framing import Framing, cut_wide
from visavis.portrait.geometry import HeadGeometry, smoothstep
from visavis.portrait.matte import Layers, push_pull

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

_HALF_WIDTH_PX: Final = 470
"""From the middle of the face to either side, canvas pixels: a frame of 16:9 as high as the canvas, and a little."""
_MAX_BELOW_PX: Final = 160
"""A frame of 9:16 shows no more."""
_SOFTENING: Final = ((1.5, 0.0), (4.0, 20.0), (9.0, 60.0), (17.0, 140.0))
"""Blur (sigma) of the continuation and the distance from the photo's border at which it is reached, canvas pixels."""
_RIM_PX: Final = SURROUNDINGS_RIM_PX // TEXTURE_SCALE
"""It begins this far inside the photo."""
_MIRRORED_PX: Final = 24
_MATCHED_COLOUR_PX: Final = 70
_MATCHED_ROWS_PX: Final = 8
_BEHIND_PX: Final = 25
"""Breadth of the band around the person that is not taken for anything else."""
_SHOULDER_HALF_WIDTH: Final = 1.3
"""Half the breadth of the shoulders in face heights: 46 to 50 cm of an adult against 18.5 cm."""
_SHORTEST_FALL: Final = 0.22
"""In face heights: a cut body bends down no quicker, wherever it is cut."""
_SLOPE_OVER_PX: Final = 20
_SLOPES: Final = (0.0, 3.0)
_LOOSE_ENDS_PX: Final = 12
"""What the border cuts above the shoulders, such as hair, ends within this."""
_MATCHED_OVER_PX: Final = 24
"""Differences between the canvas and what lies beside it fade out over this."""
_PERSON_FROM, _PERSON_FULL = 0.26, 0.82
_BARELY_PERSON: Final = 0.03
_JPEG_QUALITY: Final = 88
_BLANK: Final = 128


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Canvas and surroundings as one picture, canvas resolution."""

    plate: F32
    """``float32 [h, w, 3]``."""
    person: F32
    """``float32 [h, w, 3]``."""
    alpha: F32
    """``float32 [h, w]``."""


def build_surroundings(
    photo: U8, framing: Framing, layers: Layers, head: HeadGeometry, person_mask: Callable[[U8], F32]
) -> Surroundings:
    """Surroundings of a framed photo.

    Args:
        photo: the whole, ``uint8 [h, w, 3] BGR``.
        framing: the square that was cut from it.
        layers: that square taken apart.
        person_mask: finds the person in a picture such as ``photo``, ``float32 [h, w]`` 0..1.
    """
    k = CANVAS_PX / framing.side_px
    x0, y0 = framing.origin_px
    middle = float(head.origin[0])
    left, right = (max(0, round(_HALF_WIDTH_PX - side)) & ~1 for side in (middle, CANVAS_PX - middle))
    below = max(0, min(_MAX_BELOW_PX, int((photo.shape[0] - y0) * k) - CANVAS_PX)) & ~1
    seen_left, seen_right = int(x0 * k), int((photo.shape[1] - x0) * k) - CANVAS_PX
    if max(seen_left, seen_right, below) <= _MATCHED_OVER_PX:
        seen_left = seen_right = below = 0
    seen_left, seen_right = max(0, min(left, seen_left)), max(0, min(right, seen_right))
    wide = cut_wide(
        photo,
        framing,
        left_px=left * TEXTURE_SCALE,
        right_px=right * TEXTURE_SCALE,
        below_px=below * TEXTURE_SCALE,
    )
    sheet = _pasted(layers, left, right, below)
    if seen_left or seen_right or below:
        sheet = _with_photo(sheet, wide, person_mask(wide), left)
    face_px = float(np.linalg.norm(head.points[10, :2] - head.points[152, :2]))
    first, last = left - seen_left, left + CANVAS_PX + seen_right
    breadth = _SHOULDER_HALF_WIDTH * face_px
    shortest = _SHORTEST_FALL * face_px
    width = sheet.alpha.shape[1]
    sheet = _continued(sheet, first, last, max(shortest, breadth - (last - left - middle)))
    sheet = _mirrored(sheet)
    sheet = _continued(sheet, width - last, width - first, max(shortest, breadth - (left + middle - first)))
    sheet = _mirrored(sheet)
    return _packed(sheet, wide, (first, last), (left, right, below))


def _small(picture: F32) -> F32:
    size = (picture.shape[1] // TEXTURE_SCALE, picture.shape[0] // TEXTURE_SCALE)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)


def _pasted(layers: Layers, left: int, right: int, below: int) -> _Sheet:
    """The canvas in the middle of an empty sheet."""
    around = ((0, below), (left, right))
    return _Sheet(
        np.pad(_small(layers.background), (*around, (0, 0))),
        np.pad(_small(layers.foreground), (*around, (0, 0))),
        np.pad(_small(layers.alpha), around),
    )


def _with_photo(sheet: _Sheet, wide: U8, mask: F32, left: int) -> _Sheet:
    """The sheet with the photo beside and below the canvas, taken apart likewise."""
    photo = _small(np.asarray(wide, np.float32))
    hard = np.clip((_small(mask) - 0.5) * 2.5 + 0.5, 0, 1).astype(np.float32)
    fine = cv2.ximgproc.guidedFilter(photo / 255, hard, 6, 4e-4)
    alpha = np.clip((fine - _PERSON_FROM) / (_PERSON_FULL - _PERSON_FROM), 0, 1).astype(np.float32)
    alpha = np.clip(_matched(alpha, sheet.alpha, left), 0, 1)
    untouched = (cv2.dilate(alpha, np.ones((5, 5))) < _BARELY_PERSON).astype(np.float32)
    plate = photo * untouched[..., None] + push_pull(photo, untouched) * (1 - untouched[..., None])
    person = push_pull(photo, (cv2.erode(alpha, np.ones((3, 3))) > 0.95).astype(np.float32), levels=6)
    person = person + alpha[..., None] * (photo - person)
    return _Sheet(
        np.clip(_matched(plate, sheet.plate, left), 0, 255),
        np.clip(_matched(person, sheet.person, left), 0, 255),
        np.asarray(alpha, np.float32),
    )


def _matched(around: F32, canvas: F32, left: int) -> F32:
    """``canvas`` inside ``around``, whose difference at the canvas's border fades out."""
    result = around.copy()
    right = left + CANVAS_PX
    fade = (1 - np.arange(1, _MATCHED_OVER_PX + 1) / (_MATCHED_OVER_PX + 1)).astype(np.float32)
    fade = fade.reshape(-1, *[1] * (around.ndim - 2))
    rows = slice(0, CANVAS_PX)
    result[rows, left:right] = canvas[rows, left:right]
    for border, step in ((left, -1), (right - 1, 1)):
        columns = np.arange(border + step, border + step * (_MATCHED_OVER_PX + 1), step)
        columns = columns[(columns >= 0) & (columns < around.shape[1])]
        off = result[rows, border] - around[rows, border]
        result[rows, columns] += off[:, None] * fade[: len(columns)]
    reach = min(_MATCHED_OVER_PX, around.shape[0] - CANVAS_PX)
    if reach > 0:
        off = result[CANVAS_PX - 1] - around[CANVAS_PX - 1]
        result[CANVAS_PX : CANVAS_PX + reach] += off[None] * fade[:reach, None]
    return result


def _mirrored(sheet: _Sheet) -> _Sheet:
    return _Sheet(*(np.ascontiguousarray(layer[:, ::-1]) for layer in (sheet.plate, sheet.person, sheet.alpha)))


def _continued(sheet: _Sheet, start: int, border: int, fall_px: float) -> _Sheet:
    """The sheet, known from the column ``start`` up to ``border``, continued to its right end.

    Args:
        fall_px: within this a body that the border cuts has bent down.
    """
    if border >= sheet.alpha.shape[1]:
        return sheet
    alpha = sheet.alpha.copy()
    alpha[:, border:] = _outline_continued(sheet.alpha[:, :border], alpha.shape[1] - border, fall_px)
    away = (cv2.dilate(sheet.alpha, np.ones((_BEHIND_PX, _BEHIND_PX))) < _BARELY_PERSON).astype(np.float32)
    seen = slice(start, border)
    source = sheet.plate[:, seen].copy()
    # A mirror would show every shape twice, side by side: the background goes on with its other side, which has the
    # same horizon, scale and light. What is behind the person was guessed, and would show the person's outline.
    behind = push_pull(source, away[:, seen])
    source += (cv2.GaussianBlur(1 - away[:, seen], (0, 0), 3)[..., None]) * (behind - source)
    return replace(
        sheet,
        plate=_softly(sheet.plate, source, start, border),
        person=_softly(sheet.person, sheet.person[:, seen][:, ::-1], start, border),
        alpha=alpha,
    )


def _softly(picture: F32, source: F32, start: int, border: int) -> F32:
    """A picture, known from the column ``start`` up to ``border``, continued by ``source``, out of focus.

    It is matched in colour at the border, and a mirror for the first pixels.

    Args:
        source: the columns that come beyond the border, one after the other.
    """
    beyond = picture.shape[1] - border
    known = picture[:, start:border]
    width = border - start
    distance = np.arange(1, beyond + 1, dtype=np.float32)
    other = source[:, np.arange(beyond) % width]
    off = cv2.GaussianBlur(known[:, -6:].mean(axis=1) - source[:, :6].mean(axis=1), (1, 0), 0, sigmaY=_MATCHED_ROWS_PX)
    other = other + off.reshape(-1, 1, 3) * np.exp(-distance / _MATCHED_COLOUR_PX)[None, :, None]
    mirrored = known[:, width - 1 - np.arange(1, beyond + 1) % width]
    share = smoothstep(0, _MIRRORED_PX, distance)[None, :, None]
    whole = np.hstack([known, mirrored * (1 - share) + other * share]).astype(np.float32)
    rim = min(_RIM_PX, width)
    from_border = np.arange(1 - rim, beyond + 1, dtype=np.float32)
    soft = whole[:, width - rim :]
    begin = -float(rim)
    for sigma_px, reached_px in _SOFTENING:
        blurred = cv2.GaussianBlur(whole, (0, 0), sigma_px, borderType=cv2.BORDER_REFLECT_101)[:, width - rim :]
        weight = smoothstep(begin, reached_px, from_border)[None, :, None]
        soft = np.asarray(soft * (1 - weight) + blurred * weight, np.float32)
        begin = (begin + reached_px) / 2
    result = picture.copy()
    result[:, border - rim :] = np.clip(soft, 0, 255)
    return result


def _outline_continued(known: F32, beyond: int, fall_px: float) -> F32:
    """Alpha ``[h, beyond]`` right of ``known``: the body bends down to the lower border, hair ends.

    The outline goes on at its own slope and falls as a quarter of an ellipse: ``y(d) = y0 + slope d + (bottom - y0)
    (1 - sqrt(1 - (d / fall)^2))``.
    """
    height = known.shape[0]
    distance = np.arange(1, beyond + 1, dtype=np.float64)
    edge = known[:, -4:].mean(axis=1)
    top, top_before = _top_of_body(edge), _top_of_body(known[:, -_SLOPE_OVER_PX - 2 : -_SLOPE_OVER_PX + 2].mean(axis=1))
    body = np.zeros((height, beyond), np.float32)
    if top < height - 1:
        slope = float(np.clip((top - top_before) / _SLOPE_OVER_PX, *_SLOPES))
        bend = 1 - np.sqrt(1 - np.minimum(distance / fall_px, 1) ** 2)
        outline = top + slope * distance + (height - top) * bend
        body = (np.clip(np.arange(height)[:, None] + 0.5 - outline, 0, 1) * (distance < fall_px)).astype(np.float32)
        # the blur sees the body on both sides of the border
        joined = np.hstack([known[:, -8:], body])
        body = np.asarray(cv2.GaussianBlur(joined, (0, 0), 1.2), np.float32)[:, 8:]
        edge = np.where(np.arange(height) < top - 3, edge, 0)
    loose = edge[:, None] * (1 - smoothstep(0, _LOOSE_ENDS_PX, distance))
    return np.asarray(np.maximum(body, loose), np.float32)


def _top_of_body(column: F32 | F64) -> int:
    """The upper end of what reaches the lower border."""
    clear = np.flatnonzero(column < 0.5)
    return int(clear[-1]) + 1 if len(clear) else 0


def _packed(sheet: _Sheet, wide: U8, seen: tuple[int, int], sides: tuple[int, int, int]) -> Surroundings:
    """JPEG files in texture resolution, with the photo's own detail where it shows."""
    left, right, below = sides
    size = (wide.shape[1], wide.shape[0])
    plate, person, alpha = (
        np.asarray(cv2.resize(layer, size, interpolation=cv2.INTER_CUBIC))
        for layer in (sheet.plate, sheet.person, sheet.alpha)
    )
    inside = np.zeros(alpha.shape, np.float32)
    inside[:, seen[0] * TEXTURE_SCALE : seen[1] * TEXTURE_SCALE] = 1
    photo = wide.astype(np.float32)
    detail = (photo - cv2.resize(_small(photo), size, interpolation=cv2.INTER_CUBIC)) * inside[..., None]
    share = smoothstep(0.9, 1.0, alpha)[..., None]
    person = person + detail * share
    plate = plate + detail * (cv2.dilate(alpha, np.ones((9, 9))) < _BARELY_PERSON)[..., None]
    rim, start = SURROUNDINGS_RIM_PX, left * TEXTURE_SCALE
    files = []
    for picture in (person, alpha * 255, plate):
        whole = np.clip(picture + 0.5, 0, 255).astype(np.uint8)
        whole[: TEXTURE_PX - rim, start + rim : start + TEXTURE_PX - rim] = _BLANK
        _, file = cv2.imencode(".jpg", whole, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
        files.append(np.asarray(file, np.uint8).ravel())
    return Surroundings(
        left_px=float(left),
        right_px=float(right),
        below_px=float(below),
        person=files[0],
        cover=files[1],
        plate=files[2],
    )
