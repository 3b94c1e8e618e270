"""Emotions and gestures: what a viewer may expect of a face that is told to act."""

from itertools import pairwise
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.acting import EMOTIONS, GESTURES, IDLE_STYLES, Act, Emotion, EmotionName, Gesture, GestureName
from visavis.face import CONTROL_COUNT, CONTROLS, INDEX, neutral, viseme_controls
from visavis.motion import Motion, MotionLimits
from visavis.motion.emotions import ONSET_S
from visavis.motion.eyes import EYE_PITCH_DEG, EYE_YAW_DEG
from visavis.motion.gestures import GesturePlayer

FPS = 25
LIMITS = MotionLimits()
Rows = NDArray[np.float32]


def play(
    acts: dict[float, Act], seconds: float, *, fps: int = FPS, seed: int = 3, mouth: dict[str, float] | None = None,
    speaking: bool = False, **motion: object,
) -> Rows:  # fmt: skip
    """``float32 [ticks, controls]``: acts at their seconds, over a mouth that stays as it is."""
    face = Motion(seed, fps, **motion)  # type: ignore[arg-type]
    rows = np.zeros((round(seconds * fps), CONTROL_COUNT), np.float32)
    due = sorted(acts.items())
    for tick, row in enumerate(rows):
        while due and due[0][0] <= tick / fps:
            face.act(due.pop(0)[1])
        for name, value in (mouth or {}).items():
            row[INDEX[name]] = value
        face.step(row, speaking=speaking, loudness_db=-25.0 if speaking else -90.0)
    return rows


def column(rows: Rows, name: str) -> Rows:
    return rows[:, INDEX[name]]


def changed_by(act: Act, seconds: float, **options: object) -> Rows:
    """What an act at 1 s adds to the same life without it."""
    with_act = play({1.0: act}, seconds, **options)  # type: ignore[arg-type]
    return with_act - play({}, seconds, **options)  # type: ignore[arg-type]


SIGNS: dict[EmotionName, tuple[str, ...]] = {
    "happy": ("mouthSmileLeft", "cheekSquintRight"),
    "sad": ("browInnerUp", "mouthFrownLeft"),
    "angry": ("browDownLeft", "eyeSquintRight", "mouthPressLeft"),
    "surprised": ("browInnerUp", "browOuterUpLeft", "eyeWideRight", "jawOpen"),
    "afraid": ("browInnerUp", "browDownRight", "eyeWideLeft", "mouthStretchRight"),
    "disgusted": ("noseSneerLeft", "browDownRight"),
    "thoughtful": ("browDownLeft", "mouthPressRight"),
}


@pytest.mark.parametrize("name", SIGNS)
def test_an_emotion_has_the_action_units_of_its_prototype_and_stays(name: EmotionName) -> None:
    rows = changed_by(Emotion(name, 1.0), 12.0)
    assert np.abs(rows[: FPS - 1]).max() == 0
    for sign in SIGNS[name]:
        assert column(rows, sign)[3 * FPS :].min() > 0.05, sign


def test_every_emotion_differs_from_every_other_at_a_glance() -> None:
    shown = {name: play({0.0: Emotion(name, 1.0)}, 3.0)[-1] for name in EMOTIONS}
    for one in EMOTIONS:
        for other in EMOTIONS:
            if one < other:
                assert np.abs(shown[one] - shown[other]).sum() > 1.0, (one, other)


def test_intensity_scales_an_emotion_and_neutral_ends_it() -> None:
    def smile(intensity: float) -> float:
        return float(column(changed_by(Emotion("happy", intensity), 4.0), "cheekSquintLeft")[-1])

    assert smile(0.5) == pytest.approx(smile(1.0) / 2, rel=0.02)
    assert smile(0.0) == pytest.approx(0, abs=1e-6)
    ended = play({0.0: Emotion("happy", 1.0), 3.0: Emotion("neutral")}, 6.0)
    assert column(ended, "cheekSquintLeft")[-FPS:].max() == pytest.approx(0, abs=1e-6)


