"""Following a face through a clip, and the longest stretch of it that can be used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.errors import PortraitRefused
from visavis.portrait.clip.footage import MIN_DURATION_S, TRACKING_SIDE_PX, Footage
from visavis.portrait.face_mesh import Face, FaceMesh
from visavis.portrait.gate import MAX_CUT_OFF, MAX_PITCH_DEG, MAX_YAW_DEG, MIN_FACE_PX
from visavis.portrait.geometry import measure_head
from visavis.portrait.topology import IRIS_LEFT, IRIS_RIGHT, MESH_POINTS

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

_SEARCH_EVERY: Final = 5
"""While no face is known, so many frames are gone on by: a search of the whole picture takes as long as ten looks."""
_THUMBNAIL_PX: Final = 32
_CUT_LEVELS: Final = 14.0
"""Mean change of a thumbnail's grey levels from one frame to the next that no head movement makes,"""
_CUT_TIMES: Final = 6.0
"""and by how much it exceeds the clip's median change."""
_JUMP: Final = 0.3
"""A face that moves by this share of its height between two frames is another face, or another shot."""
_MAX_ROLL_DEG: Final = 45.0
_TOP, _CHIN = 10, 152


@dataclass(frozen=True, slots=True)
class Track:
    """One face in consecutive frames of a clip."""

    first: int
    """Number of the first frame among those taken."""
    points: F64
    """``[frames, 478, 3]`` pixels of the full picture."""
    thumbnails: F64
    """``[frames, 32, 32]`` grey levels."""
    width_px: int
    height_px: int
    """Of the full picture."""

    def __len__(self) -> int:
        return len(self.points)


def follow_face(footage: Footage, detector: FaceMesh, on_frame: Callable[[int], None]) -> Track:
    """The longest stretch in which one face is seen whole, from the front, without a cut.

    Raises:
        PortraitRefused: ``clip_unreadable``; where no stretch lasts :data:`MIN_DURATION_S`, what most often stands
            in the way: ``clip_no_face``, ``clip_cut``, ``face_turned``, ``face_cut_off``, ``face_too_small``.
    """
    points: list[F64 | None] = []
    thumbnails: list[U8] = []
    shape = (0, 0)
    for index, frame in enumerate(footage.frames(TRACKING_SIDE_PX)):
        rgb = np.ascontiguousarray(frame[..., ::-1])
        shape = rgb.shape[:2]
        grey = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
        thumbnails.append(np.asarray(cv2.resize(grey, (_THUMBNAIL_PX,) * 2, interpolation=cv2.INTER_AREA), np.uint8))
        before = points[-1] if points else None
        searches = before is not None or index % _SEARCH_EVERY == 0
        points.append(_find(detector, rgb, before) if searches else None)
        on_frame(index)
    if not points:
        raise PortraitRefused(
            "clip_unreadable", "The clip cannot be read: no frame can be decoded.", "Save it again as MP4 (H.264)."
        )
    full = next(iter(footage.frames())).shape[:2]
    zoom = max(full) / max(shape)
    small = np.stack(thumbnails).astype(np.float64)
    faults = [_fault(item, shape, zoom) for item in points]
    starts = _shots(small, points)
    first, last = _longest(faults, starts)
    least = round(MIN_DURATION_S * footage.taken_rate_hz) - 1
    if last - first < least:
        raise _refusal(faults, starts, (last - first) / footage.taken_rate_hz, footage.taken_rate_hz)
    found = np.stack([item for item in points[first:last] if item is not None]) * zoom
    return Track(first, found, small[first:last], full[1], full[0])


@dataclass(frozen=True, slots=True)
class _Fault:
    """Why a frame cannot be used."""

    code: str
    measured: float
    limit: float
    what: str


def _find(detector: FaceMesh, rgb: U8, before: F64 | None) -> F64 | None:
    if before is not None:
        again = detector.look_again(rgb, before)
        if again is not before:
            return again
    faces = detector.faces(rgb)
    return faces[0].points if faces else None


