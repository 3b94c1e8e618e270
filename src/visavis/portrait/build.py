"""Building an avatar: the steps from the bytes of a photo, or of a clip, to an :class:`~visavis.avatar.Avatar`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import BASE_NAMES, TEXTURE_PX, TEXTURE_SCALE, Avatar, Eye, HeadFrame, HeadRange, PortraitInfo
from visavis.errors import PortraitRefused
from visavis.portrait.clip.build import build_clip_avatar
from visavis.portrait.clip.footage import is_video
from visavis.portrait.compact import without_unused_vertices
from visavis.portrait.deformations import Jaw, build_bases, measure_jaw
from visavis.portrait.eyes import build_eye
from visavis.portrait.face_mesh import Face, FaceMesh
from visavis.portrait.folds import build_folds
from visavis.portrait.framing import FACE_SHARE, Framing, face_height_px, frame_photo
from visavis.portrait.gate import check_look, choose_face, has_dark_lenses
from visavis.portrait.geometry import HeadGeometry, measure_head, texture_px
from visavis.portrait.hair import hanging_hair
from visavis.portrait.head_range import PosedMesh, flatten_folds, safe_range, wanted_range
from visavis.portrait.inspection import inspect, upright_face
from visavis.portrait.intake import decode_photo
from visavis.portrait.lips import LIP_POINTS, build_lips
from visavis.portrait.matte import separate
from visavis.portrait.mesh import ControlMesh, build_control_mesh, depth_mobility, limit_depth_slope, vertex_normals
from visavis.portrait.quality import PhotoFacts, judge
from visavis.portrait.rest_mouth import RestMouth, close_mouth, even_out_smile
from visavis.portrait.shading import base_gains, fit_light
from visavis.portrait.spectacles import find_spectacles, held_points, sunglasses_of
from visavis.portrait.surroundings import build_surroundings
from visavis.portrait.teeth import build_interior
from visavis.portrait.topology import EYE_LEFT, EYE_RIGHT, IRIS_LEFT, IRIS_RIGHT, Subdivision, loop_subdivide, orient

logger = logging.getLogger(__name__)

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
U8 = NDArray[np.uint8]
Progress = Callable[[str, float], None]

_NECK_BELOW_EYES_MM = 38.0
_INVISIBLE_ALPHA = 2
_LIDS = {i for eye in (EYE_LEFT, EYE_RIGHT) for i in (*eye.upper, *eye.lower, *eye.corners, *eye.upper_2)}
_MAX_CONTROL_SLOPE = 2.5
_MAX_FINE_SLOPE = 3.2
"""Depth over distance: a slope of 3.2 would turn edge-on at 17 degrees."""


def build_avatar(photo: bytes, *, on_progress: Progress | None = None) -> Avatar:
    """Build an avatar from the bytes of a picture file, or of a video file.

    A picture takes 1 to 4 seconds on one core, a video 1.5 times as long as it lasts.

    Args:
        on_progress: told the name of each step as it begins, and the share done, 0 .. 1.

    Raises:
        PortraitRefused: the photo cannot become an avatar; the error says why and what would be right.
    """
    report = on_progress or (lambda step, share: None)
    try:
        return _build(photo, report)
    except PortraitRefused:
        raise
    except (ArithmeticError, IndexError, ValueError, RuntimeError, np.linalg.LinAlgError, cv2.error) as error:
        logger.exception("building the avatar failed")
        raise PortraitRefused(
            "portrait_failed",
            "The face was found, but could not be built into an avatar.",
            "Try another photo: one face, seen from the front, uncovered, well lit.",
        ) from error


def _build(photo: bytes, report: Progress) -> Avatar:
    if is_video(photo):
        return build_clip_avatar(photo, FaceMesh(), _build_still, report)
    report("reading the photo", 0.0)
    picture = decode_photo(photo)
    report("finding the face", 0.08)
    detector = FaceMesh()
    faces = detector.faces(_rgb(picture))
    choose_face(faces, picture.shape[1], picture.shape[0])
    return _build_still(picture, faces, None, detector, report)


def _build_still(
    picture: U8, faces: Sequence[Face], framing: Framing | None, detector: FaceMesh, report: Progress
) -> Avatar:
    """The avatar of a picture whose first face was accepted, which is framed around it unless told how."""
    face = faces[0]
    seen = inspect(picture, face)
    check_look(seen)
    sunglasses = has_dark_lenses(seen)
    report("measuring the head", 0.2)
    framing = framing or frame_photo(picture, face)
    framed = framing.picture
    framed_face = replace(face, points=detector.look_again(_rgb(framed), framing.place(face.points)))
    head = measure_head(framed_face.points)
    report("separating hair and background", 0.25)
    layers = separate(framed, detector.person_mask(_rgb(framed), margin=_mask_margin(framing, face)), head)
    report("meshing the head", 0.5)
    mesh = build_control_mesh(head, layers.alpha, hanging_hair(framed, layers.alpha, head))
    rest = close_mouth(framed, head, mesh)
    shape = _shape_at_rest(head, mesh, rest)
    report("teaching it to move", 0.6)
    held = _held(framed, framed_face, mesh, sunglasses)
    jaw = shape.jaw
    bases_mm = build_bases(mesh, shape.rest_mm, rest.fixed, held, jaw, head.px_per_mm)
    report("building the mouth", 0.75)
    foreground = even_out_smile(layers.foreground, head, rest)
    lips = build_lips(
        head,
        shape.subdivision,
        mesh.solver,
        still=[*rest.fixed, *held],
        bases_mm=bases_mm,
        rest_px=shape.vertices,
        texture_coords=shape.texture_coords,
        hinge_mm=jaw.hinge_mm,
        jaw_angle_rad=jaw.angle_rad,
        incisal_mm=rest.incisal_mm,
        lip_gap_mm=rest.gap_mm,
        grey=_soft_grey(foreground),
    )
    texture = _texture(foreground, layers.alpha)
    eyes = [
        build_eye(framed, upper, lower, shape.texture_coords, texture_px(head.iris[iris]), visible=not sunglasses)
        for (upper, lower), iris in zip(_lids(shape.subdivision), (IRIS_RIGHT, IRIS_LEFT), strict=True)
    ]
    centre_mm = shape.rest_mm[[13, 14]].mean(axis=0)
    interior = build_interior(
        framed,
        head,
        eyes,
        shape.texture_coords,
        centre_mm=centre_mm,
        incisal_mm=rest.incisal_mm,
        lip_depth_mm=float(shape.rest_mm[13, 2]),
        lip_gap_mm=rest.gap_mm,
    )
    report("drawing folds and light", 0.9)
    folds = build_folds(np.ascontiguousarray(texture[..., :3]), head.landmarks, head.px_per_mm * TEXTURE_SCALE)
    triangles = _drawing_order(mesh, shape, eyes, rest.parted, texture[..., 3])
    fine = shape.subdivision.matrix
    quality = judge(
        PhotoFacts(
            face_count=len(faces),
            face_height_px=face_height_px(face),
            yaw_deg=head.yaw_deg,
            pitch_deg=head.pitch_deg,
            lip_gap_mm=rest.gap_mm,
            extended_share=framing.extended_share,
            spectacles=bool(held) and not sunglasses,
            sunglasses=sunglasses,
            inspection=seen,
        )
    )
    avatar = Avatar(
        texture=texture,
        background=np.clip(layers.background, 0, 255).astype(np.uint8),
        vertices=_f32(shape.vertices),
        texture_coords=_f32(shape.texture_coords),
        triangles=triangles,
        bases=_f32(np.stack([fine @ head.direction_px(bases_mm[name]) for name in BASE_NAMES])),
        base_gains=_f32(np.stack([fine @ gains for gains in base_gains(len(mesh.vertices))])),
        head_weight=_f32(shape.posed.weight),
        light=fit_light(framed, vertex_normals(shape.vertices, shape.subdivision.triangles), shape.texture_coords),
        head=HeadFrame(
            axes=_f32(head.axes),
            origin_px=_f32(head.origin),
            pivot_px=_f32(shape.posed.pivot_px),
            hinge_mm=_f32(jaw.hinge_mm),
            px_per_mm=head.px_per_mm,
            jaw_angle_rad=jaw.angle_rad,
        ),
        head_range=safe_range(shape.posed, shape.vertices, triangles, shape.wanted),
        lips=lips,
        mouth=interior,
        folds=folds,
        eye_left=eyes[1],
        eye_right=eyes[0],
        surroundings=build_surroundings(
            picture, framing, layers, head, lambda photo: detector.person_mask(_rgb(photo))
        ),
        info=PortraitInfo(
            face_height_px=face_height_px(face),
            yaw_deg=head.yaw_deg,
            pitch_deg=head.pitch_deg,
            lip_gap_mm=rest.gap_mm,
            quality=quality.score,
            findings=quality.findings,
        ),
    )
    report("ready", 1.0)
    return without_unused_vertices(avatar)


def _mask_margin(framing: Framing, face: Face) -> float:
    """The mask model knows people with some room around them: what a tight frame lacks."""
    return max(0.0, face_height_px(face) / framing.side_px / FACE_SHARE - 1) / 2


@dataclass(frozen=True, slots=True)
class _Shape:
    """The face with closed lips."""

    rest_mm: F64
    """Control mesh, head frame."""
    subdivision: Subdivision
    vertices: F64
    """Fine mesh, canvas pixels."""
    texture_coords: F64
    jaw: Jaw
    posed: PosedMesh
    wanted: HeadRange


def _shape_at_rest(head: HeadGeometry, mesh: ControlMesh, rest: RestMouth) -> _Shape:
    mobility = depth_mobility(len(mesh.vertices))
    closed = mesh.vertices + head.direction_px(rest.displacement_mm)
    flattened = mesh.vertices.copy()
    depth = limit_depth_slope(closed, mesh.triangles, mobility, limit=_MAX_CONTROL_SLOPE, smallest_px2=1.0, rounds=800)
    flattened[:, 2] += depth - closed[:, 2]
    rest_mm = head.to_mm(flattened) + rest.displacement_mm
    subdivision = loop_subdivide(len(mesh.vertices), mesh.triangles)
    vertices = np.asarray(subdivision.matrix @ head.to_px(rest_mm))
    # subdividing rounds the silhouette of the far cheek, which can leave slivers that stand on edge
    mobility[list(LIP_POINTS)] = 0
    vertices[:, 2] = limit_depth_slope(
        vertices,
        subdivision.triangles,
        np.asarray(subdivision.matrix @ mobility),
        limit=_MAX_FINE_SLOPE,
        smallest_px2=0.1,
        rounds=300,
    )
    texture_coords = texture_px(np.asarray(subdivision.matrix @ rest.texture_points))
    jaw = measure_jaw(rest_mm)
    pivot_px = head.to_px(np.array([0, _NECK_BELOW_EYES_MM, jaw.hinge_mm[2] - 4]))
    posed = PosedMesh(head, pivot_px, np.clip(subdivision.matrix @ mesh.head_weight, 0, 1))
    wanted = wanted_range(head)
    skin = subdivision.triangles[~_is_lip(mesh)]
    # a parted mouth is closed by moving vertices: only its texture coordinates tell front from back
    skin = orient(skin, texture_coords if rest.parted else vertices)
    vertices[:, 2] = flatten_folds(posed, vertices, skin, np.asarray(subdivision.matrix @ mobility), wanted)
    return _Shape(rest_mm, subdivision, vertices, texture_coords, jaw, posed, wanted)


def _is_lip(mesh: ControlMesh) -> NDArray[np.bool_]:
    """Which fine triangles the lips' own patches replace."""
    return np.repeat(np.isin(mesh.triangles, list(LIP_POINTS)).all(axis=1), 4)


