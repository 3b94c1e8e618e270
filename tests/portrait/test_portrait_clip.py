"""A clip as portrait: which are taken, what is played, and where the face is in it."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from support.clips import filmed, looks_around, video
from visavis.avatar import Avatar
from visavis.clip import Clip
from visavis.errors import AvatarFileError, PortraitRefused
from visavis.portrait.build import build_avatar
from visavis.portrait.clip.footage import is_video
from visavis.portrait.clip.loop import Loop, choose_loop
from visavis.portrait.clip.sharpness import blur_px
from visavis.portrait.face_mesh import FaceMesh

Picture = NDArray[np.uint8]


def refusal(clip: bytes) -> PortraitRefused:
    with pytest.raises(PortraitRefused) as caught:
        build_avatar(clip)
    assert caught.value.message and caught.value.hint
    return caught.value


@pytest.fixture(scope="module")
def still(ada_avatar: Avatar) -> Picture:
    return filmed(ada_avatar, lambda _: {}, 0.04)[0]


def footage(clip_avatar: Avatar) -> Clip:
    assert clip_avatar.clip is not None
    return clip_avatar.clip


@pytest.mark.parametrize("container", ["mp4", "mov", "webm"])
def test_a_video_file_is_told_from_a_photo_by_its_content(still: Picture, container: str) -> None:
    assert is_video(video([still] * 3, container=container))


@pytest.mark.parametrize("format_", [".png", ".jpg", ".webp"])
def test_a_photo_is_no_video(still: Picture, format_: str) -> None:
    assert not is_video(cv2.imencode(format_, still)[1].tobytes())


def test_a_photo_in_a_video_s_container_is_no_video() -> None:
    assert not is_video(b"\x00\x00\x00\x18ftypheic" + bytes(100))


def test_a_clip_under_two_seconds_is_refused_with_its_length(still: Picture) -> None:
    error = refusal(video([still] * 25))
    assert (error.code, error.measured, error.limit) == ("clip_too_short", 1.0, 2.0)


def test_a_clip_over_twenty_seconds_is_refused_with_its_length() -> None:
    error = refusal(video([np.zeros((64, 64, 3), np.uint8)] * 25 * 22))
    assert (error.code, error.measured, error.limit) == ("clip_too_long", 22.0, 20.0)


def test_a_row_of_stills_is_refused_with_its_frame_rate(still: Picture) -> None:
    error = refusal(video([still] * 30, rate_hz=10))
    assert (error.code, error.measured) == ("clip_frame_rate", 10.0)


@pytest.mark.parametrize("kept", [16, 400, 3000])
def test_a_damaged_file_is_refused(still: Picture, kept: int) -> None:
    assert refusal(video([still] * 60)[:kept]).code == "clip_unreadable"


def test_a_clip_of_nobody_is_refused() -> None:
    noise = np.random.default_rng(1).integers(0, 255, (256, 256, 3), dtype=np.uint8)
    error = refusal(video([noise] * 55))
    assert error.code == "clip_no_face"
    assert "0.0 s" in error.message


def test_a_face_that_is_too_small_is_refused_with_its_height(ada_avatar: Avatar) -> None:
    error = refusal(video(filmed(ada_avatar, looks_around, 2.2, side_px=192)))
    assert error.code == "face_too_small"
    assert error.measured is not None and error.measured < 100 == error.limit


def test_a_clip_cut_into_short_shots_is_refused(still: Picture) -> None:
    other = np.ascontiguousarray(255 - still[:, ::-1] // 3)
    face = still.copy()
    face[:, :60] = 0
    error = refusal(video([still] * 30 + [other] * 2 + [face] * 30))
    assert error.code in ("clip_cut", "clip_no_face")
    assert error.limit is not None and "1.2 s" in error.message


def test_an_avatar_of_a_clip_is_the_same_after_saving(clip_avatar: Avatar, tmp_path: Path) -> None:
    clip_avatar.save(tmp_path / "a.avatar")
    loaded = Avatar.load(tmp_path / "a.avatar")
    assert loaded.clip is not None
    for item in dataclasses.fields(Clip):
        np.testing.assert_array_equal(getattr(loaded.clip, item.name), getattr(footage(clip_avatar), item.name))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("packet_bytes", np.full(7, 5, np.int32)),
        ("packets", np.zeros(9, np.uint8)),
        ("key_every", 0.0),
        ("left_px", 5000.0),
        ("below_px", 3.0),
        ("warp_step_px", 0.0),
        ("affine", np.zeros((3, 2, 4), np.float32)),
        ("line_px", None),
    ],
)
def test_a_clip_that_does_not_fit_together_is_refused(
    clip_avatar: Avatar, tmp_path: Path, field: str, value: object
) -> None:
    if value is None:
        value = np.full_like(getattr(footage(clip_avatar), field), np.nan)
    broken = dataclasses.replace(footage(clip_avatar), **{field: value})
    dataclasses.replace(clip_avatar, clip=broken).save(tmp_path / "a.avatar")
    with pytest.raises(AvatarFileError) as caught:
        Avatar.load(tmp_path / "a.avatar")
    assert caught.value.code == "avatar_damaged"


def test_the_loop_of_a_head_that_comes_back_goes_round(clip_avatar: Avatar) -> None:
    assert footage(clip_avatar).frame_count == pytest.approx(50, abs=3)
    assert not {"clip_to_and_fro", "clip_talks"} & {finding.code for finding in clip_avatar.info.findings}


def test_the_pose_in_each_frame_is_the_head_s(clip_avatar: Avatar) -> None:
    """A yaw of +-6 degrees moves the nose's tip, 60 mm before the neck, against the eyes."""
    clip = footage(clip_avatar)
    roll_deg = np.degrees(np.arctan2(clip.affine[:, 1, 0], clip.affine[:, 0, 0]))
    assert np.ptp(roll_deg) == pytest.approx(4, abs=1)
    depth = clip.affine[:, 0, 2] / clip.affine[:, 0, 0]
    assert np.degrees(np.ptp(np.arctan(depth))) == pytest.approx(12, abs=3)


