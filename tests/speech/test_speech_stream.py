"""The mouth stream as a stream: timing, chunking, reset, flush, copy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.errors import AudioError
from visavis.face import MOUTH_CONTROLS
from visavis.speech import HOP_MS, HOP_S, LOOK_AHEADS_MS, SPEECH_RATE_HZ, MouthStream, mouth_track

HOP_SAMPLES = SPEECH_RATE_HZ * HOP_MS // 1000
TEXT = "My mother makes five big bowls of plum pudding before breakfast."


@pytest.fixture(scope="module")
def pcm(say: Callable[..., Any]) -> NDArray[np.float32]:
    return say(TEXT).pcm


def track(stream: MouthStream, chunks: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    return np.concatenate([*(stream.push(chunk) for chunk in chunks), stream.flush()])


@pytest.mark.parametrize("look_ahead_ms", LOOK_AHEADS_MS)
@pytest.mark.parametrize("largest_chunk", [1, 7, 160, 640, 5_000])
def test_every_chunking_gives_the_same_rows(pcm: NDArray[np.float32], look_ahead_ms: int, largest_chunk: int) -> None:
    sound = pcm[: 4_000 if largest_chunk < 10 else 32_000] if largest_chunk < 100 else pcm
    expected = track(MouthStream(look_ahead_ms), [sound])
    rng = np.random.default_rng(largest_chunk)
    cuts = np.cumsum(rng.integers(1, largest_chunk + 1, 2 * len(sound) // largest_chunk + 2))
    chunks = np.split(sound, cuts[cuts < len(sound)])
    rows = track(MouthStream(look_ahead_ms), chunks)
    np.testing.assert_allclose(rows, expected, atol=1e-5)


@pytest.mark.parametrize("look_ahead_ms", LOOK_AHEADS_MS)
def test_a_row_comes_out_when_its_look_ahead_is_complete(pcm: NDArray[np.float32], look_ahead_ms: int) -> None:
    stream = MouthStream(look_ahead_ms)
    row_count = pushed_ms = 0
    for start in range(0, 100 * HOP_SAMPLES, HOP_SAMPLES):
        row_count += len(stream.push(pcm[start : start + HOP_SAMPLES]))
        pushed_ms += HOP_MS
        assert row_count == max(0, (pushed_ms - look_ahead_ms) // HOP_MS + 1)


@pytest.mark.parametrize("look_ahead_ms", LOOK_AHEADS_MS)
def test_what_comes_after_the_look_ahead_changes_nothing(pcm: NDArray[np.float32], look_ahead_ms: int) -> None:
    cut = 20_000
    other = pcm.copy()
    other[cut:] = np.random.default_rng(0).normal(0, 0.3, len(pcm) - cut)
    settled = (cut * 1000 // SPEECH_RATE_HZ - look_ahead_ms) // HOP_MS
    rows, other_rows = mouth_track(pcm, 16_000, look_ahead_ms)[1], mouth_track(other, 16_000, look_ahead_ms)[1]
    np.testing.assert_array_equal(rows[:settled], other_rows[:settled])
    assert np.abs(rows[settled:] - other_rows[settled:]).max() > 0.1


@pytest.mark.parametrize("sample_count", [0, 1, 159, 160, 161, 16_000])
@pytest.mark.parametrize("look_ahead_ms", LOOK_AHEADS_MS)
def test_flush_reaches_the_end_of_the_sound(sample_count: int, look_ahead_ms: int) -> None:
    rows = track(MouthStream(look_ahead_ms), [np.zeros(sample_count, np.float32)])
    last_s = (len(rows) - 1) * HOP_S
    assert sample_count / SPEECH_RATE_HZ <= last_s + 1e-9
    assert last_s - sample_count / SPEECH_RATE_HZ < HOP_S


def test_reset_and_flush_forget_everything(pcm: NDArray[np.float32]) -> None:
    fresh = track(MouthStream(80), [pcm])
    stream = MouthStream(80)
    stream.push(pcm[5_000:17_000])
    stream.reset()
    np.testing.assert_array_equal(track(stream, [pcm]), fresh)
    np.testing.assert_array_equal(track(stream, [pcm]), fresh)


def test_a_copy_goes_its_own_way(pcm: NDArray[np.float32]) -> None:
    stream = MouthStream(40)
    stream.push(pcm[:17_003])
    copy = stream.copy()
    copy_rows = track(copy, [pcm[17_003:]])
    np.testing.assert_array_equal(track(stream, [pcm[17_003:]]), copy_rows)


def test_mouth_track_is_the_stream(pcm: NDArray[np.float32]) -> None:
    times_s, controls = mouth_track(pcm, SPEECH_RATE_HZ, 80)
    np.testing.assert_allclose(controls, track(MouthStream(80), [pcm]), atol=1e-5)
    np.testing.assert_allclose(times_s, np.arange(len(controls)) * HOP_S)
    assert controls.shape[1] == len(MOUTH_CONTROLS)
    assert controls.dtype == np.float32


def test_speech_and_loudness_accompany_the_rows(pcm: NDArray[np.float32]) -> None:
    stream = MouthStream(40)
    row_count, speech, loudness_db = 0, [], []
    for chunk in np.array_split(pcm, 50):
        rows = stream.push(chunk)
        assert len(rows) == len(stream.speech) == len(stream.loudness_db)
        speech.append(stream.speech)
        loudness_db.append(stream.loudness_db)
        row_count += len(rows)
    level_db = np.concatenate(loudness_db)
    hop = 100
    expected_db = 10 * np.log10(np.mean(pcm[(hop - 1) * HOP_SAMPLES : hop * HOP_SAMPLES] ** 2))
    assert level_db[hop] == pytest.approx(expected_db, abs=0.01)
    assert np.all(level_db[:40] < -100)
    spoken = np.concatenate(speech)
    assert spoken[:40].max() < 0.2
    assert np.median(spoken[60 : row_count - 60]) > 0.9


@pytest.mark.parametrize("look_ahead_ms", [-40, 10, 200])
def test_refuses_other_look_aheads(look_ahead_ms: int) -> None:
    with pytest.raises(AudioError) as caught:
        MouthStream(look_ahead_ms)
    assert caught.value.code == "look_ahead_unknown"
