"""A video portrait: the clip's own frames, with our mouth in its face."""

import dataclasses

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import CANVAS_PX, Avatar
from visavis.background import background_option
from visavis.clip import CLIP_RATE_HZ, Clip
from visavis.errors import AvatarFileError, VisavisError
from visavis.face import HEAD_CONTROLS, face_state, neutral, viseme_controls
from visavis.portrait.face_mesh import FaceMesh
from visavis.render import ClipRenderer, Renderer, open_renderer
from visavis.render.clip import ClipReader

Frame = NDArray[np.uint8]
OPEN = {"jawOpen": 0.7}


@pytest.fixture(scope="module")
def renderer(clip_avatar: Avatar) -> ClipRenderer:
    return ClipRenderer(clip_avatar, CANVAS_PX, CANVAS_PX)


@pytest.fixture(scope="module")
def footage(clip_avatar: Avatar) -> list[Frame]:
    """The clip's own frames, as the canvas shows them."""
    clip = clip_of(clip_avatar)
    reader, left = ClipReader(clip), int(clip.left_px)
    frames = [cv2.cvtColor(reader.frame(i), cv2.COLOR_YUV2BGR_I420) for i in range(clip.frame_count)]
    return [np.asarray(frame[:CANVAS_PX, left : left + CANVAS_PX], np.uint8).copy() for frame in frames]


def clip_of(avatar: Avatar) -> Clip:
    assert avatar.clip is not None
    return avatar.clip


def drawn(renderer: ClipRenderer, index: int, controls: dict[str, float] | None = None) -> Frame:
    renderer.seek(index / CLIP_RATE_HZ)
    return renderer.render(face_state(controls or {})).copy()


def mouth_px(avatar: Avatar, index: int) -> tuple[int, int]:
    """Where the middle of the lips lies in a frame."""
    x, y = clip_of(avatar).affine[index] @ np.append(avatar.vertices[13], 1)
    return round(float(x)), round(float(y))


def difference(one: Frame, other: Frame) -> NDArray[np.int16]:
    return np.abs(one.astype(np.int16) - other).max(axis=2)


def test_a_clip_s_avatar_is_drawn_as_a_clip_and_a_photo_s_as_a_photo(clip_avatar: Avatar, ada_avatar: Avatar) -> None:
    assert isinstance(open_renderer(clip_avatar, 128, 128), ClipRenderer)
    assert isinstance(open_renderer(ada_avatar, 128, 128), Renderer)


@pytest.mark.parametrize("index", [0, 17, 33])
def test_at_rest_the_frame_is_the_clip_s(renderer: ClipRenderer, footage: list[Frame], index: int) -> None:
    np.testing.assert_array_equal(drawn(renderer, index), footage[index])


def test_the_faintest_speech_changes_the_clip_s_frame_hardly(renderer: ClipRenderer, footage: list[Frame]) -> None:
    change = difference(drawn(renderer, 20, {"jawOpen": 0.004}), footage[20])
    assert change.max() <= 24
    assert (change > 6).mean() < 2e-3


@pytest.mark.parametrize("viseme", ["aa", "ou", "E", "PP", "FF"])
def test_speech_moves_the_lower_face_and_nothing_else(
    renderer: ClipRenderer, footage: list[Frame], clip_avatar: Avatar, viseme: str
) -> None:
    change = difference(drawn(renderer, 20, dict(viseme_controls(viseme))), footage[20])
    x, y = mouth_px(clip_avatar, 20)
    face_mm = clip_avatar.head.px_per_mm
    assert change[y - 15 : y + 15, x - 25 : x + 25].max() > 25
    above = slice(0, round(y - 45 * face_mm))
    assert change[above].max() <= 2
    beside = np.ones(change.shape[1], bool)
    beside[round(x - 110 * face_mm) : round(x + 110 * face_mm)] = False
    assert change[:, beside].max() <= 6


def test_every_pixel_of_the_face_is_covered(renderer: ClipRenderer, clip_avatar: Avatar, footage: list[Frame]) -> None:
    """No crack between the mesh and the lips shows the frame underneath, which is green here."""
    reader_frame = renderer._draw_footage

    def green() -> None:
        reader_frame()
        renderer._source[:] = (120, 120, 120)
        renderer._frame[:] = (0, 255, 0)

    renderer._draw_footage = green  # type: ignore[method-assign]
    try:
        for index in range(0, 50, 7):
            frame = drawn(renderer, index, {"jawOpen": 0.5, "mouthPucker": 0.3})
            x, y = mouth_px(clip_avatar, index)
            around = frame[y - 20 : y + 25, x - 32 : x + 32].astype(int)
            assert not (around[..., 1] > around[..., 0] + 40).any()
    finally:
        del renderer._draw_footage


def test_what_the_clip_does_itself_is_left_to_it(renderer: ClipRenderer) -> None:
    """Head, gaze, blinks, breath: the person in the clip has their own."""
    own = dict.fromkeys((*HEAD_CONTROLS, "eyeBlinkLeft", "eyeLookUpLeft", "breath", "torsoSway"), 1.0)
    np.testing.assert_array_equal(drawn(renderer, 8, own), drawn(renderer, 8))


def test_brows_rise_in_a_clip_too(renderer: ClipRenderer, clip_avatar: Avatar, footage: list[Frame]) -> None:
    change = difference(drawn(renderer, 8, {"browInnerUp": 1.0}), footage[8])
    _, y = mouth_px(clip_avatar, 8)
    assert change[: round(y - 60 * clip_avatar.head.px_per_mm)].max() > 20


