"""Compile, or load from disk, everything that runs per frame, before the first frame is wanted."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields, is_dataclass
from typing import Any, get_type_hints

import numpy as np

from visavis.avatar import LIP_COLUMNS, LIP_TEXTURE_STEPS, Avatar, Finding
from visavis.face import face_state
from visavis.render.kernels.clip import lay_over, own_border, own_lips, own_mouth, place_points, reach_of
from visavis.render.renderer import Renderer

_SIZES = {"n": 24, "t": 4, "lt": 4, "k": 2, "f": 2, "u": 3, "*": 8}
_DTYPES = {"F32": np.float32, "U8": np.uint8, "I8": np.int8, "I16": np.int16, "I32": np.int32}
_SIDE_PX = 128
_FIRM = {"axes": np.eye(3), "head_weight": np.ones(_SIZES["n"])}
"""A head that does not fly out of the frame: eyes and mouth have to be drawn too."""


def warm_up() -> None:
    """Draw two frames of the smallest avatar there can be. A process forked after this starts drawing at once."""
    renderer = Renderer(_smallest(Avatar), _SIDE_PX, _SIDE_PX)
    renderer.render(face_state({"jawOpen": 0.5, "eyeLookUpLeft": 0.3, "tongueOut": 0.5}))
    _follow_footage()


def _follow_footage() -> None:
    """What a video portrait runs besides."""
    points, rows, plane = (
        np.zeros(shape, np.float32) for shape in ((4, 3), (LIP_COLUMNS, LIP_TEXTURE_STEPS, 3), (8, 8))
    )
    border, residual = np.zeros((20, 2), np.float32), np.zeros((20, 3), np.float32)
    first, screen = np.arange(4, dtype=np.int32), np.zeros((4, 2), np.float32)
    affine, warp, row = (np.zeros(shape, np.float32) for shape in ((2, 4), (4, 4, 2), (3,)))
    for out in (screen, points):
        place_points(points, first, affine, warp, row[:2], 12.0, row, out)
    own_mouth(points, 0.0, points, first, points)
    own_border(border, 0.0, residual, residual)
    own_lips(rows, border, border, True, rows)
    reach_of(screen, first, 8, 8, np.zeros(4, np.int32))
    lay_over(np.zeros((8, 8, 3), np.uint8), plane, plane, 0, 0, 8, 8, np.zeros((8, 8, 3), np.uint8))


def _smallest(kind: Any) -> Any:
    hints = get_type_hints(kind)
    return kind(**{item.name: _value(item, hints[item.name]) for item in fields(kind)})


def _value(item: Field[Any], hint: Any) -> Any:
    if is_dataclass(hint):
        return _smallest(hint)
    if item.default is None:
        return None
    if "dtype" not in item.metadata:
        return () if hint == tuple[Finding, ...] else 1.0
    assert item.default is MISSING
    shape = [_SIZES[size] if isinstance(size, str) else size for size in item.metadata["shape"]]
    count = int(np.prod(shape))
    values = np.arange(count) % 16 if item.metadata["below"] else np.linspace(0, 60, count)
    values = _FIRM.get(item.name, values)
    array = values.reshape(shape).astype(_DTYPES[item.metadata["dtype"]])
    array.flags.writeable = False
    return array