def _held(framed: U8, face: Face, mesh: ControlMesh, sunglasses: bool) -> list[int]:
    """Vertices that glasses hold still: under the rims, and everything around the eyes under dark lenses."""
    upright = upright_face(framed, face)
    glasses = sunglasses_of(upright) if sunglasses else find_spectacles(upright)
    if glasses is None:
        return []
    where = upright.place(texture_px(mesh.vertices))
    held = {int(i) for i in np.flatnonzero(held_points(glasses, where, lenses_too=sunglasses))}
    return sorted(held if sunglasses else held - _LIDS)


def _drawing_order(mesh: ControlMesh, shape: _Shape, eyes: Sequence[Eye], parted: bool, alpha: U8) -> I32:
    """Fine triangles back to front: surroundings, strips behind the eye openings, the face without the lips."""
    strips = []
    for eye in eyes:
        for a, b, c, d in zip(eye.upper_lid, eye.upper_lid[1:], eye.lower_lid, eye.lower_lid[1:], strict=False):
            strips += [t for t in ((a, b, c), (c, b, d)) if len(set(t)) == 3]
    is_lip = _is_lip(mesh)
    is_face = np.arange(len(is_lip)) < 4 * mesh.face_triangle_count
    fine = shape.subdivision.triangles
    triangles = np.vstack([fine[~is_face], np.array(strips, np.int32), fine[is_face & ~is_lip]])
    # a parted mouth is closed by moving vertices: only its texture coordinates tell front from back
    triangles = orient(triangles, shape.texture_coords if parted else shape.vertices)
    return np.ascontiguousarray(triangles[_visible(triangles, shape.texture_coords, alpha)], np.int32)


