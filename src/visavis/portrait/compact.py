"""Leaving out the vertices that no triangle uses: an avatar file holds what is drawn."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavis.avatar import Avatar
from visavis.portrait.topology import MESH_POINTS

I32 = NDArray[np.int32]


def without_unused_vertices(avatar: Avatar) -> Avatar:
    """The same avatar with renumbered vertices; the face's 468 points keep their numbers.

    Which arrays count vertices and which point at them stands in the fields' metadata.
    """
    used = np.zeros(len(avatar.vertices), bool)
    used[:MESH_POINTS] = True
    for value in _pointers(avatar):
        used[value.ravel()] = True
    kept = np.flatnonzero(used)
    number_of = np.cumsum(used, dtype=np.int32) - 1
    return _renumbered(avatar, kept, number_of)  # type: ignore[no-any-return]


def _pointers(part: Any) -> list[I32]:
    found: list[I32] = []
    for item in dataclasses.fields(part):
        value = getattr(part, item.name)
        if dataclasses.is_dataclass(value):
            found += _pointers(value)
        elif item.metadata.get("below") == "n":
            found.append(value)
    return found


def _renumbered(part: Any, kept: NDArray[np.int64], number_of: I32) -> Any:
    changes: dict[str, Any] = {}
    for item in dataclasses.fields(part):
        value = getattr(part, item.name)
        shape = item.metadata.get("shape", ())
        if dataclasses.is_dataclass(value):
            changes[item.name] = _renumbered(value, kept, number_of)
        elif "n" in shape:
            changes[item.name] = np.ascontiguousarray(np.take(value, kept, axis=shape.index("n")))
        elif item.metadata.get("below") == "n":
            changes[item.name] = np.ascontiguousarray(number_of[value], np.int32)
    return dataclasses.replace(part, **changes)