def test_a_clip_with_shut_lips_moves_no_lip(clip_avatar: Avatar) -> None:
    clip = footage(clip_avatar)
    assert clip.opened.max() == 0
    assert np.abs(clip.border_px).max() == 0


def test_a_clip_that_talks_is_known_to(talking_avatar: Avatar) -> None:
    clip = footage(talking_avatar)
    assert clip.opened.max() > 0.9
    assert 0.2 < clip.jaw.max() < 0.8
    assert "clip_talks" in {finding.code for finding in talking_avatar.info.findings}


def moving(path_mm: NDArray[np.float64]) -> Loop:
    """The loop of one rigid face that takes a path ``[frames, 2]``."""
    face = np.random.default_rng(2).normal(0, 40, (30, 2))
    return choose_loop(face + path_mm[:, None], np.zeros((len(path_mm), 4, 4)), np.zeros(len(path_mm)))


def positions(loop: Loop, path_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the face is in each frame of the loop, and in the first two again."""
    shown = np.stack([item.mixed(path_mm) for item in loop.shown])
    return np.concatenate([shown, shown[:2]])


@pytest.mark.parametrize("way", ["round", "to and fro"])
def test_the_loop_has_no_seam_in_place_or_speed(way: str) -> None:
    t = np.arange(200) / 25
    swings = np.stack([12 * np.sin(2 * np.pi * t / 3.1), 3 * np.cos(2 * np.pi * t / 1.7)], axis=1)
    drifts = np.stack([25 * t, 4 * np.sin(3 * t)], axis=1)
    path = swings if way == "round" else drifts
    loop = moving(path)
    assert loop.to_and_fro == (way == "to and fro")
    placed = positions(loop, path)
    step = np.linalg.norm(np.diff(placed, axis=0), axis=1)
    usual = np.linalg.norm(np.diff(path, axis=0), axis=1)
    assert step.max() <= 1.6 * usual.max()
    jolt = np.linalg.norm(np.diff(placed, n=2, axis=0), axis=1)
    assert jolt.max() <= 0.35 * usual.max() + np.linalg.norm(np.diff(path, n=2, axis=0), axis=1).max()


def test_a_loop_lasts_two_to_ten_seconds() -> None:
    t = np.arange(480) / 25
    loop = moving(np.stack([5 * np.sin(t), 0 * t], axis=1))
    assert 50 <= len(loop.shown) <= 250


def test_a_silent_stretch_is_played_rather_than_a_talking_one() -> None:
    t = np.arange(400) / 25
    face = np.random.default_rng(2).normal(0, 40, (30, 2))
    swings = np.stack([6 * np.sin(2 * np.pi * t / 3), 0 * t], axis=1)
    talking = (t < 8).astype(float)
    loop = choose_loop(face + swings[:, None], np.zeros((len(t), 4, 4)), talking)
    assert min(shown.one for shown in loop.shown) >= 8 * 25


def test_a_clip_that_lies_on_its_side_is_refused_with_its_angle(still: Picture) -> None:
    error = refusal(video([np.ascontiguousarray(np.rot90(still))] * 52))
    assert (error.code, error.limit) == ("face_turned", 45.0)
    assert error.measured == pytest.approx(90, abs=6)


@pytest.mark.parametrize("added_px", [1.0, 1.5, 2.0])
def test_the_blur_of_footage_is_measured_at_its_eyes(still: Picture, added_px: float) -> None:
    points = FaceMesh().faces(np.ascontiguousarray(still[..., ::-1]))[0].points[:, :2]
    soft = np.asarray(cv2.GaussianBlur(still, (0, 0), added_px), np.uint8)
    expected = np.hypot(blur_px(still, points), added_px)
    assert blur_px(soft, points) == pytest.approx(expected, rel=0.3)
