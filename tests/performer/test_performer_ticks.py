"""The performer as a whole: real avatar, real voice, real frames."""

import itertools
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis import Avatar, Performer, Tick
from visavis.errors import AudioError
from visavis.face import INDEX, MOUTH_INDEX
from visavis.performer import FRAME_BUFFERS, paced_ticks

RATE_HZ = 24_000
JAW = INDEX["jawOpen"]
SIZE_PX = 128


def small(avatar: Avatar, **options: int) -> Performer:
    return Performer(avatar, width_px=SIZE_PX, height_px=SIZE_PX, **options)


def mouth_opening(performer: Performer) -> float:
    """0 is closed: what the jaw and the lips open, unless the lips are sealed."""
    face = performer.face
    return float(face[JAW] * (1 - face[INDEX["mouthClose"]]))


def skip(performer: Performer, ticks: int) -> list[Tick]:
    return [performer.next_tick(render=False) for _ in range(ticks)]


@pytest.mark.parametrize(("fps", "rate_hz"), [(25, 48_000), (30, 48_000), (25, 16_000), (30, 44_100), (30, 16_000)])
def test_ticks_carry_exactly_the_audio_of_their_time(avatar: Avatar, fps: int, rate_hz: int) -> None:
    performer = small(avatar, fps=fps, audio_rate_hz=rate_hz)
    lengths = [len(tick.audio) for tick in skip(performer, 10 * fps)]
    assert sum(lengths) == 10 * rate_hz
    assert max(lengths) - min(lengths) <= 1


