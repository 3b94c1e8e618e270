"""What a viewer may expect of a face between words."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.face import CONTROL_COUNT, INDEX, MOUTH_INDEX, neutral
from visavis.motion import Motion, MotionLimits
from visavis.motion.eyes import EYE_PITCH_DEG, EYE_YAW_DEG

FPS = 25


def live(
    seconds: float,
    *,
    seed: int = 0,
    fps: int = FPS,
    speaking: bool = False,
    listening: bool = False,
    limits: MotionLimits | None = None,
) -> NDArray[np.float32]:
    """``float32 [ticks, controls]``: a face that only lives; speech is a 4 Hz syllable rhythm."""
    motion = Motion(seed, fps, limits)
    rows = np.zeros((int(seconds * fps), CONTROL_COUNT), np.float32)
    for tick, row in enumerate(rows):
        syllable_db = -22 + 9 * np.sin(2 * np.pi * 4.1 * tick / fps) + 5 * np.sin(2 * np.pi * 0.7 * tick / fps)
        motion.step(row, speaking=speaking, loudness_db=syllable_db if speaking else -90.0, listening=listening)
    return rows


def column(rows: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    return rows[:, INDEX[name]]


def blink_onsets(rows: NDArray[np.float32]) -> NDArray[np.intp]:
    shut = column(rows, "eyeBlinkLeft") > 0.5
    return np.flatnonzero(shut[1:] & ~shut[:-1])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("speaking", [False, True])
def test_blinks_15_to_20_times_a_minute(seed: int, speaking: bool) -> None:
    rows = live(300, seed=seed, speaking=speaking)
    assert 14 <= len(blink_onsets(rows)) / 5 <= 21


def test_every_blink_shuts_the_eye_and_lasts_a_few_frames() -> None:
    lid = column(live(300), "eyeBlinkLeft")
    closed = np.concatenate(([0], (lid > 0.02).astype(int), [0]))
    starts, ends = np.flatnonzero(np.diff(closed) == 1), np.flatnonzero(np.diff(closed) == -1)
    for start, end in zip(starts, ends, strict=True):
        assert lid[start:end].max() > 0.9
        assert 0.16 <= (end - start) / FPS <= 0.85  # a double blink may run together


def test_some_blinks_are_double() -> None:
    gaps_s = np.diff(blink_onsets(live(600))) / FPS
    assert 0.04 <= np.mean(gaps_s < 0.9) <= 0.25


def test_pauses_between_blinks_are_irregular() -> None:
    gaps_s = np.diff(blink_onsets(live(600))) / FPS
    assert np.std(gaps_s) / np.mean(gaps_s) > 0.35


@pytest.mark.parametrize(
    ("state", "low", "high"),
    [({}, 0.65, 0.92), ({"speaking": True}, 0.55, 0.85), ({"listening": True}, 0.75, 0.95)],
)
def test_looks_at_the_viewer_most_of_the_time(state: dict[str, bool], low: float, high: float) -> None:
    rows = live(600, **state)
    yaw_deg = column(rows, "headYaw") + EYE_YAW_DEG * (column(rows, "eyeLookOutLeft") - column(rows, "eyeLookInLeft"))
    pitch_deg = column(rows, "headPitch") + EYE_PITCH_DEG * (
        column(rows, "eyeLookDownLeft") - column(rows, "eyeLookUpLeft")
    )
    contact = np.hypot(yaw_deg, pitch_deg) < 3.5
    assert low <= contact.mean() <= high


def test_eyes_hold_their_target_while_the_head_moves() -> None:
    rows = live(120)
    head_deg = column(rows, "headYaw")
    gaze_deg = head_deg + EYE_YAW_DEG * (column(rows, "eyeLookOutLeft") - column(rows, "eyeLookInLeft"))
    still = np.abs(np.diff(gaze_deg)) < 1e-3
    assert still.mean() > 0.8  # fixations, with jumps in between
    assert np.abs(np.diff(head_deg))[still].max() > 0.1  # though the head did move meanwhile


def test_both_eyes_look_the_same_way() -> None:
    rows = live(60)
    assert np.array_equal(column(rows, "eyeLookOutLeft"), column(rows, "eyeLookInRight"))
    assert np.array_equal(column(rows, "eyeLookInLeft"), column(rows, "eyeLookOutRight"))


@pytest.mark.parametrize("speaking", [False, True])
def test_nothing_but_lids_and_eyes_moves_fast(speaking: bool) -> None:
    rows = live(300, speaking=speaking)
    steps = np.abs(np.diff(rows, axis=0)).max(axis=0)
    assert steps[INDEX["headYaw"]] < 0.9  # degrees per frame
    assert steps[INDEX["headPitch"]] < 1.6
    assert steps[INDEX["headRoll"]] < 0.7
    for name in ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"):
        assert steps[INDEX[name]] < 0.4
    assert steps[INDEX["breath"]] < 0.2
    assert steps[INDEX["torsoSway"]] < 0.05
    assert steps[INDEX["mouthSmileLeft"]] < 0.01


def test_head_has_no_corners_when_speech_and_attention_come_and_go() -> None:
    motion = Motion(4, 100)  # a fast clock shows corners that 25 fps would hide
    rows = np.zeros((12_000, CONTROL_COUNT), np.float32)
    for tick, row in enumerate(rows):
        motion.step(row, speaking=tick % 700 < 350, loudness_db=-20.0 + tick % 31, listening=tick % 900 > 500)
    for name in ("headYaw", "headPitch", "headRoll", "headX", "headZ"):
        velocity = np.diff(column(rows, name).astype(float)) * 100
        jumps = np.abs(np.diff(velocity))
        assert jumps.max() < 0.25 * max(np.abs(velocity).max(), 1.0), name


@pytest.mark.parametrize("speaking", [False, True])
def test_stays_inside_the_limits(speaking: bool) -> None:
    limits = MotionLimits(yaw_deg=(-8, 3), pitch_deg=(-4, 5), roll_deg=(-3, 3), shift_mm=2)
    rows = live(600, speaking=speaking, limits=limits)
    assert column(rows, "headYaw").min() >= -8 and column(rows, "headYaw").max() <= 3
    assert column(rows, "headPitch").min() >= -4 and column(rows, "headPitch").max() <= 5
    assert np.abs(column(rows, "headRoll")).max() <= 3
    for name in ("headX", "headY", "headZ"):
        assert np.abs(column(rows, name)).max() <= 2
    controls = np.delete(rows, [INDEX[f"head{axis}"] for axis in ("Yaw", "Pitch", "Roll", "X", "Y", "Z")], 1)
    assert controls.max() <= 1.0
    assert np.delete(controls, INDEX["torsoSway"], 1).min() >= -1e-3


def test_uses_the_range_it_has() -> None:
    rows = live(300)
    assert column(rows, "headYaw").std() > 1.5
    assert column(rows, "headPitch").std() > 0.7
    assert column(rows, "headRoll").std() > 0.6
    assert column(rows, "breath").max() > 0.7 and column(rows, "breath").min() < 0.15


def test_breathes_12_to_18_times_a_minute_at_rest() -> None:
    chest = column(live(300), "breath") > 0.4
    assert 12 <= np.count_nonzero(chest[1:] & ~chest[:-1]) / 5 <= 18


def test_same_seed_same_life_and_another_seed_another() -> None:
    assert np.array_equal(live(20, seed=3, speaking=True), live(20, seed=3, speaking=True))
    assert not np.array_equal(live(20, seed=3), live(20, seed=4))


def test_never_repeats() -> None:
    rows = live(600)[:, [INDEX["headYaw"], INDEX["headPitch"], INDEX["headRoll"]]]
    window = rows[: 10 * FPS]
    window = (window - window.mean(0)) / window.std(0)
    for start in range(10 * FPS, len(rows) - len(window), 5):
        other = rows[start : start + len(window)]
        other = (other - other.mean(0)) / (other.std(0) + 1e-6)
        assert np.mean(window * other) < 0.95


def test_nods_and_raises_brows_with_stress_only_when_speaking() -> None:
    silent, speaking = live(120), live(120, speaking=True)
    assert column(silent, "browInnerUp").max() == 0
    assert column(speaking, "browInnerUp").max() > 0.2
    assert column(speaking, "headPitch").max() > column(silent, "headPitch").std() + 2.0


def test_leaves_the_mouth_to_speech_and_keeps_it_still() -> None:
    rows = live(60, speaking=True)
    assert not rows[:, MOUTH_INDEX].any()


def test_listener_nods() -> None:
    motion, nods = Motion(1, FPS), Counter[bool]()
    for _ in range(120 * FPS):
        motion.step(neutral(), listening=True)
        nods[motion._prosody.nod_deg > 0.8] += 1
    assert nods[True] > 20


def test_life_does_not_depend_on_the_frame_rate() -> None:
    for fps in (25, 30):
        assert 14 <= len(blink_onsets(live(300, fps=fps))) / 5 <= 21
