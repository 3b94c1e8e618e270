"""One portrait under measurement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, Avatar
from visavis.face import VISEMES, face_state, viseme_controls
from visavis.portrait.face_mesh import FaceMesh
from visavis.portrait.framing import frame_photo
from visavis.portrait.gate import choose_face
from visavis.portrait.intake import decode_photo
from visavis.render import Renderer

Picture: TypeAlias = NDArray[np.uint8]
"""``uint8 [height, width, 3] BGR``."""
Controls: TypeAlias = Mapping[str, float]

SMILING_GAP_MM: Final = 2.0
"""Lips that are further apart in the photo belong to a smile, or to somebody who speaks."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A photo, its avatar, and what draws it at the size of the canvas."""

    name: str
    photo: Picture
    """The photo as it was framed, at the size of the canvas."""
    avatar: Avatar
    renderer: Renderer
    inverse: Renderer
    """The same before a background in the opposite colours: whatever differs is background."""

    @classmethod
    def of(cls, path: Path) -> Subject:
        """Build the avatar of a photo.

        Raises:
            PortraitRefused: the photo cannot become an avatar.
        """
        picture = path.read_bytes()
        avatar = Avatar.from_photo(picture)
        decoded = decode_photo(picture)
        faces = FaceMesh().faces(np.ascontiguousarray(decoded[..., ::-1]))
        framed = frame_photo(decoded, choose_face(faces, decoded.shape[1], decoded.shape[0])).picture
        photo = cv2.resize(framed, (CANVAS_PX, CANVAS_PX), interpolation=cv2.INTER_AREA)
        inverse = replace(avatar, background=255 - avatar.background)
        return cls(
            path.stem,
            np.asarray(photo, np.uint8),
            avatar,
            Renderer(avatar, CANVAS_PX, CANVAS_PX),
            Renderer(inverse, CANVAS_PX, CANVAS_PX),
        )

    @property
    def is_closed(self) -> bool:
        """Whether the photo's lips are closed."""
        return self.avatar.info.lip_gap_mm < SMILING_GAP_MM

    def draw(self, controls: Controls) -> Picture:
        """A frame of one's own."""
        return self.renderer.render(face_state(controls)).copy()

    def place_px(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        """Where a place of the resting face is in the frame; from between the eyes, image right and down."""
        head = self.avatar.head
        x, y = (head.origin_px + np.array([x_mm, y_mm, 0]) @ head.axes * head.px_per_mm)[:2]
        return float(x), float(y)

    def box(self, x_mm: float, y_mm: float, half_width_mm: float, half_height_mm: float) -> tuple[slice, slice]:
        """Rows and columns around a place of the resting face."""
        (x, y), scale = self.place_px(x_mm, y_mm), self.avatar.head.px_per_mm

        def around(centre: float, half_mm: float) -> slice:
            return slice(max(0, round(centre - half_mm * scale)), min(CANVAS_PX, round(centre + half_mm * scale)))

        return around(y, half_height_mm), around(x, half_width_mm)

    @property
    def mouth_box(self) -> tuple[slice, slice]:
        """The mouth however it is turned, and nothing of the face's outline."""
        x_mm, y_mm = self.avatar.lips.contact_mm.mean(0)[:2].tolist()
        return self.box(x_mm, y_mm, 28, 18)


def both(name: str, value: float) -> dict[str, float]:
    """A control of the left and of the right."""
    return {f"{name}Left": value, f"{name}Right": value}


MOUTH_SHAPES: Final[Mapping[str, Controls]] = {
    **{viseme: viseme_controls(viseme) for viseme in VISEMES},
    "smile": both("mouthSmile", 1.0),
    "smile E": {**viseme_controls("E"), **both("mouthSmile", 0.7)},
}
"""Fifteen visemes, and two smiles."""
