"""The .avatar file: what is written comes back, and nothing a stranger puts in it does harm."""

import dataclasses
import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from visavis.avatar import VERSION, Avatar
from visavis.errors import AvatarFileError
from visavis.face import face_state
from visavis.render import Renderer

Header = dict[str, Any]


def _split(content: bytes) -> tuple[Header, bytes]:
    size = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8 : 8 + size]), content[8 + size :]


def _joined(header: Header, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def _load(content: bytes, folder: Path) -> Avatar:
    path = folder / "strange.avatar"
    path.write_bytes(content)
    return Avatar.load(path)


def _refused(content: bytes, folder: Path) -> AvatarFileError:
    with pytest.raises(AvatarFileError) as caught:
        _load(content, folder)
    assert caught.value.message and caught.value.hint
    return caught.value


@pytest.fixture(scope="module")
def content(ada_avatar: Avatar) -> bytes:
    return ada_avatar.to_bytes()


def test_a_loaded_avatar_draws_the_same_pixels(ada_avatar: Avatar, ada_avatar_path: Path) -> None:
    state = face_state({"jawOpen": 0.6, "headYaw": 5})
    drawn = Renderer(ada_avatar, 256, 256).render(state)
    assert np.array_equal(Renderer(Avatar.load(ada_avatar_path), 256, 256).render(state), drawn)


def test_loaded_arrays_are_mapped_and_cannot_be_written(ada_avatar_path: Path) -> None:
    texture = Avatar.load(ada_avatar_path).texture
    base: Any = texture
    while base.base is not None and not isinstance(base, np.memmap):
        base = base.base
    assert isinstance(base, np.memmap)
    with pytest.raises(ValueError):
        texture[0, 0, 0] = 1


def test_what_was_said_about_the_photo_is_kept(ada_avatar: Avatar, content: bytes, tmp_path: Path) -> None:
    assert _load(content, tmp_path).info == ada_avatar.info


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(AvatarFileError) as caught:
        Avatar.load(tmp_path / "nobody.avatar")
    assert caught.value.code == "avatar_not_found"


@pytest.mark.parametrize("strange", [b"", b"1234567", b"PK\x03\x04" * 99, b"\xff" * 99, b"\0" * 99, b"\x80\x04." * 9])
def test_what_is_no_avatar_is_said(strange: bytes, tmp_path: Path) -> None:
    assert _refused(strange, tmp_path).code == "not_an_avatar"


def test_deeply_nested_headers_are_no_avatars(tmp_path: Path) -> None:
    text = b"[" * 200_000
    assert _refused(struct.pack("<Q", len(text)) + text, tmp_path).code == "not_an_avatar"


def test_a_newer_format_is_said(content: bytes, tmp_path: Path) -> None:
    header, body = _split(content)
    manifest = json.loads(header["__metadata__"]["visavis"])
    header["__metadata__"]["visavis"] = json.dumps({**manifest, "version": VERSION + 1})
    assert _refused(_joined(header, body), tmp_path).code == "avatar_version"


@pytest.mark.parametrize("share", [0.999, 0.5, 0.05])
def test_a_truncated_file_is_damaged(share: float, content: bytes, tmp_path: Path) -> None:
    assert _refused(content[: int(len(content) * share)], tmp_path).code == "avatar_damaged"


def _without_texture(header: Header) -> None:
    del header["texture"]


def _negative_offset(header: Header) -> None:
    header["vertices"]["data_offsets"][0] = -4


def _beyond_the_end(header: Header) -> None:
    header["vertices"]["data_offsets"] = [2**40, 2**40 + 12]


def _other_type(header: Header) -> None:
    header["triangles"]["dtype"] = "F32"


def _pickled_objects(header: Header) -> None:
    header["triangles"]["dtype"] = "O"


def _huge_shape(header: Header) -> None:
    header["vertices"]["shape"] = [2**62, 2**62]


def _no_entry(header: Header) -> None:
    header["vertices"] = "somewhere"


def _another_length(header: Header) -> None:
    entry = header["head_weight"]
    entry["shape"], entry["data_offsets"] = [1], [entry["data_offsets"][0], entry["data_offsets"][0] + 4]


@pytest.mark.parametrize(
    "harm",
    [
        _without_texture, _negative_offset, _beyond_the_end, _other_type, _pickled_objects, _huge_shape, _no_entry,
        _another_length,
    ],
)  # fmt: skip
def test_a_header_that_lies_is_damaged(harm: Callable[[Header], None], content: bytes, tmp_path: Path) -> None:
    header, body = _split(content)
    harm(header)
    assert _refused(_joined(header, body), tmp_path).code == "avatar_damaged"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("triangles", 1 << 30),
        ("triangles", -1),
        ("lips.triangles", 1 << 20),
        ("lips.skin_rows", 1 << 20),
        ("eye_left.upper_lid", 1 << 20),
        ("folds.x_px", 1024),
        ("folds.y_px", -1),
    ],
)
def test_an_index_that_points_elsewhere_is_damaged(name: str, value: int, content: bytes, tmp_path: Path) -> None:
    header, body = _split(content)
    start = header[name]["data_offsets"][0]
    width = {"I32": "<i", "I16": "<h"}[header[name]["dtype"]]
    written = struct.pack(width, value)
    assert _refused(_joined(header, body[:start] + written + body[start + len(written) :]), tmp_path).code == (
        "avatar_damaged"
    )


