"""What a renderer withstands: any size, any state, any length of time."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import Avatar
from visavis.face import CONTROL_COUNT, HEAD_CONTROLS, VISEMES, face_state, neutral, viseme_controls
from visavis.render import Renderer

RendererOf = Callable[[int, int], Renderer]

SPEAKING = face_state({"jawOpen": 0.5, "mouthPucker": 0.2, "headYaw": 4.0, "eyeBlinkLeft": 0.4})
SIZES = [(256, 256), (512, 512), (720, 720), (1280, 720), (480, 640), (640, 360), (128, 128), (1920, 1080)]


@pytest.mark.parametrize(("width_px", "height_px"), SIZES)
def test_any_size_is_drawn(width_px: int, height_px: int, renderer_of: RendererOf) -> None:
    frame = renderer_of(width_px, height_px).render(SPEAKING)
    assert frame.shape == (height_px, width_px, 3)


@pytest.mark.parametrize("side_px", [128, 256, 720, 1080])
def test_squares_of_any_size_show_the_same_picture(side_px: int, renderer_of: RendererOf) -> None:
    whole = cv2.resize(renderer_of(512, 512).render(SPEAKING), (128, 128), interpolation=cv2.INTER_AREA)
    other = cv2.resize(renderer_of(side_px, side_px).render(SPEAKING), (128, 128), interpolation=cv2.INTER_AREA)
    assert cv2.matchTemplate(whole, other, cv2.TM_CCOEFF_NORMED).max() > 0.995


@pytest.mark.parametrize(("width_px", "height_px"), [(640, 360), (360, 640), (1280, 720)])
def test_a_frame_that_is_not_square_keeps_eyes_and_mouth(
    width_px: int, height_px: int, ada_avatar: Avatar, renderer_of: RendererOf
) -> None:
    renderer = renderer_of(width_px, height_px)
    rest = renderer.render(neutral()).astype(int)
    for controls in ({"jawOpen": 0.6}, {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0}):
        changed = np.abs(renderer.render(face_state(controls)) - rest).max(2) > 12
        # a few pixels of lip and lid change all along; none of that at the border
        assert changed.sum() > 40 and not changed[[0, -1]].any()


@pytest.mark.parametrize(
    ("width_px", "height_px"), [(511, 512), (512, 511), (64, 64), (4096, 4096), (0, 512), (-2, -2)]
)
def test_an_impossible_size_is_refused(width_px: int, height_px: int, ada_avatar: Avatar) -> None:
    with pytest.raises(ValueError, match=f"{width_px}x{height_px}"):
        Renderer(ada_avatar, width_px, height_px)


@pytest.mark.parametrize(("width_px", "height_px"), [(512, 512), (640, 360), (256, 256)])
def test_i420_is_the_frame_converted(width_px: int, height_px: int, renderer_of: RendererOf) -> None:
    renderer = renderer_of(width_px, height_px)
    planes = np.zeros((height_px * 3 // 2, width_px), np.uint8)
    renderer.render_i420(SPEAKING, planes)
    frame = renderer.render(SPEAKING)
    assert np.array_equal(planes, cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420))
    back = cv2.cvtColor(planes, cv2.COLOR_YUV2BGR_I420).astype(float)
    assert 10 * np.log10(255**2 / np.mean((back - frame) ** 2)) > 32


def extreme_states() -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(4)
    states = [np.full(CONTROL_COUNT, value, np.float32) for value in (1.0, -1.0, 1e6, -1e6, np.nan, np.inf, -np.inf)]
    states += [rng.uniform(-2, 2, CONTROL_COUNT).astype(np.float32) for _ in range(10)]
    poses = [(25, 20, 25), (-25, 20, -25), (25, -20, 0), (-25, -20, 0)]
    for yaw, pitch, roll in poses:
        for viseme in ("aa", "ou", "PP"):
            pose = {"headYaw": yaw, "headPitch": pitch, "headRoll": roll}
            states.append(face_state({**viseme_controls(viseme), **pose}))
    return states


@pytest.mark.parametrize("index", range(len(extreme_states())))
def test_no_state_breaks_the_picture(index: int, renderer_of: RendererOf) -> None:
    renderer = renderer_of(256, 256)
    rest = renderer.render(neutral()).copy()
    frame = renderer.render(extreme_states()[index])
    # black holes: dark where no part of the resting picture is
    darkest = float(np.percentile(rest.max(2), 1))
    assert (frame.max(2) < 0.5 * darkest).mean() < 0.02
    assert abs(frame.mean() - rest.mean()) < 20
    assert np.array_equal(renderer.render(neutral()), rest)


def test_out_of_range_counts_as_the_limit(renderer_of: RendererOf) -> None:
    renderer = renderer_of(256, 256)
    for name in ("jawOpen", "mouthPucker", "eyeBlinkLeft"):
        full = renderer.render(face_state({name: 1.0})).copy()
        assert np.array_equal(renderer.render(face_state({name: 40.0})), full)
    for name in HEAD_CONTROLS:
        beyond = renderer.render(face_state({name: 1e3})).copy()
        assert np.array_equal(renderer.render(face_state({name: 1e4})), beyond)


def test_drawing_keeps_no_memory(renderer_of: RendererOf) -> None:
    renderer = renderer_of(512, 512)
    rng = np.random.default_rng(0)
    states = [
        face_state(
            {**viseme_controls(viseme), "headYaw": float(rng.uniform(-9, 9)), "eyeBlinkLeft": float(rng.random())}
        )
        for viseme in VISEMES
    ]
    for state in states:
        renderer.render(state)
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(10):
            for state in states:
                renderer.render(state)
        after, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 20_000
    assert peak - before < 120_000  # what a frame needs is small, and given back


def test_two_renderers_of_one_avatar_do_not_disturb_each_other(ada_avatar: Avatar) -> None:
    first, second = Renderer(ada_avatar, 256, 256), Renderer(ada_avatar, 256, 256)
    speaking = first.render(SPEAKING).copy()
    second.render(face_state({"mouthPucker": 1.0, "headYaw": -10}))
    assert np.array_equal(first.render(SPEAKING), speaking)
