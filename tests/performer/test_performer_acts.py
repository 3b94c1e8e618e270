"""A performer that is told to act, and one whose face somebody else moves."""

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis import Avatar, Performer
from visavis.acting import Emotion, Gesture
from visavis.errors import VisavisError
from visavis.face import CONTROLS, HEAD_CONTROLS, INDEX, face_state

RATE_HZ = 24_000
FPS = 25


def small(avatar: Avatar, **options: object) -> Performer:
    return Performer(avatar, width_px=128, height_px=128, **options)  # type: ignore[arg-type]


def run(performer: Performer, ticks: int, *controls: str) -> NDArray[np.float32]:
    """The controls over some ticks: ``float32 [ticks, controls]``."""
    rows = []
    for _ in range(ticks):
        performer.next_tick(render=False)
        rows.append([performer.face[INDEX[name]] for name in controls])
    return np.array(rows, np.float32)


def test_a_cue_is_done_at_its_place_in_the_speech(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    performer = small(avatar)
    performer.push_audio(voice[:RATE_HZ], RATE_HZ)
    performer.cue(Emotion("surprised", 1.0))
    performer.push_audio(voice[RATE_HZ:], RATE_HZ)
    performer.end_segment()
    wide = run(performer, 50, "eyeWideLeft")[:, 0]
    begins = int(np.flatnonzero(wide > 1e-4)[0])
    assert begins == pytest.approx(FPS, abs=1)


def test_an_emotion_that_is_cued_goes_with_its_segment(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    performer = small(avatar)
    performer.act(Emotion("sad", 0.5))
    performer.cue(Emotion("happy", 1.0))
    performer.push_audio(voice[:RATE_HZ], RATE_HZ)
    performer.end_segment()
    run(performer, 5)
    assert performer.emotion.name == "happy"
    run(performer, 30)
    assert performer.emotion == Emotion("sad", 0.5)


def test_a_segment_of_cues_alone_is_played(avatar: Avatar) -> None:
    performer = small(avatar)
    performer.cue(Gesture("raise_brows"))
    performer.end_segment()
    assert performer.next_tick(render=False).segment_ended
    assert run(performer, 20, "browInnerUp").max() > 0.7


def test_an_interruption_drops_cues_and_what_was_felt_with_the_speech(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    performer = small(avatar)
    performer.cue(Emotion("happy", 1.0))
    performer.push_audio(voice, RATE_HZ)
    performer.cue(Gesture("raise_brows"))
    performer.end_segment()
    run(performer, 10)
    assert performer.emotion.name == "happy"
    performer.interrupt()
    assert performer.emotion.name == "neutral"
    assert run(performer, 100, "browInnerUp").max() < 0.5


def test_what_is_driven_takes_the_place_of_the_faces_own_life(avatar: Avatar) -> None:
    performer = small(avatar)
    for _ in range(20):
        performer.drive({"mouthSmileLeft": 0.5, "headYaw": 4.0, "eyeBlinkLeft": 0.0, "eyeBlinkRight": 0.0})
        run(performer, 1)
    for _ in range(200):
        performer.drive({"mouthSmileLeft": 0.5, "headYaw": 4.0, "eyeBlinkLeft": 0.0, "eyeBlinkRight": 0.0})
        ((smile, yaw_deg, lid),) = run(performer, 1, "mouthSmileLeft", "headYaw", "eyeBlinkLeft")
        assert (smile, yaw_deg, lid) == pytest.approx((0.5, 4.0, 0.0), abs=0.01)


def test_what_is_not_driven_goes_on(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    driven, free = small(avatar), small(avatar)
    for performer in (driven, free):
        performer.push_audio(voice, RATE_HZ)
    for _ in range(50):
        driven.drive({"mouthSmileLeft": 0.9})
        mine = run(driven, 1, "jawOpen", "headPitch", "browInnerUp", "eyeBlinkLeft")
        assert np.array_equal(mine, run(free, 1, "jawOpen", "headPitch", "browInnerUp", "eyeBlinkLeft"))


def test_eyes_stay_with_the_viewer_while_the_head_is_driven(avatar: Avatar) -> None:
    driven, free = small(avatar), small(avatar)
    for _ in range(100):
        driven.drive({"headYaw": 6.0})
        run(driven, 1)
        run(free, 1)
    look = [(p.face[INDEX["eyeLookOutLeft"]] - p.face[INDEX["eyeLookInLeft"]]) * 17.7 for p in (driven, free)]
    turned = driven.face[INDEX["headYaw"]] - free.face[INDEX["headYaw"]]
    assert look[0] + turned == pytest.approx(look[1], abs=0.3)


def test_a_silent_driver_lets_go_smoothly(avatar: Avatar) -> None:
    performer = small(avatar)
    for _ in range(25):
        performer.drive({"jawOpen": 0.6}, hold_s=0.5)
        run(performer, 1)
    jaw = run(performer, 50, "jawOpen")[:, 0]
    assert jaw[:10] == pytest.approx(0.6, abs=0.02)
    assert jaw[30:].max() < 0.01
    assert np.abs(np.diff(jaw)).max() < 0.15


def test_the_head_is_not_driven_further_than_the_photo_bears(avatar: Avatar) -> None:
    performer = small(avatar)
    for _ in range(50):
        performer.drive(face_state({"headYaw": 80, "headPitch": -80, "headRoll": 80, "jawOpen": 7}))
        run(performer, 1)
    face, limits = performer.face, performer._driven._limits
    assert max(high for _, high in limits.values()) < 60
    assert 0 < face[INDEX["headYaw"]] <= limits["headYaw"][1] + 1e-3
    assert limits["headPitch"][0] - 1e-3 <= face[INDEX["headPitch"]] < 0
    assert 0 < face[INDEX["headRoll"]] <= limits["headRoll"][1] + 1e-3
    assert face[INDEX["jawOpen"]] <= 1.0


@pytest.mark.parametrize("control", [name for name in CONTROLS if name != "breath"])
def test_a_driven_ramp_moves_evenly(avatar: Avatar, control: str) -> None:
    full = {"headYaw": 5.0, "headPitch": 4.0, "headRoll": 4.0, "headX": 2.0, "headY": 2.0, "headZ": 2.0}
    performer = small(avatar, seed=2)
    performer.drive(face_state({}), hold_s=60)
    run(performer, 50)
    steps = []
    before = float(performer.face[INDEX[control]])
    for tick in range(1, 31):
        performer.drive({control: full.get(control, 1.0) * tick / 30}, hold_s=60)
        now = float(run(performer, 1, control)[0, 0])
        steps.append(now - before)
        before = now
    assert max(steps) / np.median(steps) <= 1.5


def test_states_with_a_time_are_played_evenly_however_they_arrive(avatar: Avatar) -> None:
    performer = small(avatar)
    chance = np.random.default_rng(1)
    sent_s = np.arange(120) / 30
    arrives_s = np.maximum.accumulate(sent_s + 0.05 + chance.uniform(0, 0.06, 120))
    jaw, next_state = [], 0
    for tick in range(100):
        while next_state < 120 and arrives_s[next_state] <= tick / FPS:
            performer.drive({"jawOpen": sent_s[next_state] / 4}, time_s=1000 + sent_s[next_state])
            next_state += 1
        jaw.append(float(run(performer, 1, "jawOpen")[0, 0]))
    steps = np.diff(jaw[20:])
    assert np.median(steps) == pytest.approx(0.01, rel=0.05)  # a quarter a second
    assert steps.max() / np.median(steps) <= 1.5
    assert steps.min() > 0


def test_a_sender_that_begins_its_clock_anew_is_followed(avatar: Avatar) -> None:
    performer = small(avatar)
    for start_s in (500.0, 3.0):
        for tick in range(25):
            performer.drive({"jawOpen": 0.2 if start_s > 100 else 0.7}, time_s=start_s + tick / FPS)
            run(performer, 1)
    assert performer.face[INDEX["jawOpen"]] == pytest.approx(0.7, abs=0.01)


def test_unknown_controls_and_what_is_no_number_are_refused(avatar: Avatar) -> None:
    performer = small(avatar)
    for face, code in (({"jawopen": 1.0}, "control_unknown"), ({"jawOpen": float("nan")}, "face_invalid")):
        with pytest.raises(VisavisError) as caught:
            performer.drive(face)
        assert caught.value.code == code
    assert "jawOpen" in caught.value.message


def test_all_of_arkits_names_are_taken(avatar: Avatar) -> None:
    performer = small(avatar)
    performer.drive({name: 0.2 for name in CONTROLS if name not in HEAD_CONTROLS})
    assert performer.next_tick().frame.std() > 20


def test_idle_styles_differ(avatar: Avatar) -> None:
    def roaming(style: str) -> float:
        return float(np.abs(np.diff(run(small(avatar, idle_style=style), 1500, "headYaw")[:, 0])).mean())

    assert roaming("still") < roaming("calm") < roaming("lively")
