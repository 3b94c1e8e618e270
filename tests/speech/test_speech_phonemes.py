"""Phones with their times in, the mouth out: at once, or piece by piece as sound is played."""

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.face import MOUTH_CONTROLS
from visavis.speech import HOP_S
from visavis.speech.articulation import closures
from visavis.speech.effort import REFERENCE_DB
from visavis.speech.phonemes import LOOK_AHEAD_S, PhonemeStream, phoneme_track
from visavis.speech.phones import Phone, cut_phones

RATE_HZ = 16_000
SOUNDS = ("p", "l", "iː", "z", "k", "iː", "p", "m", "aɪ", "b", "ʊ", "k")
PHONES = tuple(Phone(ipa, 0.3 + 0.09 * index, 0.39 + 0.09 * index) for index, ipa in enumerate(SOUNDS))
DURATION_S = 1.8
SILENT = np.zeros(round(DURATION_S * RATE_HZ), np.float32)
"""Sound that says nothing of the effort: the mouth opens as ordinary."""


def column(rows: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    return rows[:, MOUTH_CONTROLS.index(name)]


def streamed(pcm: NDArray[np.float32], phones: tuple[Phone, ...], piece_samples: int) -> NDArray[np.float32]:
    stream = PhonemeStream()
    stream.tell(phones, 0.0, len(pcm) / RATE_HZ)
    parts = [stream.push(pcm[start : start + piece_samples]) for start in range(0, len(pcm), piece_samples)]
    return np.concatenate([*parts, stream.flush()])


def test_rows_are_a_mouth_track() -> None:
    times_s, rows = phoneme_track(PHONES, DURATION_S)
    assert rows.dtype == np.float32
    assert rows.shape == (181, len(MOUTH_CONTROLS))
    np.testing.assert_allclose(times_s, np.arange(181) * HOP_S)
    for name in ("mouthStretch", "mouthUpperUp", "mouthLowerDown", "mouthPress"):
        np.testing.assert_array_equal(column(rows, name + "Left"), column(rows, name + "Right"))


def test_every_closure_is_made_and_pressed() -> None:
    _, rows = phoneme_track(PHONES, DURATION_S)
    found = closures(PHONES)
    assert [kind for _, _, kind in found] == ["bilabial"] * 3  # the p of "keep" and the m of "my" are one
    for start_s, end_s, _ in found:
        during = slice(round(start_s * 100), round(end_s * 100) + 1)
        assert column(rows, "mouthClose")[during].min() > 0.97
        assert column(rows, "mouthPressLeft")[during].min() > 0.7


@pytest.mark.parametrize("piece_samples", [160, 533, 640, 16_000, 100_000])
def test_a_stream_gives_the_same_as_the_whole_whatever_its_pieces(piece_samples: int) -> None:
    _, whole = phoneme_track(PHONES, DURATION_S)
    np.testing.assert_allclose(streamed(SILENT, PHONES, piece_samples), whole, atol=1e-5)


def test_rows_come_a_little_after_their_sound_and_never_before_what_follows_is_known() -> None:
    stream = PhonemeStream()
    stream.tell(PHONES, 0.0, DURATION_S)
    count = 0
    for pushed_s in np.arange(1, 45) * 0.04:
        count += len(stream.push(np.zeros(640, np.float32)))
        assert count == pytest.approx((pushed_s - LOOK_AHEAD_S) * 100, abs=1.01) or pushed_s < LOOK_AHEAD_S


def test_phones_told_piece_by_piece_are_prepared_for_in_time() -> None:
    """As of sentences that follow each other: the lips round for the next one's first sound before it begins."""
    phones = (Phone("a", 0.1, 0.5), Phone("s", 0.5, 0.6), Phone("u", 0.6, 0.9), Phone("p", 0.9, 1.0))
    _, whole = phoneme_track(phones, 1.2)
    stream, silence, rows = PhonemeStream(), np.zeros(640, np.float32), []
    stream.tell(cut_phones(phones, 0.0, 0.6), 0.0, 0.6)
    for _ in range(15):
        rows.append(stream.push(silence))
    stream.tell(cut_phones(phones, 0.6), 0.6, 1.2)
    for _ in range(15):
        rows.append(stream.push(silence))
    rows.append(stream.flush())
    got = np.concatenate(rows)
    assert len(got) == len(whole)
    # What was given before the second piece was told cannot know of it.
    late = round((0.6 - LOOK_AHEAD_S) * 100) + 2
    np.testing.assert_allclose(got[late:], whole[late:], atol=1e-4)
    assert column(got, "mouthPucker")[58] > 0.1


def test_sound_without_phones_leaves_the_mouth_at_rest() -> None:
    rng = np.random.default_rng(0)
    rows = streamed(rng.normal(0, 0.1, RATE_HZ).astype(np.float32), (), 640)
    assert len(rows) == 101
    assert rows.max() == 0


def test_loud_speech_opens_wider_than_soft_and_closes_as_well() -> None:
    rng = np.random.default_rng(0)
    voice = rng.normal(0, 1, len(SILENT)).astype(np.float32)
    soft, usual, loud = (
        streamed(voice * np.float32(10 ** ((REFERENCE_DB + gain_db) / 20)), PHONES, 640) for gain_db in (-15, 0, 12)
    )
    jaws = [column(rows, "jawOpen").max() for rows in (soft, usual, loud)]
    assert jaws[0] < 0.9 * jaws[1] < jaws[1] < 0.95 * jaws[2]
    for start_s, end_s, _ in closures(PHONES):
        during = slice(round(start_s * 100), round(end_s * 100) + 1)
        assert min(column(rows, "mouthClose")[during].min() for rows in (soft, loud)) > 0.97


def test_loudness_and_speech_go_with_the_rows() -> None:
    stream = PhonemeStream()
    stream.tell(PHONES, 0.0, DURATION_S)
    sound = np.concatenate((np.zeros(8_000, np.float32), np.full(8_000, 0.1, np.float32)))
    parts = []
    for start in range(0, len(sound), 640):
        rows = stream.push(sound[start : start + 640])
        assert len(rows) == len(stream.loudness_db) == len(stream.speech)
        parts.append(np.stack((stream.loudness_db, stream.speech)))
    loudness_db, speech = np.concatenate(parts, axis=1)
    assert loudness_db[50] == pytest.approx(-120, abs=1)
    assert loudness_db[51] == pytest.approx(-20, abs=0.1)
    assert speech[20] == 0
    assert speech[50] == 1


def test_a_stream_begins_anew() -> None:
    stream = PhonemeStream()
    stream.tell(PHONES, 0.0, DURATION_S)
    stream.push(SILENT[:10_000])
    stream.reset()
    assert column(stream.push(SILENT), "mouthClose").max() == 0
    stream.reset()
    stream.tell(PHONES, 0.0, DURATION_S)
    rows = np.concatenate((stream.push(SILENT), stream.flush()))
    np.testing.assert_allclose(rows, phoneme_track(PHONES, DURATION_S)[1], atol=1e-5)


def test_the_mouth_is_shut_between_sentences_told_in_one_stream() -> None:
    stream, rows = PhonemeStream(), []
    for start_s in (0.0, DURATION_S):
        stream.tell(PHONES, start_s, start_s + DURATION_S)
        rows.append(stream.push(SILENT))
    rows.append(stream.flush())
    both = np.concatenate(rows)
    _, one = phoneme_track(PHONES, DURATION_S)
    np.testing.assert_allclose(both[180:], one, atol=1e-4)