def test_an_emotion_of_limited_duration_goes_by_itself() -> None:
    raised = column(changed_by(Emotion("surprised", 1.0, duration_s=2.0), 8.0), "eyeWideLeft")
    assert raised[2 * FPS : 3 * FPS - 1].min() > 0.6
    assert raised[5 * FPS :].max() == pytest.approx(0, abs=1e-6)


def test_an_emotion_that_belongs_to_an_utterance_gives_way_to_the_one_before() -> None:
    motion = Motion(1, FPS)
    motion.act(Emotion("sad", 0.5))
    motion.utter(Emotion("happy", 1.0))
    assert motion.emotion.name == "happy"
    motion.utterance_over()
    assert motion.emotion == Emotion("sad", 0.5)


@pytest.mark.parametrize("name", ONSET_S)
def test_an_emotion_is_eased_in(name: EmotionName) -> None:
    rows = np.abs(changed_by(Emotion(name, 1.0), 4.0, fps=100))
    expressed = [INDEX[control] for control in CONTROLS if control.startswith(("brow", "cheek", "mouth", "nose"))]
    risen = rows[:, expressed].max(axis=1)
    half_s = np.flatnonzero(risen > risen[-1] / 2)[0] / 100 - 1.0
    assert half_s == pytest.approx(ONSET_S[name] / 2, abs=0.1)


def test_a_smile_does_not_open_lips_that_speech_shuts() -> None:
    for name in EMOTIONS:
        closed = play({0.0: Emotion(name, 1.0), 1.0: Gesture("laugh")}, 4.0, mouth=dict(viseme_controls("PP")))
        for control in ("jawOpen", "mouthUpperUpLeft", "mouthLowerDownRight", "mouthFunnel"):
            assert column(closed, control).max() <= viseme_controls("PP").get(control, 0.0) + 1e-6, (name, control)
        assert column(closed, "mouthClose").min() == 1.0


def test_an_expression_leaves_open_and_rounded_mouths_to_speech() -> None:
    angry = {"mouth": dict(viseme_controls("aa")), "speaking": True}
    assert column(changed_by(Emotion("angry", 1.0), 4.0, **angry), "mouthPressLeft")[-1] < 0.02
    happy_ou = changed_by(Emotion("happy", 1.0), 4.0, mouth=dict(viseme_controls("ou")), speaking=True)
    happy_silent = changed_by(Emotion("happy", 1.0), 4.0)
    assert column(happy_ou, "mouthSmileLeft")[-1] < 0.5 * column(happy_silent, "mouthSmileLeft")[-1]
    assert column(happy_ou, "cheekSquintLeft")[-1] == pytest.approx(column(happy_silent, "cheekSquintLeft")[-1])


MOVES: dict[GestureName, tuple[str, float]] = {
    "nod": ("pitch", 2.5),
    "shake": ("yaw", 2.5),
    "tilt": ("roll", 2.5),
    "raise_brows": ("browInnerUp", 0.7),
    "laugh": ("mouthSmileLeft", 0.6),
    "listen": ("pitch", 1.2),
}


def gesture_alone(gesture: Gesture, part: str) -> Rows:
    """One movement of a gesture, at 25 a second for 8 s."""
    player, face = GesturePlayer(Random(1)), neutral()
    player.start(gesture)
    values = []
    for _ in range(8 * FPS):
        face[:] = 0
        player.step(1 / FPS, face)
        values.append(float(face[INDEX[part]]) if part in INDEX else getattr(player, f"{part}_deg"))
    return np.array(values, np.float32)


