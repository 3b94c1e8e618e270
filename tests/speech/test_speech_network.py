"""The network and its features against slow, direct computations of the same."""

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.speech.articulation import TARGETS
from visavis.speech.features import BAND_COUNT, HOP_SAMPLES, MelStream
from visavis.speech.network import LOOK_AHEADS_MS, MEL_MEAN, MEL_SCALE, MouthNetwork, _load_weights


def direct(mel: NDArray[np.float32], look_ahead_ms: int) -> NDArray[np.float64]:
    """Every output from its definition, one frame and one tap at a time; zeros before the first frame."""
    weights = _load_weights()
    x = (mel.astype(np.float64) - MEL_MEAN) * MEL_SCALE
    for index, layer in enumerate(weights.layers):
        padded = np.concatenate([np.zeros((layer.reach, x.shape[1])), x])
        kernel = layer.weights.reshape(layer.taps, layer.inputs, -1).astype(np.float64)
        y = sum(padded[tap * layer.dilation :][: len(x)] @ kernel[tap] for tap in range(layer.taps)) + layer.bias
        x = np.maximum(y, 0) + (x if index else 0)
    hidden_weights, hidden_bias, out_weights, out_bias = weights.heads[look_ahead_ms]
    logits = np.maximum(x @ hidden_weights + hidden_bias, 0) @ out_weights + out_bias
    rows = np.concatenate((np.zeros((2, len(TARGETS))), 1 / (1 + np.exp(-logits))))
    if not look_ahead_ms:
        return rows[2:]
    # The last 10 ms of a look-ahead are the smoothing's.
    return 0.25 * rows[:-2] + 0.5 * rows[1:-1] + 0.25 * rows[2:]


@pytest.mark.parametrize("look_ahead_ms", LOOK_AHEADS_MS)
def test_streaming_equals_the_definition(look_ahead_ms: int) -> None:
    mel = np.random.default_rng(1).normal(-3, 1.5, (300, BAND_COUNT)).astype(np.float32)
    network = MouthNetwork(look_ahead_ms)
    rows = np.concatenate([network.push(part) for part in np.array_split(mel, 71)])
    np.testing.assert_allclose(rows, direct(mel, look_ahead_ms), atol=2e-5)


def test_an_output_depends_on_as_many_frames_as_it_remembers() -> None:
    memory_frames = 1 + sum(layer.reach for layer in _load_weights().layers)
    mel = np.random.default_rng(2).normal(-3, 1.5, (2 * memory_frames, BAND_COUNT)).astype(np.float32)
    other = mel.copy()
    other[50] += 2
    a, b = MouthNetwork(40).push(mel), MouthNetwork(40).push(other)
    changed = np.flatnonzero(np.abs(a - b).max(axis=1) > 0)
    assert changed[0] == 50
    assert changed[-1] < 50 + memory_frames + 2
    assert changed[-1] > 50 + 0.8 * memory_frames


def test_outputs_are_shares() -> None:
    mel = np.random.default_rng(3).normal(-2, 3, (100, BAND_COUNT)).astype(np.float32)
    outputs = MouthNetwork(80).push(mel)
    assert outputs.shape == (100, len(TARGETS))
    assert outputs.min() >= 0
    assert outputs.max() <= 1


def test_silence_leaves_the_network_where_reset_puts_it() -> None:
    silence, _ = MelStream().push(np.zeros(HOP_SAMPLES * 20, np.float32))
    network = MouthNetwork(40)
    network.reset()
    outputs = network.push(silence)
    np.testing.assert_allclose(outputs, outputs[:1].repeat(20, axis=0), atol=1e-5)
    assert outputs.max() < 0.05


def test_a_tone_lands_in_its_band() -> None:
    t = np.arange(8_000) / 16_000
    peaks = []
    for frequency_hz in (300, 1000, 3000, 6000):
        mel, loudness_db = MelStream().push((0.5 * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32))
        peaks.append(int(mel[-1].argmax()))
        assert loudness_db[-1] == pytest.approx(20 * np.log10(0.5 / np.sqrt(2)), abs=0.3)
    mel_of_hz = 2595 * np.log10(1 + np.array([60, 300, 1000, 3000, 6000, 7600]) / 700)
    expected = (mel_of_hz[1:-1] - mel_of_hz[0]) / (mel_of_hz[-1] - mel_of_hz[0]) * (BAND_COUNT + 1) - 1
    np.testing.assert_allclose(peaks, expected, atol=1)
