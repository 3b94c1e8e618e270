"""Acts and markup: what is understood, and how clearly the rest is refused."""

import pytest

from visavis.acting import (
    EMOTIONS,
    GESTURES,
    Direction,
    Emotion,
    Gesture,
    Mark,
    act_values,
    checked_act,
    checked_direction,
    read_script,
)
from visavis.errors import VisavisError


def refusal(text: str) -> VisavisError:
    with pytest.raises(VisavisError) as caught:
        read_script(text)
    return caught.value


def test_markup_is_taken_out_of_the_text_and_keeps_its_place() -> None:
    script = read_script("[happy] Good to see you! [nod] Shall we?")
    assert script.text == " Good to see you!  Shall we?"
    assert script.marks == (Mark(0, Emotion("happy")), Mark(18, Gesture("nod")))


def test_markup_has_an_intensity_and_is_tolerant_of_how_names_are_written() -> None:
    script = read_script("[surprised:0.5]Oh[ Raise-Brows ]no[look away: 1]")
    assert [mark.act for mark in script.marks] == [
        Emotion("surprised", 0.5), Gesture("raise_brows"), Gesture("look_away", 1.0)
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["see [1] and [12:30]", "x [] y", "a ] b [ c", "[好]", "no markup at all"])
def test_other_brackets_are_text(text: str) -> None:
    assert read_script(text).text == text
    assert not read_script(text).marks


def test_doubled_brackets_are_said() -> None:
    script = read_script("[[nod] and [nod]")
    assert script.text == "[nod] and "
    assert [mark.at_char for mark in script.marks] == [10]


def test_an_unknown_name_is_refused_with_what_it_may_have_been_and_all_there_is() -> None:
    error = refusal("Well [hapy] then")
    assert error.code == "markup_unknown"
    assert "[hapy]" in error.message and "Did you mean happy?" in error.hint
    for name in (*EMOTIONS, *GESTURES):
        assert name in error.hint


@pytest.mark.parametrize("text", ["[happy:2]", "[happy:-1]", "[nod:much]", "[nod:nan]", "[nod:]"])
def test_an_intensity_that_is_none_is_refused(text: str) -> None:
    assert refusal(text).code == "act_invalid"


def test_a_flood_of_marks_is_refused() -> None:
    assert refusal("[nod]" * 1000).code == "act_invalid"


@pytest.mark.parametrize("act", [Emotion("sad", 0.3, 2.5), Emotion("neutral"), Gesture("wink", 0.5)])
def test_acts_survive_the_way_through_json(act: Emotion | Gesture) -> None:
    assert checked_act(act_values(act)) == act


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"emotion": "hapy"}, "emotion_unknown"),
        ({"gesture": ["nod"]}, "gesture_unknown"),
        ({"gesture": "nod", "emotion": "sad"}, "act_invalid"),
        ({}, "act_invalid"),
        ({"gesture": "nod", "duration_s": 1}, "act_invalid"),
        ({"emotion": "sad", "intensity": True}, "act_invalid"),
        ({"emotion": "sad", "intensity": 1.01}, "act_invalid"),
        ({"emotion": "sad", "duration_s": float("inf")}, "act_invalid"),
    ],
)
def test_acts_that_are_none_are_refused(values: dict[str, object], code: str) -> None:
    with pytest.raises(VisavisError) as caught:
        checked_act(values)
    assert caught.value.code == code


def test_a_direction_takes_any_controls() -> None:
    direction = checked_direction({"controls": {"jawOpen": 0.3, "headYaw": -5}, "time_s": 2})
    assert direction == Direction({"jawOpen": 0.3, "headYaw": -5}, 2, 0.5)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"controls": {"jawopen": 0.3}}, "control_unknown"),
        ({"controls": {"jawOpen": "0.3"}}, "face_invalid"),
        ({"controls": {"jawOpen": float("nan")}}, "face_invalid"),
        ({"controls": [0.3]}, "face_invalid"),
        ({"controls": {}, "time_s": "now"}, "face_invalid"),
        ({"controls": {}, "hold_s": 0}, "face_invalid"),
        ({"controls": {}, "mode": "add"}, "face_invalid"),
    ],
)
def test_faces_that_are_none_are_refused(values: dict[str, object], code: str) -> None:
    with pytest.raises(VisavisError) as caught:
        checked_direction(values)
    assert caught.value.code == code
    assert caught.value.hint
