"""Sounds and times in, a face over time out: coarticulation, closures, effort, silence."""

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.speech.articulation import SHUT_AFTER_S, TARGETS, articulation_track, closures
from visavis.speech.phones import Phone

LEAD_S = 0.5


def spoken(sounds: str, duration_s: float = 0.08) -> list[Phone]:
    """Sounds, parted by blanks, one after another; ``_`` is a pause of the same length."""
    return [
        Phone("" if sound == "_" else sound, LEAD_S + index * duration_s, LEAD_S + (index + 1) * duration_s)
        for index, sound in enumerate(sounds.split())
    ]


def track_of(phones: list[Phone], effort: float | NDArray[np.float64] = 1.0) -> NDArray[np.float32]:
    return articulation_track(phones, round((phones[-1].end_s + 0.6) * 100), effort)


def column(track: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    return track[:, TARGETS.index(name)]


def at(track: NDArray[np.float32], name: str, phone: Phone, where: float = 0.5) -> float:
    time_s = phone.start_s + where * (phone.end_s - phone.start_s)
    return float(column(track, name)[round(time_s * 100)])


def test_a_track_is_rows_of_targets_between_0_and_1() -> None:
    track = articulation_track(spoken("m aɪ n eɪ m ɪ z b ɒ b"), 250)
    assert track.shape == (250, len(TARGETS))
    assert track.dtype == np.float32
    assert track.min() >= 0
    assert track.max() <= 1


def test_no_sounds_are_a_mouth_at_rest() -> None:
    assert not articulation_track([], 50).any()
    assert not articulation_track([Phone("", 0, 1), Phone("_", 1, 2)], 150).any()
    assert articulation_track(spoken("a"), 0).shape == (0, len(TARGETS))


def test_an_open_vowel_opens_the_jaw_and_a_close_one_does_not() -> None:
    open_vowel, close_vowel = spoken("t ɑ t", 0.15), spoken("t i t", 0.15)
    assert 0.5 < at(track_of(open_vowel), "jawOpen", open_vowel[1]) < 0.7
    assert 0.1 < at(track_of(close_vowel), "jawOpen", close_vowel[1]) < 0.22


def test_rounding_begins_before_the_rounded_vowel_and_spreading_does_not_reach_so_far() -> None:
    rounded, spread = spoken("s t ɹ u"), spoken("s t n i")
    before_s = rounded[3].start_s - 0.1
    track, row = track_of(rounded), round(before_s * 100)
    assert column(track, "mouthPucker")[row] > 0.4 * column(track, "mouthPucker").max()
    early = column(track_of(spoken("s t n u")), "mouthPucker")
    late = column(track_of(spread), "mouthStretch")
    assert early[row] / early.max() > 0.25
    assert column(track_of(spoken("k k k i")), "mouthStretch")[row] / late.max() < early[row] / early.max()


def test_the_same_consonant_looks_different_before_different_vowels() -> None:
    seen = {vowel: spoken(f"k {vowel}") for vowel in "iu"}
    tracks = {vowel: track_of(phones) for vowel, phones in seen.items()}
    assert at(tracks["u"], "mouthPucker", seen["u"][0]) > at(tracks["i"], "mouthPucker", seen["i"][0]) + 0.2
    assert at(tracks["i"], "mouthStretch", seen["i"][0]) > at(tracks["u"], "mouthStretch", seen["u"][0]) + 0.1


def test_h_looks_like_the_vowel_after_it() -> None:
    phones = spoken("h ɑ")
    assert at(track_of(phones), "jawOpen", phones[0], 0.9) > 0.4


@pytest.mark.parametrize("sound", ["p", "b", "m", "pʰ", "ɓ", "k͡p"])
@pytest.mark.parametrize("duration_s", [0.02, 0.05, 0.09, 0.2])
def test_lips_are_sealed_for_at_least_50_ms_however_short_the_sound(sound: str, duration_s: float) -> None:
    before, after = Phone("a", LEAD_S, LEAD_S + 0.12), LEAD_S + 0.12 + duration_s
    phones = [before, Phone(sound, before.end_s, after), Phone("a", after, after + 0.12)]
    track = track_of(phones)
    sealed = column(track, "mouthClose") > 0.99
    assert np.count_nonzero(sealed) >= 5
    assert np.diff(np.flatnonzero(sealed)).max() == 1, "sealed once"
    assert column(track, "jawOpen")[sealed].max() < 0.1
    assert column(track, "mouthLowerDown")[sealed].max() < 0.02
    assert column(track, "mouthFunnel")[sealed].max() < 0.02


@pytest.mark.parametrize("fps", [25, 30])
def test_every_closure_is_whole_in_a_video_frame_wherever_the_frames_fall(fps: int) -> None:
    rng = np.random.default_rng(1)
    for start_s in rng.uniform(0.5, 0.6, 30):
        phones = [Phone("a", 0.3, start_s), Phone("b", start_s, start_s + 0.03), Phone("a", start_s + 0.03, 1.0)]
        lips = column(articulation_track(phones, 120), "mouthClose")
        frames_s = np.arange(0, 1.1, 1 / fps)
        assert np.interp(frames_s, np.arange(120) * 0.01, lips).max() > 0.97


def test_a_voiceless_stop_is_held_until_its_release_and_a_nasal_nearly_to_its_end() -> None:
    for sound, held in (("p", 0.6), ("b", 0.8), ("m", 0.88)):
        phones = spoken(f"a {sound} a", 0.1)
        track = track_of(phones)
        assert at(track, "mouthClose", phones[1], 0.05) > 0.98
        assert at(track, "mouthClose", phones[1], held) > 0.98
        assert at(track, "mouthClose", phones[2], 0.6) < 0.02


def test_two_closures_in_a_row_are_one() -> None:
    phones = spoken("æ m p ə")
    track = track_of(phones)
    between = slice(round(phones[1].start_s * 100), round(phones[2].start_s * 100) + 5)
    assert column(track, "mouthClose")[between].min() > 0.99
    assert [kind for _, _, kind in closures(phones)] == ["bilabial"]


def test_the_lower_lip_touches_the_teeth_for_the_whole_of_f_and_v() -> None:
    for sound in "fv":
        phones = spoken(f"a {sound} a")
        track = track_of(phones)
        assert min(at(track, "lipTuck", phones[1], where) for where in (0.05, 0.5, 0.95)) > 0.98
        assert at(track, "mouthClose", phones[1]) == 0
        assert at(track, "mouthUpperUp", phones[1]) > 0.03, "the upper teeth show"


def test_the_tongue_shows_for_th_and_for_nothing_else() -> None:
    phones = spoken("θ ɪ n d")
    track = track_of(phones)
    assert at(track, "tongueOut", phones[0]) > 0.95
    assert at(track, "tongueOut", phones[2]) == 0
    assert at(track, "tongueTipUp", phones[2]) > 0.8


def test_the_mouth_is_at_rest_150_ms_after_the_last_sound_and_long_before_the_first() -> None:
    for vowel in ("a", "u", "i", "ʃ", "m", "f"):
        phones = spoken(f"a {vowel}", 0.15)
        track = track_of(phones)
        rest = track[round((phones[-1].end_s + SHUT_AFTER_S) * 100) + 1 :]
        assert rest.max() < 0.005, vowel
        assert track[: round((LEAD_S - 0.25) * 100)].max() == 0


def test_a_pause_closes_the_mouth_and_a_gap_between_words_does_not() -> None:
    for pause_s, open_jaw in ((0.03, True), (0.4, False)):
        start_s = LEAD_S + 0.15
        phones = [Phone("a", LEAD_S, start_s), Phone("a", start_s + pause_s, start_s + pause_s + 0.15)]
        track = track_of(phones)
        jaw = column(track, "jawOpen")[round((start_s + pause_s / 2) * 100)]
        assert (jaw > 0.4) if open_jaw else (jaw < 0.03)


def test_speech_is_told_from_silence() -> None:
    phones = spoken("a l o _ _ _ _ _ _ d a")
    speech = column(track_of(phones), "speech")
    assert speech[round((LEAD_S + 0.1) * 100)] == 1
    assert speech[round((LEAD_S + 6 * 0.08) * 100)] == 0


def test_loud_speech_opens_the_jaw_wider_and_the_lips_less_so_and_closes_as_well() -> None:
    phones = spoken("b ɑ f ɛ m", 0.12)
    soft, usual, loud = (track_of(phones, effort) for effort in (0.6, 1.0, 1.4))
    jaws = [at(track, "jawOpen", phones[1]) for track in (soft, usual, loud)]
    teeth = [at(track, "mouthUpperUp", phones[3]) for track in (soft, usual, loud)]
    assert jaws[0] < 0.7 * jaws[1] < jaws[1] < jaws[2] < 0.9
    assert teeth[0] < teeth[1] < teeth[2]
    assert jaws[2] / jaws[0] > teeth[2] / teeth[0]
    for track in (soft, loud):
        assert at(track, "mouthClose", phones[0]) == 1
        assert at(track, "lipTuck", phones[2]) == 1


def test_effort_may_change_from_row_to_row() -> None:
    phones = spoken("ɑ ɑ ɑ ɑ ɑ ɑ ɑ ɑ")
    count = round((phones[-1].end_s + 0.6) * 100)
    rising = np.linspace(0.6, 1.4, count)
    track = track_of(phones, rising)
    assert at(track, "jawOpen", phones[6]) > 1.2 * at(track, "jawOpen", phones[1])


def test_a_short_vowel_between_closed_sounds_undershoots() -> None:
    quick, slow = spoken("s a s", 0.05), spoken("s a s", 0.2)
    assert at(track_of(quick), "jawOpen", quick[1]) < 0.75 * at(track_of(slow), "jawOpen", slow[1])


def test_nothing_jumps() -> None:
    sounds = "ð ə b ɔɪ f ɪ ʃ t ɹ uː m p ə t s θ aɪ ŋ k w ɪ v"
    track = track_of(spoken(sounds, 0.07))
    assert np.abs(np.diff(track[:, : TARGETS.index("speech")], axis=0)).max() < 0.45


def test_times_out_of_order_overlaps_and_empty_sounds_do_no_harm() -> None:
    orderly = spoken("b a m a")
    shuffled = [orderly[2], orderly[0], orderly[3], orderly[1], Phone("k", 0.7, 0.7), Phone("s", 0.9, 0.6)]
    np.testing.assert_array_equal(track_of(orderly), articulation_track(shuffled, len(track_of(orderly))))
    overlapping = [Phone("a", 0.5, 0.7), Phone("m", 0.6, 0.8)]
    assert closures(overlapping)[0][0] == pytest.approx(0.6)


def test_a_track_may_end_in_the_middle_of_a_sound_and_its_rows_stay_the_same() -> None:
    phones = spoken("p l iː z m iː t m ɒ m")
    whole = track_of(phones)
    np.testing.assert_allclose(articulation_track(phones, 70)[:-3], whole[:67], atol=1e-6)


def test_closures_are_told_with_their_times_and_kind() -> None:
    phones = spoken("b ɑ f ɑ m θ ʋ w", 0.1)
    found = closures(phones)
    assert [kind for _, _, kind in found] == ["bilabial", "labiodental", "bilabial"]
    for (start_s, end_s, _), index in zip(found, (0, 2, 4), strict=True):
        assert start_s == pytest.approx(phones[index].start_s)
        assert phones[index].start_s + 0.05 <= end_s <= phones[index].end_s + 1e-9
    lips = column(track_of(phones), "mouthClose")
    assert lips[round(found[0][0] * 100) : round(found[0][1] * 100)].min() > 0.99