@pytest.mark.parametrize("name", MOVES)
def test_a_gesture_moves_what_it_is_named_for_and_ends_where_it_began(name: GestureName) -> None:
    part, least = MOVES[name]
    moved = gesture_alone(Gesture(name), part)
    assert np.abs(moved).max() > least
    assert np.abs(moved[-FPS:]).max() < 1e-6
    fainter = gesture_alone(Gesture(name, 0.4), part)
    assert 0.35 < np.abs(fainter).max() / np.abs(moved).max() < 0.45
    assert not gesture_alone(Gesture(name, 0.0), part).any()


def turns(values: Rows) -> int:
    """How often a movement changes its direction, by more than a trifle."""
    big = values[np.concatenate(([True], np.abs(np.diff(values)) > 0.02 * np.abs(values).max()))]
    return int(np.count_nonzero(np.diff(np.sign(np.diff(big)))))


def test_a_head_shake_goes_to_both_sides_and_a_nod_down_twice() -> None:
    yaw_deg = gesture_alone(Gesture("shake"), "yaw")
    assert yaw_deg.min() < -2.5 and yaw_deg.max() > 2.5
    assert turns(gesture_alone(Gesture("nod"), "pitch")) >= 3


def test_a_wink_shuts_one_eye_and_only_one() -> None:
    for seed in range(6):
        rows = changed_by(Gesture("wink"), 4.0, seed=seed)
        left, right = column(rows, "eyeBlinkLeft").max(), column(rows, "eyeBlinkRight").max()
        assert max(left, right) > 0.95
        eyes = play({1.0: Gesture("wink")}, 1.5, seed=seed)
        shut = np.maximum(column(eyes, "eyeBlinkLeft"), column(eyes, "eyeBlinkRight"))[FPS:] > 0.95
        both = np.minimum(column(eyes, "eyeBlinkLeft"), column(eyes, "eyeBlinkRight"))[FPS:] > 0.95
        assert shut.sum() > both.sum()


def test_a_laugh_is_four_to_five_calls_a_second() -> None:
    jaw = column(changed_by(Gesture("laugh"), 5.0, fps=100), "jawOpen")
    peaks = np.flatnonzero((jaw[1:-1] > jaw[:-2]) & (jaw[1:-1] >= jaw[2:]) & (jaw[1:-1] > 0.05))
    assert 5 <= len(peaks) <= 9
    assert 0.17 <= np.median(np.diff(peaks)) / 100 <= 0.25


def test_look_away_turns_the_eyes_aside_and_back() -> None:
    rows = play({2.0: Gesture("look_away")}, 8.0)
    direction_deg = column(rows, "headYaw") + EYE_YAW_DEG * (
        column(rows, "eyeLookOutLeft") - column(rows, "eyeLookInLeft")
    )
    away = np.abs(direction_deg) > 6.0
    assert away[round(2.4 * FPS) : round(3.2 * FPS)].all()
    assert not away[round(4.2 * FPS) : round(4.5 * FPS)].any()


def test_who_begins_to_think_looks_away() -> None:
    for seed in range(6):
        rows = play({2.0: Emotion("thoughtful")}, 3.5, seed=seed)
        yaw_deg = column(rows, "headYaw") + EYE_YAW_DEG * (
            column(rows, "eyeLookOutLeft") - column(rows, "eyeLookInLeft")
        )
        pitch_deg = column(rows, "headPitch") + EYE_PITCH_DEG * (
            column(rows, "eyeLookDownLeft") - column(rows, "eyeLookUpLeft")
        )
        assert np.hypot(yaw_deg, pitch_deg)[round(2.3 * FPS) : round(3.3 * FPS)].min() > 2.0


def test_who_is_spoken_to_looks_at_the_speaker() -> None:
    for seed in range(8):
        motion = Motion(seed, FPS)
        rows = np.zeros((14 * FPS, CONTROL_COUNT), np.float32)
        for tick, row in enumerate(rows):
            motion.step(row, listening=tick >= 12 * FPS)
        yaw_deg = column(rows, "headYaw") + EYE_YAW_DEG * (
            column(rows, "eyeLookOutLeft") - column(rows, "eyeLookInLeft")
        )
        assert np.abs(yaw_deg[round(12.4 * FPS) : round(13.8 * FPS)]).max() < 4.5