def test_the_audio_of_the_ticks_is_what_was_pushed(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    performer = small(avatar, audio_rate_hz=RATE_HZ)
    for start in range(0, len(voice), 777):
        performer.push_audio(voice[start : start + 777], RATE_HZ)
    performer.end_segment()
    heard, positions = [], []
    while True:
        tick = performer.next_tick(render=False)
        heard.append(tick.audio[: tick.segment_samples].copy())
        positions.append(tick.segment_position_s)
        if tick.segment_ended:
            break
    assert np.array_equal(np.concatenate(heard), voice)
    assert positions[-1] == pytest.approx(len(voice) / RATE_HZ)
    assert performer.next_tick(render=False).segment_id is None


def test_frames_are_i420_pictures_of_the_avatar(avatar: Avatar) -> None:
    performer = Performer(avatar, width_px=160, height_px=128)
    tick = performer.next_tick()
    assert tick.frame.shape == (192, 160) and tick.frame.dtype == np.uint8
    assert tick.frame[:128].std() > 20


def test_buffers_stay_valid_for_some_ticks(avatar: Avatar) -> None:
    performer = small(avatar)
    tick = performer.next_tick()
    frame, audio = tick.frame.copy(), tick.audio.copy()
    for _ in range(FRAME_BUFFERS - 1):
        later = performer.next_tick()
    assert np.array_equal(tick.frame, frame) and np.array_equal(tick.audio, audio)
    assert later.frame is not tick.frame


def test_same_seed_same_sound_same_frames(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    def frames(seed: int) -> NDArray[np.uint8]:
        performer = small(avatar, seed=seed)
        performer.push_audio(voice, RATE_HZ)
        return np.stack([performer.next_tick().frame.copy() for _ in range(40)])

    first = frames(1)
    assert np.array_equal(first, frames(1))
    assert not np.array_equal(first, frames(2))


def test_sound_goes_on_when_frames_are_skipped(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    performer = small(avatar, audio_rate_hz=RATE_HZ)
    performer.push_audio(voice, RATE_HZ)
    shown = performer.next_tick()
    ticks = [shown, *skip(performer, 5)]
    assert all(not tick.rendered and tick.frame.base is shown.frame.base for tick in ticks[1:])
    assert np.array_equal(np.concatenate([tick.audio for tick in ticks]), voice[: 6 * 960])
    assert performer.stats.repeated == 5
    assert performer.next_tick().rendered


def test_the_first_frame_is_always_a_picture(avatar: Avatar) -> None:
    assert small(avatar).next_tick(render=False).frame.std() > 20


def test_a_face_that_hardly_moves_need_not_be_drawn_each_tick_but_one_that_speaks_must(
    avatar: Avatar, voice: NDArray[np.int16]
) -> None:
    performer = small(avatar)

    def drawn_of(ticks: int) -> int:
        drawn = 0
        for _ in range(ticks):
            performer.next_tick(render=False)
            if performer.has_changed:
                performer.draw()
                drawn += 1
        return drawn

    performer.next_tick()
    assert 10 < drawn_of(250) < 150
    performer.push_audio(voice, RATE_HZ)
    performer.end_segment()
    assert drawn_of(len(voice) * 25 // RATE_HZ) > 0.5 * len(voice) * 25 / RATE_HZ


def test_the_size_of_the_frames_may_change_at_any_time(avatar: Avatar) -> None:
    performer = Performer(avatar, width_px=256, height_px=256)
    assert performer.next_tick().frame.shape == (384, 256)
    performer.resize(128, 160)
    assert not performer.next_tick(render=False).rendered
    small_frame = performer.draw()
    assert small_frame.shape == (240, 128)
    assert small_frame.std() > 20
    performer.resize(256, 256)
    assert performer.next_tick().frame.shape == (384, 256)


def test_lips_follow_the_voice_and_close_after_it(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    performer = small(avatar)
    performer.push_audio(voice, RATE_HZ)
    performer.end_segment()
    opening, loudness = [], []
    while True:
        tick = performer.next_tick(render=False)
        if tick.segment_id is None:
            break
        opening.append(mouth_opening(performer))
        loudness.append(np.sqrt(np.mean(tick.audio.astype(float) ** 2)))
    lags = {lag: np.corrcoef(opening[5 + lag : len(opening) - 5 + lag], loudness[5:-5])[0, 1] for lag in range(-5, 6)}
    assert max(opening) > 0.3
    assert max(lags.values()) > 0.4
    assert abs(max(lags, key=lambda lag: lags[lag])) <= 1
    skip(performer, 5)
    assert mouth_opening(performer) < 0.02


def test_the_face_lives_while_nothing_is_said(avatar: Avatar) -> None:
    performer = small(avatar)
    faces = []
    for _ in range(250):
        performer.next_tick(render=False)
        faces.append(performer.face.copy())
    rows = np.stack(faces)
    assert not rows[:, MOUTH_INDEX].any()
    assert rows[:, INDEX["eyeBlinkLeft"]].max() > 0.9
    assert rows[:, INDEX["headYaw"]].std() > 0.3


@pytest.mark.parametrize("after_ticks", [5, 11, 16, 23])
def test_interrupting_silences_at_once_and_closes_the_lips(
    avatar: Avatar, voice: NDArray[np.int16], after_ticks: int
) -> None:
    performer = small(avatar)
    performer.push_audio(voice, RATE_HZ)
    performer.end_segment()
    performer.push_audio(voice, RATE_HZ)
    before = skip(performer, after_ticks)
    assert performer.interrupt() == pytest.approx(after_ticks / 25)
    assert performer.queued_s == 0
    openings = []
    for _ in range(5):
        tick = performer.next_tick(render=False)
        assert not tick.audio.any()
        assert tick.generation == before[-1].generation + 1
        assert tick.segment_id is None and not tick.segment_ended
        openings.append(mouth_opening(performer))
    assert openings[-1] < 0.03  # 200 ms
    assert performer.interrupt() == 0.0


def test_interrupted_lips_do_not_snap(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    largest_cut = 0.0
    for after_ticks in range(6, 30, 3):
        performer = small(avatar)
        performer.push_audio(voice, RATE_HZ)
        skip(performer, after_ticks)
        before = float(performer.face[JAW])
        performer.interrupt()
        performer.next_tick(render=False)
        largest_cut = max(largest_cut, (before - float(performer.face[JAW])) / max(before, 0.1))
    assert largest_cut < 0.75


def test_a_new_segment_after_an_interruption_is_whole(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    performer = small(avatar, audio_rate_hz=RATE_HZ)
    performer.push_audio(voice, RATE_HZ)
    skip(performer, 4)
    performer.interrupt()
    second = performer.push_audio(voice[: FRAME_BUFFERS * 960], RATE_HZ)
    performer.end_segment()
    ticks = skip(performer, FRAME_BUFFERS)
    assert np.array_equal(np.concatenate([tick.audio for tick in ticks]), voice[: FRAME_BUFFERS * 960])
    assert {tick.segment_id for tick in ticks} == {second}
    assert ticks[0].segment_started and ticks[-1].segment_ended


def test_lips_rest_during_a_stall_and_go_on_after_it(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    performer = small(avatar, audio_rate_hz=RATE_HZ)
    performer.push_audio(voice[:16_000], RATE_HZ)
    before = skip(performer, 50)  # two seconds, most of them stalled
    assert sum(tick.segment_samples for tick in before) == 16_000
    assert mouth_opening(performer) < 0.02
    performer.push_audio(voice[16_000:], RATE_HZ)
    after = skip(performer, 20)
    assert after[0].segment_samples and {tick.segment_id for tick in before + after} == {0}


def test_live_sound_moves_the_lips_a_moment_later(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    performer = small(avatar, audio_rate_hz=RATE_HZ)
    sound = np.concatenate((np.zeros(RATE_HZ, np.int16), voice))
    heard, opening = [], []
    for start in range(0, len(sound) - 960, 960):
        performer.push_live_audio(sound[start : start + 960], RATE_HZ)
        tick = performer.next_tick(render=False)
        heard.append(tick.audio.copy())
        opening.append(mouth_opening(performer))
        assert tick.segment_id is None
    voice_at, heard_at = (int(np.argmax(np.abs(pcm) > 1000)) for pcm in (sound, np.concatenate(heard)))
    # The tick that follows a push plays what is older than the mouth's look-ahead.
    assert 0 < heard_at - voice_at < 0.1 * RATE_HZ
    assert max(opening[:24]) < 0.02
    assert max(opening[25:40]) > 0.2
    assert performer.stats.live_delay_s < 0.13


def test_a_segment_comes_before_live_sound_and_live_sound_returns(avatar: Avatar, voice: NDArray[np.int16]) -> None:
    performer = small(avatar, audio_rate_hz=RATE_HZ)
    loud = np.full(960, 12_345, np.int16)
    for _ in range(10):
        performer.push_live_audio(loud, RATE_HZ)
        performer.next_tick(render=False)
    performer.push_audio(voice[:9600], RATE_HZ)
    performer.end_segment()
    segment = []
    for _ in range(10):
        performer.push_live_audio(loud, RATE_HZ)
        segment.append(performer.next_tick(render=False).audio.copy())
    assert np.array_equal(np.concatenate(segment), voice[:9600])
    for _ in range(10):
        performer.push_live_audio(loud, RATE_HZ)
        tick = performer.next_tick(render=False)
    assert tick.audio.min() == 12_345


@pytest.mark.parametrize(
    ("pcm", "rate_hz"),
    [
        (np.zeros(10, np.int32), 24_000),
        (np.zeros((10, 3), np.int16), 24_000),
        (np.zeros((2, 2, 2), np.int16), 24_000),
        (np.zeros(10, np.int16), 0),
        (np.zeros(10, np.int16), 1_000_000),
    ],
)
def test_sound_of_a_wrong_kind_is_refused_when_it_is_pushed(
    avatar: Avatar, pcm: NDArray[np.int16], rate_hz: int
) -> None:
    performer = small(avatar)
    with pytest.raises(AudioError) as refused:
        performer.push_audio(pcm, rate_hz)
    assert refused.value.code == "audio_format"
    performer.next_tick(render=False)


def test_pushing_nothing_is_nothing(avatar: Avatar) -> None:
    performer = small(avatar)
    performer.push_audio(np.zeros(0, np.int16), 24_000)
    performer.push_live_audio(np.zeros(0, np.int16), 24_000)
    assert not performer.next_tick(render=False).audio.any()


@pytest.mark.parametrize("options", [{"fps": 0}, {"fps": 100}, {"width_px": 511}])
def test_impossible_options_are_refused(avatar: Avatar, options: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        Performer(avatar, **options)


@dataclass
class HandClock:
    """Time that passes only while somebody sleeps, or when told to."""

    time_s: float = 100.0
    naps_s: list[float] = field(default_factory=list)

    def now_s(self) -> float:
        return self.time_s

    async def sleep(self, duration_s: float) -> None:
        self.naps_s.append(duration_s)
        self.time_s += duration_s


async def take(ticks: AsyncIterator[Tick], count: int) -> list[Tick]:
    return [await anext(ticks) for _ in range(count)]


async def test_ticks_are_paced_to_absolute_deadlines(avatar: Avatar) -> None:
    clock = HandClock()
    async with aclosing(paced_ticks(small(avatar), clock)) as ticks:
        for index in itertools.count():
            await anext(ticks)
            assert clock.time_s == pytest.approx(100 + index / 25)
            clock.time_s += 0.011  # what rendering takes does not add up
            if index == 50:
                break


async def test_a_late_caller_loses_pictures_but_no_time(avatar: Avatar) -> None:
    clock = HandClock()
    async with aclosing(paced_ticks(small(avatar), clock)) as ticks:
        await take(ticks, 3)
        clock.time_s += 0.25
        late = await take(ticks, 8)
        assert [tick.rendered for tick in late] == [False] * 5 + [True] * 3
        assert [tick.index for tick in late] == list(range(3, 11))
        assert clock.time_s == pytest.approx(100 + 10 / 25, abs=0.04)


async def test_after_a_long_pause_the_schedule_starts_anew(avatar: Avatar) -> None:
    clock = HandClock()
    async with aclosing(paced_ticks(small(avatar), clock)) as ticks:
        await take(ticks, 3)
        clock.time_s += 3600
        assert all(tick.rendered for tick in await take(ticks, 5))
        assert clock.time_s < 3702