def _visible(triangles: I32, texture_coords: F64, alpha: U8) -> NDArray[np.bool_]:
    """Which triangles show any of the person."""
    spread = cv2.dilate(alpha, np.ones((9, 9)))
    last = TEXTURE_PX - 1
    low = np.floor(texture_coords[triangles].min(axis=1)).astype(int)
    high = np.ceil(texture_coords[triangles].max(axis=1)).astype(int)
    low, high = np.clip(low, 0, last), np.clip(high, 0, last)
    return np.array(
        [
            spread[y0 : y1 + 1, x0 : x1 + 1].max() > _INVISIBLE_ALPHA
            for (x0, y0), (x1, y1) in zip(low, high, strict=True)
        ]
    )


def _lids(subdivision: Subdivision) -> list[tuple[I32, I32]]:
    """Upper and lower lid of the right and the left eye, image left to right."""
    pairs = (
        ((33, *EYE_RIGHT.upper, 133), (33, *EYE_RIGHT.lower, 133)),
        ((362, *EYE_LEFT.upper[::-1], 263), (362, *EYE_LEFT.lower[::-1], 263)),
    )
    return [
        (np.array(subdivision.chain(upper), np.int32), np.array(subdivision.chain(lower), np.int32))
        for upper, lower in pairs
    ]


def _soft_grey(foreground: F32) -> F32:
    grey = cv2.cvtColor(np.clip(foreground, 0, 255).astype(np.uint8), cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.GaussianBlur(grey, (0, 0), 0.8), np.float32)


def _texture(foreground: F32, alpha: F32) -> U8:
    """The person as BGR and alpha, with a sharpness that does not breathe as pixels slide by fractions."""
    soft = cv2.GaussianBlur(foreground, (0, 0), 0.7)
    even = np.clip(soft + 0.6 * (soft - cv2.GaussianBlur(soft, (0, 0), 2.0)), 0, 255)
    return np.clip(np.dstack([even, alpha * 255]) + 0.5, 0, 255).astype(np.uint8)


def _rgb(picture: U8) -> U8:
    return np.ascontiguousarray(picture[..., ::-1])


def _f32(values: F64) -> F32:
    return np.ascontiguousarray(values, np.float32)
