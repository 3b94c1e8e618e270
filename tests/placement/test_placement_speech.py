"""What is left of an utterance when the process that says it dies."""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator

import numpy as np
import pytest

from visavis.acting import Emotion, Gesture
from visavis.placement import Sound, Speech
from visavis.placement.channel import Channel
from visavis.placement.speech import Unplayed
from visavis.speech.phones import Phone

RATE_HZ = 1000


def a_second(value: int) -> Sound:
    return Sound(np.full(RATE_HZ, value, np.int16), RATE_HZ)


def played(pieces: list[Sound | None]) -> list[tuple[int, float] | None]:
    """Each piece's value and duration."""
    return [piece and (int(piece.pcm[0]), piece.duration_s) for piece in pieces]


def test_what_is_not_played_is_left_the_piece_that_sounds_cut() -> None:
    unplayed = Unplayed()
    for value in (1, 2, 3):
        unplayed.add(a_second(value), now_s=10.0)
    assert unplayed.until_s == 13.0
    assert played(list(unplayed.rest(11.25))) == [(2, 0.75), (3, 1.0)]
    assert list(unplayed.rest(13.0)) == []


def test_utterances_stay_apart() -> None:
    unplayed = Unplayed()
    unplayed.add(a_second(1), now_s=0.0)
    unplayed.end_utterance()
    unplayed.add(a_second(2), now_s=0.0)
    assert played(list(unplayed.rest(0.5))) == [(1, 0.5), None, (2, 1.0)]
    assert played(list(unplayed.rest(1.5))) == [(2, 0.5)]


def test_acts_keep_their_place_and_an_emotion_is_shown_again() -> None:
    unplayed = Unplayed()
    unplayed.add(Emotion("happy"), now_s=0.0)
    unplayed.add(a_second(1), now_s=0.0)
    unplayed.add(Gesture("nod"), now_s=0.0)
    unplayed.add(a_second(2), now_s=0.0)
    unplayed.end_utterance()
    unplayed.add(a_second(3), now_s=0.0)
    assert [type(piece) for piece in unplayed.rest(0.5)] == [Emotion, Sound, Gesture, Sound, type(None), Sound]
    assert [type(piece) for piece in unplayed.rest(1.5)] == [Emotion, Sound, type(None), Sound]
    assert [type(piece) for piece in unplayed.rest(2.5)] == [Sound]


def test_after_a_pause_sound_begins_when_it_comes() -> None:
    unplayed = Unplayed()
    unplayed.add(a_second(1), now_s=0.0)
    unplayed.add(a_second(2), now_s=5.0)
    assert unplayed.until_s == 6.0
    assert played(list(unplayed.rest(5.5))) == [(2, 0.5)]


def test_nothing_is_left_of_what_was_interrupted() -> None:
    unplayed = Unplayed()
    unplayed.add(a_second(1), now_s=0.0)
    unplayed.clear()
    assert list(unplayed.rest(0.1)) == []


async def test_a_piece_that_could_not_be_handed_over_comes_again() -> None:
    async def pieces() -> AsyncGenerator[Sound]:
        for value in (1, 2):
            yield a_second(value)

    speech = Speech(pieces())
    first = await speech.next()
    assert first is not None
    speech.give_back(first)
    assert played([await speech.next(), await speech.next(), await speech.next()]) == [(1, 1.0), (2, 1.0), None]


PHONES = (Phone("b", 0.0, 0.4), Phone("a", 0.4, 0.7), Phone("m", 0.7, 1.0))


def test_the_phones_of_a_piece_are_cut_with_it() -> None:
    unplayed = Unplayed()
    unplayed.add(Sound(np.zeros(RATE_HZ, np.int16), RATE_HZ, PHONES), now_s=0.0)
    (rest,) = unplayed.rest(0.5)
    assert isinstance(rest, Sound)
    assert rest.phones is not None
    assert [phone.ipa for phone in rest.phones] == ["a", "m"]
    assert [phone.start_s for phone in rest.phones] == pytest.approx([0.0, 0.2])


def test_sounds_are_joined_with_their_phones_where_all_have_them() -> None:
    sound = Sound(np.zeros(RATE_HZ, np.int16), RATE_HZ, PHONES)
    both = Sound.joined([sound, sound])
    assert both.phones is not None
    assert [phone.start_s for phone in both.phones] == pytest.approx([0.0, 0.4, 0.7, 1.0, 1.4, 1.7])
    second = both.part(RATE_HZ).phones
    assert second is not None
    assert [phone.end_s for phone in second] == pytest.approx([0.4, 0.7, 1.0])
    assert Sound.joined([sound, a_second(1)]).phones is None


@pytest.mark.parametrize("phones", [None, (), PHONES])
async def test_sound_goes_through_a_channel_with_its_phones(phones: tuple[Phone, ...] | None) -> None:
    ours, theirs = socket.socketpair()
    here, there = await Channel.open(ours), await Channel.open(theirs)
    await here.send_sound(Sound(np.arange(7, dtype=np.int16), 22_050, phones))
    got = await there.receive()
    assert isinstance(got, Sound)
    assert got.phones == phones
    assert got.sample_rate_hz == 22_050
    np.testing.assert_array_equal(got.pcm, np.arange(7))
    await here.aclose()
    await there.aclose()
