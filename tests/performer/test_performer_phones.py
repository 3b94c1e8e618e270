"""Speech whose phones are told: the mouth follows them, in step with the sound, however it comes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import Avatar
from visavis.face import INDEX, MOUTH_CONTROLS
from visavis.media import Samples
from visavis.performer import Performer
from visavis.performer.fifo import Chunk
from visavis.performer.segments import STALL_S, SegmentQueue
from visavis.speech.articulation import closures
from visavis.speech.phonemes import phoneme_track
from visavis.speech.phones import Phone
from visavis.speech.timings import phones_of_azure
from visavis.voice import AudioChunk
from visavis.voice.espeak import EspeakVoice

RATE_HZ = 48_000
FPS = 25
TICK = RATE_HZ // FPS
CLOSE, JAW = MOUTH_CONTROLS.index("mouthClose"), MOUTH_CONTROLS.index("jawOpen")


@pytest.fixture(scope="module")
def spoken() -> AudioChunk:
    """Two seconds with nine bilabials."""
    (chunk,) = EspeakVoice().synthesise("My mama bought a papaya for Bob.", language="en", voice=None)
    return chunk


def phones_of(chunk: AudioChunk) -> tuple[Phone, ...]:
    assert chunk.phones is not None
    return chunk.phones


def timed(chunk: AudioChunk) -> Chunk:
    return Chunk(chunk.pcm, chunk.sample_rate_hz, chunk.phones)


def heard(chunk: AudioChunk) -> Chunk:
    return Chunk(chunk.pcm, chunk.sample_rate_hz)


def play(queue: SegmentQueue, ticks: int = 1000) -> tuple[NDArray[np.int16], NDArray[np.float32]]:
    """Sound and mouth of each tick that carried sound."""
    sounds, mouths = [], []
    for _ in range(ticks):
        out = np.zeros(TICK, np.int16)
        tick = queue.tick(out)
        if tick is None:
            break
        if tick.samples:
            shape = np.zeros(len(MOUTH_CONTROLS), np.float32)
            queue.shape(shape)
            sounds.append(out[: tick.samples].copy())
            mouths.append(shape)
    return np.concatenate(sounds), np.array(mouths)


def assert_closed_with(mouths: NDArray[np.float32], phones: tuple[Phone, ...], from_s: float = 0.0) -> None:
    """Every bilabial is shut in a frame of its own time."""
    found = [item for item in closures(phones) if item[2] == "bilabial"]
    assert found
    for start_s, end_s, _ in found:
        first, last = int((from_s + start_s) * FPS), int((from_s + end_s) * FPS)
        assert mouths[first : last + 1, CLOSE].max() > 0.95, f"at {start_s:.2f} s"


def test_every_closure_shows_in_the_frame_of_its_sound(spoken: AudioChunk) -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(timed(spoken))
    queue.end()
    _, mouths = play(queue)
    assert_closed_with(mouths, phones_of(spoken))


def test_the_mouth_between_is_that_of_the_track(spoken: AudioChunk) -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(timed(spoken))
    queue.end()
    _, mouths = play(queue)
    times_s, track = phoneme_track(phones_of(spoken), spoken.duration_s)
    middles_s = (np.arange(len(mouths)) + 0.5) / FPS
    jaw = np.interp(middles_s, times_s, track[:, JAW])
    assert np.corrcoef(jaw, mouths[:, JAW])[0, 1] > 0.97
    assert 0.7 < mouths[:, JAW].max() / jaw.max() < 1.4


def test_the_sound_is_the_same_with_phones_and_without(spoken: AudioChunk) -> None:
    sounds = []
    for chunk in (timed(spoken), heard(spoken)):
        queue = SegmentQueue(RATE_HZ)
        queue.push(chunk)
        queue.end()
        sounds.append(play(queue)[0])
    np.testing.assert_array_equal(sounds[0], sounds[1])


def test_sentences_of_a_segment_stay_in_step(spoken: AudioChunk) -> None:
    queue = SegmentQueue(RATE_HZ)
    for _ in range(3):
        queue.push(timed(spoken))
    queue.end()
    sound, mouths = play(queue)
    assert len(sound) / RATE_HZ == pytest.approx(3 * spoken.duration_s, abs=0.001)
    for turn in range(3):
        assert_closed_with(mouths, phones_of(spoken), turn * spoken.duration_s)


def test_small_pieces_with_their_phones_are_nearly_as_good_as_one(spoken: AudioChunk) -> None:
    """Only what the lips would prepare earlier than the next piece is known is missing."""
    whole, pieces = SegmentQueue(RATE_HZ), SegmentQueue(RATE_HZ)
    whole.push(timed(spoken))
    size = spoken.sample_rate_hz // 5
    for start in range(0, len(spoken.pcm), size):
        from_s, to_s = start / spoken.sample_rate_hz, (start + size) / spoken.sample_rate_hz
        phones = [
            Phone(phone.ipa, phone.start_s - from_s, phone.end_s - from_s)
            for phone in phones_of(spoken)
            if from_s <= phone.start_s < to_s
        ]
        pieces.push(Chunk(spoken.pcm[start : start + size], spoken.sample_rate_hz, phones))
    for queue in (whole, pieces):
        queue.end()
    np.testing.assert_allclose(play(pieces)[1], play(whole)[1], atol=0.06)


def test_speech_begins_at_once() -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(Chunk(np.ones(RATE_HZ, np.int16), RATE_HZ, (Phone("a", 0.0, 1.0),)))
    tick = queue.tick(np.zeros(TICK, np.int16))
    assert tick is not None
    assert tick.samples == TICK


def test_an_interruption_drops_the_phones_too(spoken: AudioChunk) -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(timed(spoken))
    play(queue, ticks=10)
    queue.clear()
    vowel = (Phone("a", 0.1, 0.9),)
    queue.push(Chunk(np.full(RATE_HZ, 500, np.int16), RATE_HZ, vowel))
    queue.end()
    _, mouths = play(queue)
    assert mouths[:, CLOSE].max() == 0
    assert mouths[8:15, JAW].min() > 0.3


def test_what_is_listened_to_and_what_is_told_may_follow_each_other(spoken: AudioChunk) -> None:
    queue = SegmentQueue(RATE_HZ)
    for chunk in (timed(spoken), heard(spoken), timed(spoken)):
        queue.push(chunk)
    queue.end()
    sound, mouths = play(queue)
    assert len(sound) / RATE_HZ == pytest.approx(3 * spoken.duration_s, abs=0.001)
    assert_closed_with(mouths[: int(spoken.duration_s * FPS)], phones_of(spoken))
    listened = mouths[int(spoken.duration_s * FPS) + 2 : int(2 * spoken.duration_s * FPS)]
    assert listened[:, JAW].max() > 0.25
    ticks_s = len(mouths) / FPS
    assert_closed_with(mouths, phones_of(spoken), ticks_s - spoken.duration_s - 0.02)


def test_phones_that_come_after_a_stall_are_in_step(spoken: AudioChunk) -> None:
    queue = SegmentQueue(RATE_HZ)
    queue.push(timed(spoken))
    play(queue, ticks=round((spoken.duration_s + STALL_S) * FPS) + 4)
    queue.push(timed(spoken))
    queue.end()
    sound, mouths = play(queue)
    assert len(sound) / RATE_HZ == pytest.approx(spoken.duration_s, abs=0.001)
    assert_closed_with(mouths, phones_of(spoken))


def test_loud_speech_opens_wider_than_soft(spoken: AudioChunk) -> None:
    widest = []
    for gain in (0.15, 1.0):
        pcm: Samples = (spoken.pcm / 32768 * gain).astype(np.float32)
        queue = SegmentQueue(RATE_HZ)
        queue.push(Chunk(pcm, spoken.sample_rate_hz, spoken.phones))
        queue.end()
        _, mouths = play(queue)
        assert_closed_with(mouths, phones_of(spoken))
        widest.append(mouths[:, JAW].max())
    assert widest[0] < 0.9 * widest[1]


@dataclass(frozen=True)
class ForeignSpeech:
    """What a voice of somebody else might yield."""

    pcm: NDArray[Any]
    sample_rate_hz: int
    phones: tuple[Phone, ...] | None


def test_any_voice_that_knows_its_sounds_can_be_pushed(avatar: Avatar) -> None:
    visemes = [(2_000_000, 2), (6_000_000, 21), (8_000_000, 6), (10_000_000, 0)]  # a, p, i
    hum = (np.sin(np.arange(24_000) * 0.05) * 4000).astype(np.int16)
    performer = Performer(avatar, fps=FPS, width_px=128, height_px=128)
    performer.push_speech(ForeignSpeech(hum, 24_000, phones_of_azure(visemes, 1.0)))
    performer.end_segment()
    closed, jaw = [], []
    for _ in range(40):
        performer.next_tick(render=False)
        closed.append(float(performer.face[INDEX["mouthClose"]]))
        jaw.append(float(performer.face[INDEX["jawOpen"]]))
    assert max(closed[:13]) == 0
    assert max(closed[15:18]) > 0.95
    assert max(closed[22:]) < 0.05
    assert max(jaw[7:13]) > 0.35
    assert max(jaw[32:]) < 0.02


def test_an_interrupted_sentence_closes_the_mouth_and_the_next_is_in_step(avatar: Avatar, spoken: AudioChunk) -> None:
    performer = Performer(avatar, fps=FPS, width_px=128, height_px=128)
    performer.push_speech(spoken)
    for _ in range(12):
        performer.next_tick(render=False)
    performer.interrupt()
    for _ in range(8):
        performer.next_tick(render=False)
    assert performer.face[INDEX["jawOpen"]] < 0.03
    performer.push_speech(spoken)
    performer.end_segment()
    mouths = []
    for _ in range(round(spoken.duration_s * FPS)):
        performer.next_tick(render=False)
        mouths.append(performer.face[[INDEX[name] for name in MOUTH_CONTROLS]].copy())
    assert_closed_with(np.array(mouths), phones_of(spoken))