def test_breathes_in_before_it_speaks_and_where_a_phrase_ends() -> None:
    for seed in range(5):
        motion = Motion(seed, FPS)
        rows = np.zeros((16 * FPS, CONTROL_COUNT), np.float32)
        for tick, row in enumerate(rows):
            at_s = tick / FPS
            gap = 13.5 <= at_s < 13.8
            motion.step(row, about_to_speak=at_s >= 10.0, speaking=at_s >= 10.4, loudness_db=-60.0 if gap else -22.0)
        chest = column(rows, "breath")
        assert chest[round(10.6 * FPS)] > 0.55
        assert chest[round(13.3 * FPS) :].max() > 0.6


def random_acts(seed: int, seconds: float) -> dict[float, Act]:
    chance = np.random.default_rng(seed)
    acts: dict[float, Act] = {}
    for at_s in np.cumsum(chance.uniform(0.05, 1.5, 200)):
        if at_s > seconds:
            break
        intensity = float(chance.uniform(0.2, 1.0))
        if chance.random() < 0.5:
            acts[float(at_s)] = Emotion(EMOTIONS[chance.integers(len(EMOTIONS))], intensity)
        else:
            acts[float(at_s)] = Gesture(GESTURES[chance.integers(len(GESTURES))], intensity)
    return acts


@pytest.mark.parametrize("seed", range(3))
def test_no_transition_has_a_corner(seed: int) -> None:
    fps = 200  # a fast clock shows corners that 25 fps would hide
    rows = play(random_acts(seed, 60.0), 60.0, fps=fps, seed=seed).astype(float)
    for name in CONTROLS:
        speed = np.diff(column(rows, name)) * fps
        if name.startswith(("eyeLook", "eyeBlink")) or np.abs(speed).max() < 1e-3:
            continue  # saccades and blinks are quick by nature
        assert np.abs(np.diff(speed)).max() < 0.3 * np.abs(speed).max(), name


@pytest.mark.parametrize("seed", range(3))
def test_the_head_stays_within_its_limits_whatever_is_played(seed: int) -> None:
    rows = play(random_acts(seed, 60.0), 60.0, seed=seed)
    for name, (low, high) in (
        ("headYaw", LIMITS.yaw_deg), ("headPitch", LIMITS.pitch_deg), ("headRoll", LIMITS.roll_deg)
    ):  # fmt: skip
        assert low <= column(rows, name).min() and column(rows, name).max() <= high


def test_same_seed_same_acts_same_face() -> None:
    acts = random_acts(5, 20.0)
    assert np.array_equal(play(acts, 20.0), play(acts, 20.0))
    assert not np.array_equal(play(acts, 20.0, seed=3), play(acts, 20.0, seed=4))


def test_no_two_nods_are_alike() -> None:
    rows = changed_by(Gesture("nod"), 4.0)
    other = changed_by(Gesture("nod"), 4.0, seed=9)
    assert np.abs(column(rows, "headPitch") - column(other, "headPitch")).max() > 0.1


def test_idle_styles_go_from_still_to_lively() -> None:
    def restlessness(style: str) -> float:
        rows = play({}, 240.0, style=style)
        return float(np.mean(np.abs(np.diff(column(rows, "headYaw")))))

    still, calm, lively = (restlessness(style) for style in ("still", "calm", "lively"))
    assert still < 0.5 * calm < calm < 0.85 * lively
    for one, other in pairwise(IDLE_STYLES):
        assert not np.array_equal(play({}, 5.0, style=one), play({}, 5.0, style=other))


def test_a_still_face_still_blinks_and_breathes() -> None:
    rows = play({}, 120.0, style="still")
    assert column(rows, "eyeBlinkLeft").max() > 0.9
    assert column(rows, "breath").max() > 0.7