@pytest.mark.parametrize("name", ["vertices", "bases", "mouth.upper_teeth", "head.axes", "eye_left.corner_px"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e30])
def test_numbers_that_no_face_has_are_damaged(name: str, value: float, content: bytes, tmp_path: Path) -> None:
    header, body = _split(content)
    start = header[name]["data_offsets"][0]
    changed = body[:start] + struct.pack("<f", value) + body[start + 4 :]
    assert _refused(_joined(header, changed), tmp_path).code == "avatar_damaged"


@pytest.mark.parametrize(
    ("name", "value"), [("head.px_per_mm", 0), ("eye_left.iris_radius_px", -1), ("lips.half_width_mm", 1e300)]
)
def test_measures_that_no_face_has_are_damaged(name: str, value: float, content: bytes, tmp_path: Path) -> None:
    header, body = _split(content)
    manifest = json.loads(header["__metadata__"]["visavis"])
    manifest["scalars"][name] = value
    header["__metadata__"]["visavis"] = json.dumps(manifest)
    assert _refused(_joined(header, body), tmp_path).code == "avatar_damaged"


def test_saving_leaves_the_old_file_where_it_fails(ada_avatar: Avatar, tmp_path: Path) -> None:
    (tmp_path / "ada.avatar").mkdir()
    with pytest.raises(OSError):
        ada_avatar.save(tmp_path / "ada.avatar")
    assert [path.name for path in tmp_path.iterdir()] == ["ada.avatar"]


def _jpeg(height: int, width: int) -> bytes:
    return bytes(cv2.imencode(".jpg", np.zeros((height, width, 3), np.uint8))[1])


@pytest.mark.parametrize(
    "picture",
    [
        b"no picture at all",
        _jpeg(64, 64),
        # a header that promises 65535 x 65535 pixels: 13 GB, were they ever opened
        re.sub(rb"(\xff\xc0..\x08)....", lambda found: found[1] + b"\xff" * 4, _jpeg(64, 64), count=1, flags=re.DOTALL),
    ],
    ids=["no picture", "another size", "huge"],
)
@pytest.mark.parametrize("name", ["person", "cover", "plate"])
def test_surroundings_of_another_size_are_damaged(
    picture: bytes, name: str, ada_avatar: Avatar, tmp_path: Path
) -> None:
    file = {name: np.frombuffer(picture, np.uint8)}
    avatar = dataclasses.replace(ada_avatar, surroundings=dataclasses.replace(ada_avatar.surroundings, **file))
    assert _refused(avatar.to_bytes(), tmp_path).code == "avatar_damaged"


@pytest.mark.parametrize("side", ["left_px", "right_px", "below_px"])
@pytest.mark.parametrize("value", [-2.0, 7.0, 4096.0, float("nan")])
def test_surroundings_that_reach_elsewhere_are_damaged(
    side: str, value: float, ada_avatar: Avatar, tmp_path: Path
) -> None:
    avatar = dataclasses.replace(ada_avatar, surroundings=dataclasses.replace(ada_avatar.surroundings, **{side: value}))
    assert _refused(avatar.to_bytes(), tmp_path).code == "avatar_damaged"
