"""Queued sound comes out as it went in, whole and in order, whatever the rates and the sizes of the pushes."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.face import MOUTH_CONTROLS
from visavis.media import Resampler, read_audio, to_int16
from visavis.performer.fifo import Chunk
from visavis.performer.segments import STALL_S, SegmentQueue

RATE_HZ = 48_000
TICK = RATE_HZ // 25
JAW = MOUTH_CONTROLS.index("jawOpen")


def noise(samples: int, seed: int = 0) -> NDArray[np.int16]:
    return np.random.default_rng(seed).integers(-9000, 9000, samples).astype(np.int16)


def play(queue: SegmentQueue, tick_samples: int = TICK, limit: int = 2000) -> NDArray[np.int16]:
    """All sound until the queue is empty, without the silence around it."""
    parts = []
    for _ in range(limit):
        out = np.full(tick_samples, 77, np.int16)
        tick = queue.tick(out)
        if tick is None:
            return np.concatenate(parts) if parts else np.zeros(0, np.int16)
        assert not out[tick.samples :].any()
        parts.append(out[: tick.samples].copy())
    raise AssertionError("the queue does not end")


def pieces(pcm: NDArray[np.int16], sizes: list[int]) -> list[NDArray[np.int16]]:
    cut, start, turn = [], 0, 0
    while start < len(pcm):
        cut.append(pcm[start : start + sizes[turn % len(sizes)]])
        start += sizes[turn % len(sizes)]
        turn += 1
    return cut


@pytest.mark.parametrize("sizes", [[1_000_000], [480], [1], [7, 1931, 333], [15_000 // 2]])
def test_sound_at_the_tick_rate_passes_bit_for_bit(sizes: list[int]) -> None:
    pcm = noise(4801 if sizes == [1] else 50_001)
    queue = SegmentQueue(RATE_HZ)
    for piece in pieces(pcm, sizes):
        queue.push(Chunk(piece, RATE_HZ))
    queue.end()
    assert np.array_equal(play(queue), pcm)


@pytest.mark.parametrize("rate_hz", [8_000, 16_000, 22_050, 24_000, 44_100, 96_000])
@pytest.mark.parametrize("sizes", [[1_000_000], [333, 20], [441]])
def test_sound_of_any_rate_is_resampled_once_as_one_stream(rate_hz: int, sizes: list[int]) -> None:
    pcm = noise(rate_hz // 2 + 13)
    resampler = Resampler(rate_hz, RATE_HZ)
    wanted = to_int16(np.concatenate((resampler.push(pcm), resampler.flush())))
    queue = SegmentQueue(RATE_HZ)
    for piece in pieces(pcm, sizes):
        queue.push(Chunk(piece, rate_hz))
    queue.end()
    got = play(queue)
    assert len(got) == len(wanted)
    assert np.abs(got.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("tick_samples", [1600, 1470, 533, 800])
def test_every_tick_length_is_filled_exactly(tick_samples: int) -> None:
    pcm = noise(20_011)
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(pcm, RATE_HZ))
    queue.end()
    assert np.array_equal(play(queue, tick_samples), pcm)


def test_stereo_and_float_are_mixed_down() -> None:
    left = noise(9600).astype(np.float32) / 32768
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(np.stack((left, left), axis=1), RATE_HZ))
    queue.end()
    assert np.array_equal(play(queue), to_int16(left))


def test_a_change_of_rate_on_the_way_loses_nothing() -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(noise(4800), RATE_HZ))
    queue.push(Chunk(noise(2400), 24_000))
    queue.push(Chunk(noise(1600), 16_000))
    queue.end()
    assert len(play(queue)) == 3 * 4800


def test_segments_follow_each_other_on_tick_borders() -> None:
    queue = SegmentQueue(RATE_HZ)
    sounds = [noise(5000, seed) for seed in range(3)]
    ids = []
    for sound in sounds:
        ids.append(queue.push(Chunk(sound, RATE_HZ)))
        queue.end()
    heard: dict[int, list[NDArray[np.int16]]] = {}
    flags = []
    while True:
        out = np.zeros(TICK, np.int16)
        tick = queue.tick(out)
        if tick is None:
            break
        heard.setdefault(tick.segment_id, []).append(out[: tick.samples].copy())
        flags.append((tick.segment_id, tick.started, tick.ended))
    assert list(heard) == ids
    for segment_id, sound in zip(ids, sounds, strict=True):
        assert np.array_equal(np.concatenate(heard[segment_id]), sound)
        assert [started for number, started, _ in flags if number == segment_id] == [True, False, False]
        assert [ended for number, _, ended in flags if number == segment_id] == [False, False, True]


def test_a_segment_starts_at_once_when_its_look_ahead_is_there() -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(noise(RATE_HZ), RATE_HZ))  # still open
    tick = queue.tick(np.zeros(TICK, np.int16))
    assert tick is not None and tick.started and tick.samples == TICK


def test_a_short_segment_starts_at_once_when_it_has_ended() -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(noise(100), RATE_HZ))
    queue.end()
    tick = queue.tick(np.zeros(TICK, np.int16))
    assert tick is not None and tick.started and tick.ended and tick.samples == 100


def test_an_empty_segment_starts_and_ends_in_one_silent_tick() -> None:
    queue = SegmentQueue(RATE_HZ)
    segment_id = queue.begin()
    assert not queue.tick(np.zeros(TICK, np.int16)).started
    queue.end()
    tick = queue.tick(np.zeros(TICK, np.int16))
    assert tick is not None
    assert (tick.segment_id, tick.samples, tick.started, tick.ended) == (segment_id, 0, True, True)
    assert queue.tick(np.zeros(TICK, np.int16)) is None


def test_a_late_end_still_comes() -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(noise(TICK), RATE_HZ))
    out = np.zeros(TICK, np.int16)
    ticks = [queue.tick(out) for _ in range(20)]
    assert sum(tick.samples for tick in ticks) == TICK  # played although nobody has ended it
    assert not any(tick.ended for tick in ticks)
    queue.end()
    tick = queue.tick(out)
    assert tick.ended and tick.samples == 0
    assert queue.tick(out) is None


@pytest.mark.parametrize("stall_ticks", [1, 3, 8, 125])
def test_a_stall_is_silent_and_then_nothing_is_missing(stall_ticks: int) -> None:
    pcm = noise(48_000)
    queue = SegmentQueue(RATE_HZ)
    out = np.zeros(TICK, np.int16)
    heard = []
    ticks = []

    def tick() -> None:
        taken = queue.tick(out)
        assert taken is not None
        assert not out[taken.samples :].any()
        heard.append(out[: taken.samples].copy())
        ticks.append(taken)

    queue.push(Chunk(pcm[:20_000], RATE_HZ))
    for _ in range(20_000 // TICK + stall_ticks):
        tick()
    queue.push(Chunk(pcm[20_000:], RATE_HZ))
    queue.end()
    while not ticks[-1].ended:
        tick()
    assert np.array_equal(np.concatenate(heard), pcm)
    assert [taken.segment_id for taken in ticks] == [0] * len(ticks)
    assert sum(taken.started for taken in ticks) == 1


def test_what_a_stalled_voice_said_is_not_held_back_for_long() -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(noise(9600), RATE_HZ))
    out = np.zeros(TICK, np.int16)
    played = [queue.tick(out).samples for _ in range(int(STALL_S * 25) + 7)]
    assert sum(played) == 9600


def test_slow_drips_lose_nothing() -> None:
    pcm = noise(30_000)
    queue = SegmentQueue(RATE_HZ)
    out = np.zeros(TICK, np.int16)
    heard = []
    for start in range(0, len(pcm), 1000):  # half as fast as it is played
        queue.push(Chunk(pcm[start : start + 1000], RATE_HZ))
        heard.append(out[: queue.tick(out).samples].copy())
    queue.end()
    heard.append(play(queue))
    assert np.array_equal(np.concatenate(heard), pcm)


def test_clear_says_how_much_was_played_and_forgets_the_rest() -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(noise(48_000), RATE_HZ))
    queue.end()
    queue.push(Chunk(noise(48_000), RATE_HZ))
    out = np.zeros(TICK, np.int16)
    for _ in range(7):
        queue.tick(out)
    assert queue.clear() == pytest.approx(7 * 0.04)
    assert not queue.active and queue.queued_s == 0
    assert queue.tick(out) is None and not out.any()
    assert queue.clear() == 0.0


def test_sound_after_a_clear_is_whole() -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(noise(24_000), 24_000))
    queue.tick(np.zeros(TICK, np.int16))
    queue.clear()
    pcm = noise(10_000, 5)
    queue.push(Chunk(pcm, RATE_HZ))
    queue.end()
    assert np.array_equal(play(queue), pcm)


def test_queued_time_counts_down() -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(noise(24_000), 24_000))
    assert queue.queued_s == pytest.approx(1.0)
    out = np.zeros(TICK, np.int16)
    for _ in range(10):
        queue.tick(out)
    assert queue.queued_s == pytest.approx(0.6, abs=0.005)


def test_a_tick_hears_no_more_than_it_needs() -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(noise(60 * 24_000), 24_000))
    queue.tick(np.zeros(TICK, np.int16))
    assert len(queue._stretch.sound) < 0.4 * RATE_HZ


def test_it_tells_beforehand_whether_a_tick_will_carry_sound() -> None:
    queue = SegmentQueue(RATE_HZ)
    pcm = noise(RATE_HZ)
    assert not queue.is_ready(TICK)
    queue.push(Chunk(pcm[:TICK], RATE_HZ))
    assert not queue.is_ready(TICK), "its mouth is not known yet"
    queue.push(Chunk(pcm[TICK:], RATE_HZ))
    queue.end()
    out = np.zeros(TICK, np.int16)
    carried = 0
    while queue.active:
        ready = queue.is_ready(TICK)
        tick = queue.tick(out)
        assert tick is not None
        assert ready == (tick.samples > 0)
        carried += tick.samples
    assert carried == len(pcm)
    assert not queue.is_ready(TICK)


def test_asking_beforehand_changes_nothing() -> None:
    pcm = noise(30_000)
    queue = SegmentQueue(RATE_HZ)
    for piece in pieces(pcm, [700]):
        queue.push(Chunk(piece, RATE_HZ))
        queue.is_ready(TICK)
    queue.end()
    assert np.array_equal(play(queue), pcm)


@pytest.fixture(scope="session")
def syllables(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.float32]:
    """One vowel, well after 300 ms of silence; 24 kHz."""
    path: Path = tmp_path_factory.mktemp("voice") / "ah.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-w", str(path), "ah!"], check=True)
    voice = read_audio(path, 24_000)
    voice = voice[np.argmax(np.abs(voice) > 0.05) :]
    return np.concatenate((np.zeros(24_000 * 3 // 10, np.float32), voice, np.zeros(12_000, np.float32)))


@pytest.mark.parametrize("shift_ms", [0, 13, 27])
@pytest.mark.parametrize("fps", [25, 30])
def test_the_mouth_opens_in_the_tick_that_carries_the_vowel(
    syllables: NDArray[np.float32], shift_ms: int, fps: int
) -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(np.concatenate((np.zeros(24 * shift_ms, np.float32), syllables)), 24_000))
    queue.end()
    out = np.zeros(RATE_HZ // fps, np.int16)
    shape = np.zeros(len(MOUTH_CONTROLS), np.float32)
    loud, jaw = [], []
    while (tick := queue.tick(out)) is not None:
        if tick.samples:
            queue.shape(shape)
            loud.append(np.abs(out.astype(int)).max() > 1500)
            jaw.append(shape[JAW])
    first_loud = int(np.argmax(loud))
    first_open = int(np.argmax(np.array(jaw) > 0.12))
    assert max(jaw[: first_loud - 2]) < 0.03
    assert abs(first_open - first_loud) <= 1
