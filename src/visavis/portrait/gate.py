"""Which faces can become avatars, and what is said about those that only just can."""

from __future__ import annotations

from typing import Final

from visavis.avatar import Finding
from visavis.errors import PortraitRefused
from visavis.portrait.face_mesh import Face
from visavis.portrait.framing import face_height_px
from visavis.portrait.geometry import HeadGeometry, measure_head

MIN_FACE_PX: Final = 100
"""Forehead to chin; below it neither lips nor lids are resolved."""
SOFT_FACE_PX: Final = 200
MAX_YAW_DEG: Final = 30.0
"""Beyond it the far cheek and eye are too narrow in the photo to be turned back."""
TURNED_YAW_DEG: Final = 15.0
"""Beyond it turning further in the same direction shows."""
MAX_PITCH_DEG: Final = 30.0
MAX_CUT_OFF: Final = 0.06
"""Share of the face that may lie beyond the photo's border."""
WIDE_GAP_MM: Final = 16.0


def choose_face(faces: list[Face], width_px: int, height_px: int) -> Face:
    """The largest face of a photo of the given size.

    Raises:
        PortraitRefused: ``no_face``, ``face_turned``, ``face_cut_off``, ``face_too_small``.
    """
    if not faces:
        raise PortraitRefused(
            "no_face",
            "No face was found in the picture.",
            "Send a photo of one face seen from the front, well lit, with eyes, nose and mouth uncovered; "
            "a painting or drawing works if it looks enough like a photo.",
        )
    face = faces[0]
    _check_pose(measure_head(face.points))
    _check_whole(face, width_px, height_px)
    height = face_height_px(face)
    if height < MIN_FACE_PX:
        raise PortraitRefused(
            "face_too_small",
            f"The face is {height:.0f} pixels high in the photo; at least {MIN_FACE_PX} are needed.",
            "Send a photo taken closer, or this one in its full size.",
            measured=round(height, 1),
            limit=MIN_FACE_PX,
        )
    return face


def findings(faces: list[Face], head: HeadGeometry, lip_gap_mm: float, extended: bool) -> tuple[Finding, ...]:
    """What the owner of an accepted photo should know."""
    found = []
    height = face_height_px(faces[0])
    if len(faces) > 1:
        found.append(Finding("several_faces", f"The photo shows {len(faces)} faces; the largest was taken."))
    if height < SOFT_FACE_PX:
        found.append(
            Finding("small_face", f"The face is only {height:.0f} pixels high in the photo: expect a soft picture.")
        )
    if abs(head.yaw_deg) > TURNED_YAW_DEG:
        found.append(
            Finding(
                "turned_head", f"The head is turned {abs(head.yaw_deg):.0f} degrees: it will move less to that side."
            )
        )
    if lip_gap_mm > WIDE_GAP_MM:
        found.append(
            Finding("open_mouth", "The mouth is wide open: a photo with closed lips gives a better rest pose.")
        )
    if extended:
        found.append(Finding("tight_crop", "The photo ends close to the face: its surroundings were continued."))
    return tuple(found)


def _check_pose(head: HeadGeometry) -> None:
    for angle, limit, how in (
        (abs(head.yaw_deg), MAX_YAW_DEG, "to the side"),
        (abs(head.pitch_deg), MAX_PITCH_DEG, "up or down"),
    ):
        if angle > limit:
            raise PortraitRefused(
                "face_turned",
                f"The head is turned {angle:.0f} degrees {how}; up to {limit:.0f} can be animated.",
                "Send a photo in which the person looks towards the camera.",
                measured=round(angle, 1),
                limit=limit,
            )


def _check_whole(face: Face, width_px: int, height_px: int) -> None:
    size = float((face.box[2:] - face.box[:2]).max())
    beyond = max(-face.box[0], -face.box[1], face.box[2] - width_px, face.box[3] - height_px, 0.0) / size
    if beyond > MAX_CUT_OFF:
        raise PortraitRefused(
            "face_cut_off",
            f"The photo's border cuts off {beyond:.0%} of the face.",
            "Send a photo that shows the whole face, from forehead to chin, with some room around it.",
            measured=round(beyond, 3),
            limit=MAX_CUT_OFF,
        )
