"""The Avatar: what is built from a portrait once and animated ever after.

An avatar is a set of immutable arrays in one coordinate frame, the *canvas*: a square of
:data:`CANVAS_PX` x :data:`CANVAS_PX` pixels, x right, y down, z towards the viewer. Texture coordinates are
pixels of the texture, which is :data:`TEXTURE_SCALE` times finer. Positions that say mm live in the head's own
frame (:class:`HeadFrame`).

On disk it is a safetensors container: a JSON manifest (format, version, scalars) and raw little-endian
tensors, memory-mapped when loaded. Nothing in it is code. docs/avatar-format.md describes every part.
"""

from __future__ import annotations

import dataclasses
import json
import os
import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save as safetensors_save

from visavis.clip import Clip, check_clip
from visavis.clip import array_field as _array
from visavis.errors import AvatarFileError

FORMAT: Final = "visavis-avatar"
VERSION: Final = 3
CANVAS_PX: Final = 512
TEXTURE_SCALE: Final = 2
TEXTURE_PX: Final = CANVAS_PX * TEXTURE_SCALE

BASE_NAMES: Final = (
    "jaw", "close", "press", "pucker", "stretch", "smile", "funnel", "upperRaise", "lowerDepress", "tuck",
    "blinkLeft", "blinkRight", "browInner", "browOuterLeft", "browOuterRight", "browDownLeft", "browDownRight",
    "squintLeft", "squintRight", "sneer", "breath", "sway",
)  # fmt: skip
"""The linear deformations of the mesh, in the order of :attr:`Avatar.bases`."""

LIP_COLUMNS: Final = 41
LIP_ROWS: Final = np.array([0, 0.15, 0.30, 0.45, 0.60, 0.74, 0.87, 1.0], np.float32)
"""Rows of a lip patch from the vermilion border (0) to the lip line (1); a hidden skirt row follows."""
LIP_TEXTURE_STEPS: Final = 25
LIP_BORDER_POINTS: Final = 20
ARCH_POINTS: Final = 145
FOLD_COUNT: Final = 4
SURROUNDINGS_RIM_PX: Final = 96
MAX_SURROUNDINGS_PX: Final = 512
"""To any side of the canvas, canvas pixels."""

_MAX_HEADER_BYTES: Final = 1 << 20
_MAX_SIZE: Final = 1 << 25
_MAX_NUMBER: Final = 1e4
"""No measure of a face on the canvas comes near it."""
_SCALAR_RANGES: Final = {
    "px_per_mm": (0.2, 20.0), "iris_radius_px": (1.0, 200.0), "half_width_mm": (5.0, 80.0), "visible": (0.0, 1.0),
    "quality": (0.0, 100.0),
}  # fmt: skip
"""The first three are divisors of the renderer."""
_DTYPES: Final = {"F32": np.float32, "U8": np.uint8, "I8": np.int8, "I16": np.int16, "I32": np.int32}

