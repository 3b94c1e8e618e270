"""From a clip to an avatar: the still one, built as from a photo, and its footage."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from visavis.avatar import Avatar, Finding
from visavis.clip import Clip
from visavis.portrait.clip.cutting import Cut, cheek_brightness, choose_cut, frame_of, loop_pictures
from visavis.portrait.clip.encode import KEY_EVERY, encode
from visavis.portrait.clip.fit import PARTED_MM, SHUT_MM, STEP_PX, fit_frames, lip_gap_mm
from visavis.portrait.clip.footage import MAX_DURATION_S, open_footage
from visavis.portrait.clip.loop import Loop, choose_loop
from visavis.portrait.clip.sharpness import blur_px
from visavis.portrait.clip.track import Track, follow_face
from visavis.portrait.face_mesh import Face, FaceMesh
from visavis.portrait.framing import Framing
from visavis.portrait.geometry import PUPIL_DISTANCE_MM, measure_head, smoothstep
from visavis.portrait.topology import IRIS_LEFT, IRIS_RIGHT, MESH_POINTS

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]
Progress = Callable[[str, float], None]
Still = Callable[[U8, Sequence[Face], Framing, FaceMesh, Progress], Avatar]
"""Builds the avatar of a picture whose first face was accepted, framed as told."""

_WATCHED, _BUILT = 0.45, 0.7
"""Shares of the whole that are done by then."""
_SHARPNESS_EVERY: Final = 10
"""Frames between two looks at how sharp they are."""
_TOLD_EVERY: Final = 20
"""Frames between two reports."""
_LIGHT_SMOOTHING_FRAMES: Final = 3.0
_LIGHT: Final = (0.5, 1.6)
_OPEN_EYES: Final = 0.95
"""Of what is usual in the clip."""
_TALKING: Final = 0.25
"""Share of the loop with parted lips from which on its owner is told."""


def build_clip_avatar(file: bytes, detector: FaceMesh, still: Still, report: Progress) -> Avatar:
    """Build the avatar of a video file; about as long as the clip lasts.

    Raises:
        PortraitRefused: the clip cannot become an avatar; the error says why and what would be right.
    """
    report("reading the clip", 0.0)
    footage = open_footage(file)
    most = MAX_DURATION_S * footage.taken_rate_hz

    def watched(index: int) -> None:
        if index % _TOLD_EVERY == 0:
            report("watching the clip", _WATCHED * min(1.0, index / most))

    track = follow_face(footage, detector, watched)
    mm_per_px = _mm_per_px(track)
    gap_mm = lip_gap_mm(track.points[..., :2], np.full(len(track), 1 / mm_per_px))
    loop = choose_loop(
        track.points[:, :MESH_POINTS, :2] * mm_per_px, track.thumbnails, smoothstep(SHUT_MM, 2 * PARTED_MM, gap_mm)
    )
    played = sorted({shown.one for shown in loop.shown})
    cut = choose_cut(track, played)
    points = cut.canvas(track.points)
    own = _most_neutral(points, played)
    picture = frame_of(footage, track.first + own)
    avatar = still(
        picture,
        [Face(track.points[own], 1.0, 1.0)],
        cut.framed(picture),
        detector,
        lambda step, share: report(step, _WATCHED + (_BUILT - _WATCHED) * share),
    )

    report("keeping the clip", _BUILT)
    seen = np.stack([shown.mixed(points[..., :2]) for shown in loop.shown])
    fit = fit_frames(avatar, points[own, :, :2], seen)
    levels: list[float] = []
    blurs: list[float] = []
    packets = encode(_watched(loop_pictures(footage, track, cut, loop), seen, cut, levels, blurs, report))
    light = _light(np.array(levels), own, loop)
    clip = Clip(
        packets=np.frombuffer(b"".join(packets), np.uint8),
        packet_bytes=np.array([len(packet) for packet in packets], np.int32),
        key_every=KEY_EVERY,
        left_px=cut.left_px,
        right_px=cut.right_px,
        below_px=cut.below_px,
        affine=_f32(fit.affine),
        warp=_f32(fit.warp),
        warp_corner_px=_f32(fit.warp_corner_px),
        warp_step_px=STEP_PX,
        jaw=_f32(fit.jaw),
        border_px=_f32(fit.border_px),
        line_px=_f32(fit.line_px),
        opened=_f32(fit.opened),
        light=_f32(light),
        blur_px=float(np.median(blurs)),
    )
    report("ready", 1.0)
    findings = (*avatar.info.findings, *_findings(loop, fit.opened))
    return dataclasses.replace(avatar, clip=clip, info=dataclasses.replace(avatar.info, findings=findings))


def _mm_per_px(track: Track) -> float:
    right, left = (track.points[:, MESH_POINTS + iris.start, :2] for iris in (IRIS_RIGHT, IRIS_LEFT))
    return PUPIL_DISTANCE_MM / float(np.median(np.linalg.norm(left - right, axis=1)))


def _most_neutral(points: F64, played: Sequence[int]) -> int:
    """The frame with shut lips, open eyes and the face to the front, ``points`` on the canvas."""
    faces = points[list(played)]
    heads = [measure_head((face + [0.5, 0.5, 0]) * 2) for face in faces]
    gap = lip_gap_mm(faces[..., :2], np.array([head.px_per_mm for head in heads]))
    turned = np.array([abs(head.yaw_deg) + abs(head.pitch_deg) for head in heads])
    eyes = np.mean([np.linalg.norm((faces[:, a] - faces[:, b])[:, :2], axis=1) for a, b in ((159, 145), (386, 374))], 0)
    sleepy = np.maximum(0, _OPEN_EYES - eyes / np.percentile(eyes, 75))
    return int(played[int((2 * np.maximum(0, gap - 0.3) + turned / 6 + 8 * sleepy).argmin())])


def _watched(
    pictures: Iterator[U8], seen: F64, cut: Cut, levels: list[float], blurs: list[float], report: Progress
) -> Iterator[U8]:
    """The same pictures; how bright the face is in each is noted, and how blurred in some."""
    for index, picture in enumerate(pictures):
        points = seen[index] + [cut.left_px, 0]
        levels.append(cheek_brightness(picture, points))
        if index % _SHARPNESS_EVERY == 0:
            blurs.append(blur_px(picture, points))
        if index % _TOLD_EVERY == 0:
            report("keeping the clip", _BUILT + (1 - _BUILT) * index / len(seen))
        yield picture


def _light(levels: F64, own: int, loop: Loop) -> F64:
    """Relative to the avatar's own frame, which the loop shows somewhere."""
    place = next((i for i, shown in enumerate(loop.shown) if shown.one == own and shown.share == 0), 0)
    smooth = gaussian_filter1d(levels, _LIGHT_SMOOTHING_FRAMES, mode="wrap")
    return np.clip(smooth / max(float(smooth[place]), 1.0), *_LIGHT)


def _findings(loop: Loop, opened: F64) -> list[Finding]:
    found = []
    if loop.to_and_fro:
        found.append(
            Finding(
                "clip_to_and_fro",
                "No two moments of the clip resemble each other enough to pass into one another: it is played forwards "
                "and backwards. A calmer clip that ends as it begins looks better.",
            )
        )
    if float((opened > 0.5).mean()) > _TALKING:
        found.append(
            Finding("clip_talks", "The person talks in the clip: a clip with closed lips gives a better mouth.")
        )
    return found


def _f32(values: Any) -> NDArray[np.float32]:
    return np.ascontiguousarray(values, np.float32)
