"""Instants in what a subscriber saw and heard."""

import numpy as np
import pytest

from visavis.avatar import Avatar
from visavis.bench.marks import (
    closed_s,
    heard_duration_s,
    heard_s,
    interval_p99_ms,
    lips_after_onset_s,
    longest_gap_s,
    opening,
    silent_s,
)
from visavis.bench.stage import mouth_box
from visavis.bench.subject import held_vowel, said
from visavis.bench.subscriber import SOUND_PIECE_S, SOUND_RATE_HZ
from visavis.performer import Performer

PIECE = round(SOUND_RATE_HZ * SOUND_PIECE_S)


def pieces_of(pcm: np.ndarray, first_s: float = 10.0) -> list[tuple[float, np.ndarray]]:
    """Sound as a subscriber gets it."""
    whole = len(pcm) // PIECE
    return [(first_s + k * SOUND_PIECE_S, pcm[k * PIECE : (k + 1) * PIECE]) for k in range(whole)]


def tone_between(start_s: float, end_s: float, total_s: float) -> np.ndarray:
    at_s = np.arange(round(total_s * SOUND_RATE_HZ)) / SOUND_RATE_HZ
    return np.where((at_s >= start_s) & (at_s < end_s), 9000 * np.cos(2 * np.pi * 300 * at_s), 0).astype(np.int16)


def test_a_tone_is_timed_to_the_millisecond() -> None:
    sound = pieces_of(tone_between(0.123, 0.456, 1.0))
    assert heard_s(sound) == pytest.approx(10.123, abs=0.001)
    assert silent_s(sound) == pytest.approx(10.456, abs=0.001)
    assert heard_duration_s(sound) == pytest.approx(0.333, abs=0.002)


def test_silence_has_no_instants() -> None:
    sound = pieces_of(np.zeros(SOUND_RATE_HZ, np.int16))
    assert heard_s(sound) is None
    assert silent_s(sound) is None
    assert heard_duration_s(sound) == 0


def test_the_longest_gap_counts_and_not_their_sum() -> None:
    sound = tone_between(0, 1, 1.0)
    for start_s, end_s in ((0.2, 0.23), (0.5, 0.57)):
        sound[round(start_s * SOUND_RATE_HZ) : round(end_s * SOUND_RATE_HZ)] = 0
    assert longest_gap_s(pieces_of(sound)) == pytest.approx(0.07)


def test_one_late_picture_of_fifty_shows_in_the_99th_percentile() -> None:
    arrivals_s = np.arange(50) * 0.04
    assert interval_p99_ms(list(arrivals_s)) == pytest.approx(40)
    arrivals_s[25:] += 0.1
    assert interval_p99_ms(list(arrivals_s)) > 80
    assert interval_p99_ms([1.0, 2.0]) == float("inf")


def test_a_mouth_opens_with_the_first_large_change() -> None:
    rng = np.random.default_rng(0)
    pictures = [np.full((20, 40), 120, np.uint8) + rng.integers(0, 2, (20, 40)).astype(np.uint8) for _ in range(20)]
    for picture in pictures[7:]:
        picture[5:15] = 30
    assert opening(pictures) == 7
    assert opening(pictures[:7]) is None


Seen = list[tuple[float, np.ndarray]]
INTERRUPTED_S = 39.5 / 25


@pytest.fixture(scope="module")
def performed(ada_avatar: Avatar) -> Seen:
    """All of what is seen of a performer that is interrupted while it holds a vowel."""
    performer = Performer(ada_avatar)
    pcm, rate_hz = held_vowel(3.0)
    performer.push_audio(pcm, rate_hz)
    seen = []
    for index in range(80):
        if index == 40:
            performer.interrupt()
        seen.append((index / 25, performer.next_tick().frame[:512].copy()))
    return seen


def mouths(performed: Seen, avatar: Avatar, drift_px: float = 0.0) -> Seen:
    """The mouth's part of each picture; from the interruption on the head sinks, for half a second."""
    x0, y0, x1, y1 = mouth_box(avatar)
    cut = []
    for at_s, luma in performed:
        up_px = round(drift_px * min(max((at_s - INTERRUPTED_S) / 0.5, 0.0), 1.0))
        cut.append((at_s, luma[y0 - up_px : y1 - up_px, x0:x1]))
    return cut


def test_lips_close_when_the_mouth_has_come_to_rest(performed: Seen, ada_avatar: Avatar) -> None:
    at_s = closed_s(mouths(performed, ada_avatar), INTERRUPTED_S)
    assert at_s is not None
    assert 0.04 <= at_s - INTERRUPTED_S <= 0.24


@pytest.mark.parametrize("drift_px", [1.0, 2.0, 3.0])
def test_a_head_that_goes_on_moving_does_not_keep_the_lips_open(
    performed: Seen, ada_avatar: Avatar, drift_px: float
) -> None:
    still = closed_s(mouths(performed, ada_avatar), INTERRUPTED_S)
    moved = closed_s(mouths(performed, ada_avatar, drift_px), INTERRUPTED_S)
    assert still is not None
    assert moved is not None
    assert abs(moved - still) < 0.05


def test_a_mouth_that_was_closed_already_closes_at_no_instant(performed: Seen, ada_avatar: Avatar) -> None:
    assert closed_s(mouths(performed, ada_avatar), performed[60][0]) is None


def test_a_syllable_opens_the_mouth_about_when_it_sounds(ada_avatar: Avatar) -> None:
    pcm, rate_hz = said("pah")
    assert abs(lips_after_onset_s(ada_avatar, pcm, rate_hz)) < 0.12