F32 = NDArray[np.float32]
U8 = NDArray[np.uint8]
I8 = NDArray[np.int8]
I16 = NDArray[np.int16]
I32 = NDArray[np.int32]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadFrame:
    """The head's frame: origin between the eyes, x to image right, y down the face, z out of it, in mm."""

    axes: F32 = _array("F32", 3, 3)
    """Unit axes as rows; ``canvas = origin + mm @ axes * px_per_mm``."""
    origin_px: F32 = _array("F32", 3)
    pivot_px: F32 = _array("F32", 3)
    """What the head turns about: near the top of the neck."""
    hinge_mm: F32 = _array("F32", 3)
    """The axis of the jaw."""
    px_per_mm: float
    jaw_angle_rad: float
    """Rotation of the fully open jaw."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadRange:
    """How far the head may turn from the photo's pose: within it no triangle folds over. Degrees, low and high."""

    yaw_deg: F32 = _array("F32", 2)
    pitch_deg: F32 = _array("F32", 2)
    roll_deg: F32 = _array("F32", 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lips:
    """Two structured patches that replace the mesh between vermilion border and lip line."""

    upper_rows_mm: F32 = _array("F32", LIP_COLUMNS, len(LIP_ROWS), 3)
    lower_rows_mm: F32 = _array("F32", LIP_COLUMNS, len(LIP_ROWS), 3)
    upper_texture: F32 = _array("F32", LIP_COLUMNS, LIP_TEXTURE_STEPS, 2)
    """Texture coordinates along each column, border to lip line."""
    lower_texture: F32 = _array("F32", LIP_COLUMNS, LIP_TEXTURE_STEPS, 2)
    upper_border: I32 = _array("I32", 21, below="n")
    """Mesh vertices of the vermilion border; every second column sits on one."""
    lower_border: I32 = _array("I32", 21, below="n")
    upper_line: I32 = _array("I32", 21, below="n")
    """Mesh vertices of the lip line: they follow the patches."""
    lower_line: I32 = _array("I32", 21, below="n")
    contact_mm: F32 = _array("F32", LIP_COLUMNS, 3)
    """The line where the closed lips meet."""
    column: F32 = _array("F32", LIP_COLUMNS)
    """-1 at the image-left corner .. 1 at the other."""
    upper_height_mm: F32 = _array("F32", LIP_COLUMNS)
    lower_height_mm: F32 = _array("F32", LIP_COLUMNS)
    jaw_drop_mm: F32 = _array("F32", LIP_COLUMNS, 3)
    """Displacement of the contact line with a fully open jaw."""
    skin_rows: I32 = _array("I32", "k", below="n")
    """Mesh vertices that follow the vermilion border,"""
    skin_weights: F32 = _array("F32", "k", LIP_BORDER_POINTS)
    """and how: ``vertices[skin_rows] += skin_weights @ border displacement``."""
    border_bases_mm: F32 = _array("F32", len(BASE_NAMES), LIP_BORDER_POINTS, 3)
    """What the linear bases already do to the border."""
    triangles: I32 = _array("I32", "lt", 3, below="patches")
    half_width_mm: float
    incisal_mm: float
    """Height of the upper teeth's edge in the head frame."""
    upper_dark_line: float
    """How far the dark contact line reaches into the lip, as a share of its height."""
    lower_dark_line: float
    painted_line: float
    """Strength of the drawn contact line: 0 where the photo shows one (closed lips), else up to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MouthInterior:
    """Teeth, tongue and cavity; colours are BGR 0..255."""

    upper_teeth: F32 = _array("F32", 90, 432, 4)
    """Premultiplied BGRA over (height, arc length), 6 px/mm."""
    lower_teeth: F32 = _array("F32", 90, 432, 4)
    upper_arch_mm: F32 = _array("F32", ARCH_POINTS, 2)
    """x and z of the arch by arc length, -36 .. 36 mm."""
    lower_arch_mm: F32 = _array("F32", ARCH_POINTS, 2)
    centre_mm: F32 = _array("F32", 3)
    tongue: F32 = _array("F32", 3)
    cavity: F32 = _array("F32", 3)
    mucosa: F32 = _array("F32", 3)
    rim: F32 = _array("F32", 3)
    teeth_depth_mm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Folds:
    """Texture-space creases that move with speech, one row per touched texture pixel."""

    gains: I8 = _array("I8", "f", FOLD_COUNT)
    """Nasolabial, mentolabial, chin, lip purse; 1/254 each."""
    lift: I8 = _array("I8", "f", 3)
    """Grey levels that remove creases baked into the photo at the mouth corners."""
    x_px: I16 = _array("I16", "f", below="texture")
    y_px: I16 = _array("I16", "f", below="texture")


@dataclass(frozen=True, slots=True, kw_only=True)
class Eye:
    """One eyeball as a picture behind the lids."""

    texture: U8 = _array("U8", "*", "*", 3)
    upper_lid: I32 = _array("I32", "u", below="n")
    """Mesh vertices along the lid, image left to right."""
    lower_lid: I32 = _array("I32", "u", below="n")
    corner_px: F32 = _array("F32", 2)
    """Texture coordinates of the eye picture's upper left pixel."""
    iris_centre_px: F32 = _array("F32", 2)
    iris_radius_px: float
    visible: float
    """1, or 0 behind dark glasses: the photo's own pixels stay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What lies beside and below the canvas, for frames that are not square; three JPEG files of one size.

    Each is the canvas and what surrounds it, in texture pixels, without the canvas: that is blank but for a rim of
    :data:`SURROUNDINGS_RIM_PX`, over which the plate's canvas passes into what surrounds it. Opened when needed.
    """

    left_px: float
    """Canvas pixels, whole."""
    right_px: float
    below_px: float
    person: U8 = _array("U8", "*")
    """BGR."""
    cover: U8 = _array("U8", "*")
    """The person's alpha, grey."""
    plate: U8 = _array("U8", "*")
    """Background, BGR."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about the photo that its owner should know."""

    code: str
    message: str


@dataclass(
    frozen=True,
    slots=True,
)
class PortraitInfo:
    """What was measured in the photo."""

    face_height_px: float
    """Forehead to chin in the photo's own pixels."""
    yaw_deg: float
    pitch_deg: float
    lip_gap_mm: float
    """Opening of the lips in the photo; the rest pose is closed."""
    quality: float
    """How good the photo is, 0 .. 100; the findings say why it is not better."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Avatar:
    """Everything a renderer needs to draw one face."""

    texture: U8 = _array("U8", TEXTURE_PX, TEXTURE_PX, 4)
    """The person, BGR and alpha."""
    background: U8 = _array("U8", TEXTURE_PX, TEXTURE_PX, 3)
    """What is behind, completed where the person was."""
    vertices: F32 = _array("F32", "n", 3)
    """Mesh at rest, canvas pixels."""
    texture_coords: F32 = _array("F32", "n", 2)
    triangles: I32 = _array("I32", "t", 3, below="n")
    """In drawing order, back to front; wound clockwise on the canvas."""
    bases: F32 = _array("F32", len(BASE_NAMES), "n", 3)
    """Displacement at full strength, canvas pixels, per name of :data:`BASE_NAMES`."""
    base_gains: F32 = _array("F32", len(BASE_NAMES), "n")
    """Change of brightness at full strength."""
    head_weight: F32 = _array("F32", "n")
    """1 where a vertex moves with the head .. 0 on the torso."""
    light: F32 = _array("F32", 4)
    """Ambient and direction: ``shade = light[0] + normal . light[1:]``."""
    head: HeadFrame
    head_range: HeadRange
    lips: Lips
    mouth: MouthInterior
    folds: Folds
    eye_left: Eye
    """The subject's left eye: on the image's right."""
    eye_right: Eye
    surroundings: Surroundings
    info: PortraitInfo
    clip: Clip | None = None
    """The footage of a video portrait; the rest is its stillest frame."""

    @staticmethod
    def from_photo(photo: str | os.PathLike[str] | bytes) -> Avatar:
        """Build an avatar from a portrait photo, or a short clip (a path or the file's bytes).

        Raises:
            PortraitRefused: the photo cannot become an avatar; the error says why.
        """
        from visavis.portrait.build import build_avatar

        return build_avatar(photo if isinstance(photo, bytes) else Path(photo).read_bytes())

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the avatar file; a crash leaves the old file or none."""
        target = Path(path)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(self.to_bytes())
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise

    def to_bytes(self) -> bytes:
        """The avatar file's content; the same avatar gives the same bytes."""
        tensors: dict[str, NDArray[Any]] = {}
        scalars: dict[str, float] = {}
        for name, value, _ in _leaves(self):
            if isinstance(value, np.ndarray):
                tensors[name] = np.ascontiguousarray(value)
            else:
                scalars[name] = float(value)
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "scalars": scalars,
            "findings": [[finding.code, finding.message] for finding in self.info.findings],
        }
        return bytes(safetensors_save(tensors, {"visavis": json.dumps(manifest, sort_keys=True)}))

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Avatar:
        """Open an avatar file; its arrays are memory-mapped and read-only.

        Safe for a stranger's file: every array's type, shape and index range is checked.

        Raises:
            AvatarFileError: ``avatar_not_found``, ``not_an_avatar``, ``avatar_version``, ``avatar_damaged``.
        """
        source = Path(path)
        try:
            if not source.is_file():
                raise AvatarFileError("avatar_not_found", f"There is no avatar file at {source}.", "Check the path.")
            manifest, tensors = _open(source)
            avatar: Avatar = _assemble(Avatar, "", manifest, tensors, {"texture": TEXTURE_PX})
            _check_indices(avatar)
            _check_axes(avatar.head.axes)
            _check_range(avatar.head_range)
            _check_surroundings(avatar.surroundings)
            if avatar.clip:
                check_clip(avatar.clip)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise AvatarFileError(
                "avatar_damaged",
                f"{source.name} is damaged: {error}.",
                "Create the avatar again from its photo.",
            ) from error
        return avatar


def _leaves(part: Any, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    for item in dataclasses.fields(part):
        value = getattr(part, item.name)
        name = f"{prefix}{item.name}"
        if dataclasses.is_dataclass(value):
            yield from _leaves(value, f"{name}.")
        elif item.name not in ("findings", "clip"):
            yield name, value, item


def _open(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    not_an_avatar = AvatarFileError(
        "not_an_avatar", f"{path.name} is not an avatar file.", "Make one with: visavis create photo.jpg"
    )
    data = np.memmap(path, np.uint8, "r") if path.stat().st_size > 8 else np.zeros(0, np.uint8)
    if data.size <= 8:
        raise not_an_avatar
    header_bytes = struct.unpack("<Q", data[:8].tobytes())[0]
    if not 2 <= header_bytes <= min(_MAX_HEADER_BYTES, data.size - 8):
        raise not_an_avatar
    try:
        header = json.loads(data[8 : 8 + header_bytes].tobytes())
        manifest = json.loads(header.pop("__metadata__")["visavis"])
        if manifest["format"] != FORMAT:
            raise not_an_avatar
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise not_an_avatar from error
    if manifest["version"] != VERSION:
        raise AvatarFileError(
            "avatar_version",
            f"{path.name} has avatar format {manifest['version']}; this visavis reads {VERSION}.",
            "Create the avatar again from its photo, or update visavis.",
        )
    body = data[8 + header_bytes :]
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        shape = tuple(entry["shape"])
        dtype = np.dtype(_DTYPES[entry["dtype"]])
        if any(not isinstance(size, int) or size < 0 for size in (*shape, start, end)):
            raise ValueError(f"{name} has a bad shape")
        if not 0 <= start <= end <= body.size or end - start != dtype.itemsize * int(np.prod(shape, dtype=object)):
            raise ValueError(f"{name} lies outside the file")
        tensors[name] = body[start:end].view(dtype).reshape(shape)
    return manifest, tensors


def _assemble(
    kind: Any, prefix: str, manifest: dict[str, Any], tensors: dict[str, NDArray[Any]], sizes: dict[str, int]
) -> Any:
    parts = {
        "head": HeadFrame, "head_range": HeadRange, "lips": Lips, "mouth": MouthInterior, "folds": Folds,
        "eye_left": Eye, "eye_right": Eye, "surroundings": Surroundings, "info": PortraitInfo,
    }  # fmt: skip
    values: dict[str, Any] = {}
    for item in dataclasses.fields(kind):
        name = f"{prefix}{item.name}"
        if item.name == "clip":
            has_one = any(key.startswith("clip.") for key in tensors)
            values[item.name] = _assemble(Clip, "clip.", manifest, tensors, sizes) if has_one else None
        elif item.name in parts:
            sizes.pop("u", None)
            values[item.name] = _assemble(parts[item.name], f"{name}.", manifest, tensors, sizes)
        elif item.name == "findings":
            values[item.name] = tuple(Finding(str(code), str(text)) for code, text in manifest["findings"])
        elif "dtype" in item.metadata:
            array = tensors[name]
            _check_shape(name, array, item.metadata, sizes)
            values[item.name] = array
        else:
            number = float(manifest["scalars"][name])
            low, high = _SCALAR_RANGES.get(item.name, (-_MAX_NUMBER, _MAX_NUMBER))
            if not low <= number <= high:
                raise ValueError(f"{name} is out of range")
            values[item.name] = number
    return kind(**values)


def _check_shape(name: str, array: NDArray[Any], wanted: Any, sizes: dict[str, int]) -> None:
    if array.dtype != _DTYPES[wanted["dtype"]] or array.ndim != len(wanted["shape"]):
        raise ValueError(f"{name} has the wrong type")
    for size, expected in zip(array.shape, wanted["shape"], strict=True):
        limit = size if expected == "*" else expected
        if isinstance(limit, str):
            limit = sizes.setdefault(limit, size)
        if size != limit or not (2 if expected == "*" else 1) <= size <= _MAX_SIZE:
            raise ValueError(f"{name} has the wrong shape {array.shape}")
    if array.dtype == np.float32 and not -_MAX_NUMBER <= array.min() <= array.max() <= _MAX_NUMBER:
        raise ValueError(f"{name} is out of range")


def _check_axes(axes: F32) -> None:
    if np.abs(axes @ axes.T - np.eye(3)).max() > 0.01:
        raise ValueError("head.axes are not at right angles")


def _check_range(allowed: HeadRange) -> None:
    for low, high in (allowed.yaw_deg, allowed.pitch_deg, allowed.roll_deg):
        if not -90 <= low <= 0 <= high <= 90:
            raise ValueError("head_range does not hold the photo's own pose")


def _check_surroundings(around: Surroundings) -> None:
    """Sides in range, and pictures of the size that follows: a small file must not open to a huge picture."""
    sides = (around.left_px, around.right_px, around.below_px)
    if any(side % 2 or not 0 <= side <= MAX_SURROUNDINGS_PX for side in sides):
        raise ValueError("surroundings are out of range")
    left, right, below = (int(side) * TEXTURE_SCALE for side in sides)
    for name, channels in (("person", 3), ("cover", 1), ("plate", 3)):
        if _jpeg_shape(getattr(around, name).tobytes()) != (TEXTURE_PX + below, left + TEXTURE_PX + right, channels):
            raise ValueError(f"surroundings.{name} is not the picture it should be")


def _jpeg_shape(file: bytes) -> tuple[int, int, int] | None:
    """Height, width and channels in the only frame header of a JPEG file (ITU-T T.81, B.2.2)."""
    place, shape = 2, None
    while file[:2] == b"\xff\xd8" and place + 9 < len(file) and file[place] == 0xFF:
        kind, length = file[place + 1], int.from_bytes(file[place + 2 : place + 4])
        if kind == 0xDA:  # the picture follows
            return shape
        if 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
            size = file[place + 5 : place + 9]
            shape = None if shape else (int.from_bytes(size[:2]), int.from_bytes(size[2:]), file[place + 9])
        place += 2 + length
    return None


def _check_indices(avatar: Avatar) -> None:
    """Kernels index without checks: a bad index in a file must not get that far."""
    vertices = len(avatar.vertices)
    limits = {"n": vertices, "texture": TEXTURE_PX, "patches": 2 * LIP_COLUMNS * (len(LIP_ROWS) + 1)}
    for name, value, item in _leaves(avatar):
        below = item.metadata.get("below")
        if below and (value.min() < 0 or value.max() >= limits[below]):
            raise ValueError(f"{name} points outside its array")