def test_the_same_moment_and_face_look_the_same_whatever_was_drawn_before(renderer: ClipRenderer) -> None:
    first = drawn(renderer, 30, OPEN)
    drawn(renderer, 3, {"mouthPucker": 1.0})
    drawn(renderer, 49)
    np.testing.assert_array_equal(drawn(renderer, 30, OPEN), first)


def test_the_clip_goes_round_without_a_seam(footage: list[Frame]) -> None:
    """The picture at which decoding begins is coded by itself: its noise is new."""
    steps = [float(difference(a, b).mean()) for a, b in zip(footage, footage[1:] + footage[:1], strict=True)]
    assert steps[-1] <= 1.25 * max(steps[:-1])


def test_seeking_tells_whether_there_is_something_new(renderer: ClipRenderer, clip_avatar: Avatar) -> None:
    drawn(renderer, 5)
    assert not renderer.seek(5 / CLIP_RATE_HZ)
    assert renderer.seek(6 / CLIP_RATE_HZ)
    duration_s = clip_of(clip_avatar).frame_count / CLIP_RATE_HZ
    assert not renderer.seek(5 / CLIP_RATE_HZ + 3 * duration_s)


def lip_gap(detector: FaceMesh, frame: Frame) -> float:
    """Distance of the lips as a share of the face's height."""
    points = detector.faces(np.ascontiguousarray(frame[..., ::-1]))[0].points
    height = np.linalg.norm(points[10] - points[152])
    return float(np.linalg.norm(points[13] - points[14]) / height)


def test_the_clip_s_own_speech_is_undone(talking_avatar: Avatar) -> None:
    clip = clip_of(talking_avatar)
    index = int(clip.jaw.argmax())
    own = cv2.cvtColor(ClipReader(clip).frame(index), cv2.COLOR_YUV2BGR_I420)
    renderer, detector = ClipRenderer(talking_avatar, CANVAS_PX, CANVAS_PX), FaceMesh()
    assert lip_gap(detector, np.asarray(own, np.uint8)) > 0.04
    assert lip_gap(detector, drawn(renderer, index)) < 0.012
    assert lip_gap(detector, drawn(renderer, index, OPEN)) > 0.06


@pytest.mark.parametrize(("width_px", "height_px"), [(256, 256), (720, 720), (640, 360), (360, 640)])
def test_a_frame_of_any_shape_shows_the_clip_and_speaks(clip_avatar: Avatar, width_px: int, height_px: int) -> None:
    renderer = ClipRenderer(clip_avatar, width_px, height_px)
    rest, speaks = drawn(renderer, 12), drawn(renderer, 12, OPEN)
    assert rest.shape == (height_px, width_px, 3)
    assert rest.std(axis=(0, 1)).min() > 10
    changed = (difference(rest, speaks) > 8).mean()
    assert 0.002 < changed < 0.2
    planes = np.zeros((height_px * 3 // 2, width_px), np.uint8)
    renderer.render_i420(neutral(), planes)
    assert planes.any()


@pytest.mark.parametrize("background", ["blur", "#00ff00", "transparent"])
def test_another_background_is_refused(clip_avatar: Avatar, background: str) -> None:
    with pytest.raises(VisavisError) as caught:
        open_renderer(clip_avatar, 256, 256, background=background_option(background))
    assert caught.value.code == "background_not_for_clips"


def test_footage_that_cannot_be_decoded_is_refused(clip_avatar: Avatar) -> None:
    clip = clip_of(clip_avatar)
    broken = dataclasses.replace(clip, packets=np.zeros_like(clip.packets))
    with pytest.raises(AvatarFileError) as caught:
        open_renderer(dataclasses.replace(clip_avatar, clip=broken), 256, 256)
    assert caught.value.code == "avatar_damaged"


def test_damage_in_the_middle_repeats_a_frame(clip_avatar: Avatar) -> None:
    clip = clip_of(clip_avatar)
    packets = clip.packets.copy()
    start = int(clip.packet_bytes[:20].sum())
    packets[start : start + int(clip.packet_bytes[20])] = 0
    reader = ClipReader(dataclasses.replace(clip, packets=packets))
    before = reader.frame(19).copy()
    np.testing.assert_array_equal(reader.frame(20), before)
    assert reader.frame(30).any()


def test_the_inside_of_the_mouth_is_as_soft_as_the_footage(clip_avatar: Avatar) -> None:
    x, y = mouth_px(clip_avatar, 0)
    around = slice(y - 20, y + 50), slice(x - 40, x + 40)
    steepest = []
    for blur in (0.3, 1.0, 2.0):
        avatar = dataclasses.replace(clip_avatar, clip=dataclasses.replace(clip_of(clip_avatar), blur_px=blur))
        mouth = drawn(ClipRenderer(avatar, CANVAS_PX, CANVAS_PX), 0, OPEN)[around].astype(float)
        steepest.append(float(np.percentile(np.abs(np.diff(mouth, axis=0)), 99.5)))
    sharp, soft, softer = steepest
    assert sharp > 1.1 * soft
    assert soft > 1.05 * softer


def test_softness_leaves_everything_but_the_mouth_alone(clip_avatar: Avatar) -> None:
    sharp, soft = (
        drawn(
            ClipRenderer(
                dataclasses.replace(clip_avatar, clip=dataclasses.replace(clip_of(clip_avatar), blur_px=blur)),
                CANVAS_PX,
                CANVAS_PX,
            ),
            0,
            OPEN,
        )
        for blur in (0.3, 2.0)
    )
    x, y = mouth_px(clip_avatar, 0)
    rows, columns = np.nonzero(difference(sharp, soft))
    assert len(rows) > 0
    assert np.hypot(rows - y, columns - x).max() < 80
