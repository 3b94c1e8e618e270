"""Codecs, telephones and rooms colour speech; none of them moves it in time."""

from __future__ import annotations

import random

import numpy as np
import pytest

from training.corpus import channels
from training.corpus.shelf import SAMPLE_RATE_HZ

MILLISECOND = SAMPLE_RATE_HZ // 1000

CHANNELS = {
    "mp3 at 24 kbit/s": channels.mp3(24_000),
    "mp3 at 64 kbit/s": channels.mp3(64_000),
    "opus at 12 kbit/s": channels.opus(12_000),
    "opus at 24 kbit/s": channels.opus(24_000),
    "aac at 32 kbit/s": channels.aac(32_000),
    "telephone": channels.telephone,
    "g722": channels.g722,
    "adpcm": channels.adpcm,
    "room": channels.room(0.5, 0.8, seed=3),
    "loudspeaker": channels.small_speaker(seed=3),
}


def voice_like() -> np.ndarray:
    """Syllables of a buzz at 120 Hz through two formants, with gaps."""
    time_s = np.arange(int(2.37 * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    buzz = sum(np.sin(2 * np.pi * 120 * k * time_s + k * k) * (1 + 3 * (4 <= k <= 7)) / k for k in range(1, 28))
    syllables = np.clip(3 * np.sin(2 * np.pi * 3.1 * time_s + np.sin(time_s)), 0, 1)
    hiss = np.random.default_rng(5).standard_normal(len(time_s)) * (np.sin(2 * np.pi * 1.3 * time_s) > 0.9)
    return (0.12 * buzz * syllables + 0.05 * hiss).astype(np.float32)


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_keeps_time_to_a_millisecond(name: str) -> None:
    sent = voice_like()
    received = CHANNELS[name](sent)

    assert len(received) == len(sent)
    assert abs(channels.delay_samples(sent, received)) <= MILLISECOND


@pytest.mark.parametrize("name", CHANNELS)
def test_a_channel_changes_the_sound_but_not_beyond_recognition(name: str) -> None:
    sent = voice_like()
    received = CHANNELS[name](sent)

    likeness = np.corrcoef(np.abs(sent), np.abs(received))[0, 1]
    assert not np.allclose(sent, received, atol=1e-4)
    assert likeness > 0.4


def test_the_telephone_lets_nothing_through_above_its_band() -> None:
    received = channels.telephone(voice_like())

    power = np.abs(np.fft.rfft(received)) ** 2
    frequency_hz = np.fft.rfftfreq(len(received), 1 / SAMPLE_RATE_HZ)
    assert power[frequency_hz > 4200].sum() < 1e-3 * power.sum()


def test_the_same_seed_makes_the_same_channel() -> None:
    sent = voice_like()
    first_name, first = channels.random_channel(random.Random(11))
    second_name, second = channels.random_channel(random.Random(11))

    assert first_name == second_name
    assert np.array_equal(first(sent), second(sent))
