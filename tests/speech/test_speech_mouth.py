"""What the mouth does: closed in silence, shut on p b m, open on vowels, calm in between."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.face import MOUTH_CONTROLS
from visavis.speech import HOP_S, mouth_track

SENTENCES = (
    "Peter Piper picked a peck of pickled peppers before breakfast.",
    "My mother makes me a big bowl of plum pudding every Monday.",
    "The quick brown fox jumps over the lazy dog, and nobody minds.",
    "Please call Stella and ask her to bring these things with her from the store.",
    "Father bought a fabulous velvet sofa for the front room.",
)
JAW_MM = 20
"""What the rig opens at jaw 1."""
OPEN_VOWELS = frozenset("aæɑɐ")


def column(controls: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    return controls[:, MOUTH_CONTROLS.index(name)]


def rows_between(start_s: float, end_s: float) -> slice:
    return slice(max(0, round(start_s / HOP_S)), round(end_s / HOP_S) + 1)


@pytest.fixture(scope="module", params=[40, 80, 120])
def spoken(request: pytest.FixtureRequest, say: Callable[..., Any]) -> list[tuple[Any, NDArray[np.float32]]]:
    """Every sentence with its mouth track, at each look-ahead that sees closures in time."""
    utterances = [say(text, voice) for text in SENTENCES for voice in ("en-us", "en-gb")]
    return [(said, mouth_track(said.pcm, 16_000, request.param)[1]) for said in utterances]


def test_lips_close_on_p_b_m(spoken: list[tuple[Any, NDArray[np.float32]]]) -> None:
    closures = [
        column(controls, "mouthClose")[rows_between(phoneme.start_s - 0.02, phoneme.end_s + 0.02)].max()
        for said, controls in spoken
        for phoneme in said.phonemes
        if phoneme.ipa[0] in "pbm"
    ]
    assert len(closures) > 60
    assert np.mean(np.array(closures) > 0.95) > 0.93


def test_lips_close_on_little_else(spoken: list[tuple[Any, NDArray[np.float32]]]) -> None:
    closed_rows = stray_rows = 0
    for said, controls in spoken:
        closed = column(controls, "mouthClose") > 0.5
        closed_rows += closed.sum()
        for phoneme in said.phonemes:
            if phoneme.ipa[0] in "pbm":
                closed[rows_between(phoneme.start_s - 0.05, phoneme.end_s + 0.06)] = False
        stray_rows += closed.sum()
    assert stray_rows < 0.08 * closed_rows


def test_a_closure_is_whole_and_lasts_a_video_frame(spoken: list[tuple[Any, NDArray[np.float32]]]) -> None:
    for _, controls in spoken:
        closed = column(controls, "mouthClose")
        edges = np.flatnonzero(np.diff(np.concatenate(([0], closed > 0.5, [0]))))
        for start, end in zip(edges[::2], edges[1::2], strict=True):
            assert np.sum(closed[start:end] == 1) * HOP_S >= 0.04
            assert column(controls, "jawOpen")[start:end][closed[start:end] == 1].max() < 0.1


def test_the_lip_touches_the_teeth_on_f_and_v(spoken: list[tuple[Any, NDArray[np.float32]]]) -> None:
    contacts = [
        column(controls, "lipTuck")[rows_between(phoneme.start_s - 0.02, phoneme.end_s + 0.03)].max()
        for said, controls in spoken
        for phoneme in said.phonemes
        if phoneme.ipa[0] in "fv"
    ]
    assert len(contacts) > 15
    assert np.mean(np.array(contacts) > 0.9) > 0.8


def test_stressed_open_vowels_open_the_mouth(spoken: list[tuple[Any, NDArray[np.float32]]]) -> None:
    openings_mm = [
        JAW_MM * column(controls, "jawOpen")[rows_between(phoneme.start_s, phoneme.end_s)].max()
        for said, controls in spoken
        for phoneme in said.phonemes
        if phoneme.ipa[0] in OPEN_VOWELS and phoneme.end_s - phoneme.start_s > 0.08
    ]
    assert len(openings_mm) > 15
    assert 8 < np.median(openings_mm) < 14
    assert max(openings_mm) < 18


def test_silence_is_closed(spoken: list[tuple[Any, NDArray[np.float32]]]) -> None:
    for said, controls in spoken:
        assert controls[rows_between(0, said.phonemes[0].start_s - 0.15)].max() < 0.01
        assert controls[rows_between(said.phonemes[-1].end_s + 0.2, 99)].max() < 0.01


@pytest.mark.parametrize("level_db", [-80, -60, -45, -30])
def test_a_noisy_room_is_closed(level_db: int) -> None:
    noise = np.random.default_rng(0).normal(0, 10 ** (level_db / 20), 32_000).astype(np.float32)
    _, controls = mouth_track(noise, 16_000, 40)
    settled_s = 0.3
    assert column(controls, "jawOpen")[rows_between(0, settled_s)].max() < 0.1
    assert controls[rows_between(settled_s, 2 - 0.1)].max() < 0.02


def test_controls_stay_in_their_range_and_do_not_jump(spoken: list[tuple[Any, NDArray[np.float32]]]) -> None:
    for _, controls in spoken:
        assert controls.min() >= 0
        assert controls.max() <= 1
        assert np.isfinite(controls).all()
        assert np.abs(np.diff(column(controls, "jawOpen"))).max() < 0.35
        assert np.percentile(np.abs(np.diff(column(controls, "jawOpen"))), 95) < 0.1


def test_rounded_vowels_round_and_spread_vowels_spread(say: Callable[..., Any]) -> None:
    rounded = mouth_track(say("You do, you do, you do too.").pcm, 16_000, 80)[1]
    spread = mouth_track(say("He sees, she sees, these sheep.").pcm, 16_000, 80)[1]
    assert column(rounded, "mouthPucker").max() > 0.5
    assert column(rounded, "mouthPucker").mean() > 2 * column(spread, "mouthPucker").mean()
    assert column(spread, "mouthStretchLeft").mean() > 2 * column(rounded, "mouthStretchLeft").mean()


def test_loud_speech_opens_wider_than_soft(say: Callable[..., Any]) -> None:
    pcm = say(SENTENCES[1]).pcm
    loud, soft = (mouth_track(pcm * np.float32(gain), 16_000, 80)[1] for gain in (1.0, 0.1))
    ratio = np.percentile(column(loud, "jawOpen"), 95) / np.percentile(column(soft, "jawOpen"), 95)
    assert 1.1 < ratio < 1.7


@pytest.mark.parametrize("kind", ["full scale square", "clicks", "white noise", "constant", "beyond full scale"])
def test_no_sound_breaks_the_mouth(kind: str) -> None:
    rng = np.random.default_rng(0)
    sounds = {
        "full scale square": np.sign(np.sin(np.arange(16_000) * 0.1)),
        "clicks": (np.arange(16_000) % 4_000 == 0) * 1.0,
        "white noise": rng.normal(0, 0.3, 16_000),
        "constant": np.ones(16_000),
        "beyond full scale": rng.normal(0, 1e4, 16_000),
    }
    _, controls = mouth_track(sounds[kind].astype(np.float32), 16_000, 40)
    assert np.isfinite(controls).all()
    assert controls.min() >= 0
    assert controls.max() <= 1
