"""Renderers and the places of a face in a frame."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, Avatar
from visavis.face import FaceState
from visavis.render import Renderer

Frame = NDArray[np.uint8]


@dataclass(frozen=True)
class Place:
    """A box in a frame as large as the canvas."""

    rows: slice
    columns: slice

    def mask(self) -> NDArray[np.bool_]:
        inside = np.zeros((CANVAS_PX, CANVAS_PX), bool)
        inside[self.rows, self.columns] = True
        return inside


@dataclass(frozen=True)
class Face:
    """Where things are when the face rests."""

    lips: Place
    mouth: Place
    eyes: Place
    brows: Place
    lower_face: Place


@pytest.fixture(scope="session")
def face(ada_avatar: Avatar) -> Face:
    head = ada_avatar.head

    def place(x_mm: float, top_mm: float, bottom_mm: float, half_width_mm: float) -> Place:
        x, top = (head.origin_px + np.array([x_mm, top_mm, 0]) @ head.axes * head.px_per_mm)[:2]
        bottom = (head.origin_px + np.array([x_mm, bottom_mm, 0]) @ head.axes * head.px_per_mm)[1]
        half = half_width_mm * head.px_per_mm
        return Place(slice(int(top), int(bottom)), slice(int(x - half), int(x + half)))

    mouth_x, mouth_y = ada_avatar.lips.contact_mm.mean(0)[:2].tolist()
    return Face(
        lips=place(mouth_x, mouth_y - 15, mouth_y + 24, 26),
        mouth=place(mouth_x, mouth_y - 22, mouth_y + 40, 42),
        eyes=place(0, -18, 22, 62),
        brows=place(0, -75, 30, 75),
        lower_face=place(mouth_x, -25, mouth_y + 86, 90),
    )


@pytest.fixture(scope="session")
def renderer_of(ada_avatar: Avatar) -> Callable[[int, int], Renderer]:
    """A renderer of ada, one per size."""
    return cache(lambda width_px, height_px: Renderer(ada_avatar, width_px, height_px))


@pytest.fixture
def draw(renderer_of: Callable[[int, int], Renderer]) -> Callable[[FaceState], Frame]:
    """A frame as large as the canvas, of one's own."""
    return lambda state: renderer_of(CANVAS_PX, CANVAS_PX).render(state).copy()