def _fault(points: F64 | None, shape: tuple[int, int], zoom: float) -> _Fault | None:
    if points is None:
        return _Fault("clip_no_face", 0, 1, "no face can be seen")
    across = points[MESH_POINTS + IRIS_LEFT.start] - points[MESH_POINTS + IRIS_RIGHT.start]
    roll_deg = abs(float(np.degrees(np.arctan2(across[1], across[0]))))
    if roll_deg > _MAX_ROLL_DEG:
        what = f"the head is tilted by {roll_deg:.0f} degrees (up to {_MAX_ROLL_DEG:.0f}): the picture is not upright"
        return _Fault("face_turned", round(roll_deg, 1), _MAX_ROLL_DEG, what)
    head = measure_head(points)
    for angle, limit, how in (
        (abs(head.yaw_deg), MAX_YAW_DEG, "to the side"),
        (abs(head.pitch_deg), MAX_PITCH_DEG, "up or down"),
    ):
        if angle > limit:
            what = f"the head is turned {angle:.0f} degrees {how} (up to {limit:.0f} can be animated)"
            return _Fault("face_turned", round(angle, 1), limit, what)
    box = Face(points, 1.0, 1.0).box
    size = float((box[2:] - box[:2]).max())
    beyond = max(-box[0], -box[1], box[2] - shape[1], box[3] - shape[0], 0.0) / size
    if beyond > MAX_CUT_OFF:
        return _Fault("face_cut_off", round(beyond, 3), MAX_CUT_OFF, f"the border cuts off {beyond:.0%} of the face")
    height = float(np.linalg.norm(points[_TOP, :2] - points[_CHIN, :2])) * zoom
    if height < MIN_FACE_PX:
        what = f"the face is {height:.0f} pixels high (at least {MIN_FACE_PX} are needed)"
        return _Fault("face_too_small", round(height, 1), MIN_FACE_PX, what)
    return None


def _shots(thumbnails: F64, points: list[F64 | None]) -> list[int]:
    """The frames with which a shot begins, the first one included."""
    change = np.abs(np.diff(thumbnails, axis=0)).mean(axis=(1, 2))
    limit = max(_CUT_LEVELS, _CUT_TIMES * float(np.median(change))) if len(change) else np.inf
    starts = [0]
    for index, (before, after) in enumerate(zip(points, points[1:], strict=False), start=1):
        jumps = False
        if before is not None and after is not None:
            height = float(np.linalg.norm(before[_TOP, :2] - before[_CHIN, :2]))
            jumps = float(np.linalg.norm((after - before)[:, :2].mean(axis=0))) > _JUMP * height
        if change[index - 1] > limit or jumps:
            starts.append(index)
    return starts


def _longest(faults: list[_Fault | None], starts: list[int]) -> tuple[int, int]:
    best = (0, 0)
    begin = 0
    for index in range(len(faults) + 1):
        ends = index == len(faults) or faults[index] is not None
        if ends or index in starts:
            if index - begin > best[1] - best[0]:
                best = (begin, index)
            begin = index + 1 if ends else index
    return best


def _refusal(faults: list[_Fault | None], starts: list[int], usable_s: float, rate_hz: float) -> PortraitRefused:
    """Names what spoils most frames, where first, and how long the best stretch is."""
    longest = f"The longest stretch that can be used is {usable_s:.1f} s; at least {MIN_DURATION_S:.0f} s are needed"
    found = [(index, item) for index, item in enumerate(faults) if item is not None]
    hint = "Send a calm shot of one person who looks into the camera, the whole head in the picture."
    if not found:
        return PortraitRefused(
            "clip_cut",
            f"{longest}: the clip is cut at {starts[-1] / rate_hz:.1f} s.",
            "Send one shot without cuts.",
            measured=round(usable_s, 2),
            limit=MIN_DURATION_S,
        )
    codes = [item.code for _, item in found]
    code = max(set(codes), key=codes.count)
    index, fault = next((index, item) for index, item in found if item.code == code)
    return PortraitRefused(
        code, f"{longest}: at {index / rate_hz:.1f} s {fault.what}.", hint, measured=fault.measured, limit=fault.limit
    )
