"""Which faces can become avatars: each refusal names what was measured and the limit."""

from __future__ import annotations

from typing import Final

from visavis.errors import PortraitRefused
from visavis.portrait.face_mesh import Face
from visavis.portrait.framing import face_height_px
from visavis.portrait.geometry import HeadGeometry, measure_head
from visavis.portrait.inspection import Inspection

MIN_FACE_PX: Final = 100
"""Forehead to chin; below it neither lips nor lids are resolved."""
MAX_YAW_DEG: Final = 30.0
"""Beyond it the far cheek and eye are too narrow in the photo to be turned back."""
MAX_PITCH_DEG: Final = 30.0
MAX_CUT_OFF: Final = 0.06
"""Share of the face that may lie beyond the photo's border."""
MIN_EYE_OPENING: Final = 0.12
"""Lid gap over eye width. Two people on film: 0.02 to 0.09 in a blink, else 0.21 to 0.39; laughing eyes have 0.15."""
DARK_LENSES: Final = 0.5
"""The eyes are darker than the cheeks by this share: no eye's white is."""
MIN_LIP_CONTRAST: Final = 3.0
"""L*a*b* units; the palest lips on the palest skin have 5."""
MIN_LIGHTNESS: Final = 7.0
MAX_CLIPPED: Final = 0.4
MAX_BLUR: Final = 0.85


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


def check_look(seen: Inspection) -> None:
    """Refuse a face whose photo hides or lacks what has to move.

    Raises:
        PortraitRefused: ``eyes_closed``, ``mouth_covered``, ``face_blurred``, ``face_dark``, ``face_overexposed``.
    """
    if seen.lightness < MIN_LIGHTNESS:
        raise PortraitRefused(
            "face_dark",
            f"The face is too dark: lightness {seen.lightness:.0f} of 100, at least {MIN_LIGHTNESS:.0f} is needed.",
            "Send a photo with light on the face.",
            measured=round(seen.lightness, 1),
            limit=MIN_LIGHTNESS,
        )
    if seen.clipped_share > MAX_CLIPPED:
        raise PortraitRefused(
            "face_overexposed",
            f"{seen.clipped_share:.0%} of the face is burnt out to white; up to {MAX_CLIPPED:.0%} can be animated.",
            "Send a photo with less light on the face, or a shorter exposure.",
            measured=round(seen.clipped_share, 3),
            limit=MAX_CLIPPED,
        )
    if seen.blur > MAX_BLUR:
        raise PortraitRefused(
            "face_blurred",
            f"The face is blurred: {seen.blur:.2f} from 0 (sharp) to 1; up to {MAX_BLUR:.2f} can be animated.",
            "Send a photo in which the eyes are in focus.",
            measured=round(seen.blur, 3),
            limit=MAX_BLUR,
        )
    if not has_dark_lenses(seen) and min(seen.eye_opening) < MIN_EYE_OPENING:
        whose = "Both eyes are" if max(seen.eye_opening) < MIN_EYE_OPENING else "One eye is"
        raise PortraitRefused(
            "eyes_closed",
            f"{whose} closed: the lids are {min(seen.eye_opening):.2f} of the eye's width apart, "
            f"at least {MIN_EYE_OPENING:.2f} is needed.",
            "Send a photo with open eyes.",
            measured=round(min(seen.eye_opening), 3),
            limit=MIN_EYE_OPENING,
        )
    if seen.lip_contrast < MIN_LIP_CONTRAST:
        raise PortraitRefused(
            "mouth_covered",
            f"No lips can be told from what is around them (contrast {seen.lip_contrast:.1f}, at least "
            f"{MIN_LIP_CONTRAST:.1f} is needed): something seems to cover the mouth.",
            "Send a photo without a hand, a mask or an object before the mouth.",
            measured=round(seen.lip_contrast, 2),
            limit=MIN_LIP_CONTRAST,
        )


def has_dark_lenses(seen: Inspection) -> bool:
    """Whether the eyes lie behind sunglasses."""
    return seen.dark_lenses > DARK_LENSES


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
