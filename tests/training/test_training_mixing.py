"""What happens to speech before the network hears it."""

import jax
import numpy as np
import pytest
from numpy.typing import NDArray

from training.dataset import CLASS_LETTERS, class_rows
from training.mixing import mixed
from visavis.speech.articulation import TARGETS, articulation_track
from visavis.speech.features import BAND_COUNT, SILENCE_LOG_POWER
from visavis.speech.phones import Phone

ROWS, BATCH = 300, 24
PHONES = tuple(Phone("ma"[k % 2], 0.5 + 0.1 * k, 0.6 + 0.1 * k) for k in range(15))


@pytest.fixture(scope="module")
def batch() -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Speech, its targets, and noise."""
    random = np.random.default_rng(0)
    targets = articulation_track(PHONES, ROWS)
    mel = np.where(targets[:, -1:] > 0.5, random.normal(-1, 0.8, (BATCH, ROWS, BAND_COUNT)), SILENCE_LOG_POWER)
    noise = random.normal(-2, 0.3, (BATCH, ROWS, BAND_COUNT))
    return mel.astype(np.float32), np.repeat(targets[None], BATCH, axis=0), noise.astype(np.float32)


def test_mixing_is_finite_random_and_repeatable(batch: tuple[NDArray[np.float32], ...]) -> None:
    once, again, other = (np.asarray(mixed(jax.random.key(seed), *batch)[0]) for seed in (1, 1, 2))
    assert np.isfinite(once).all()
    assert once.min() >= SILENCE_LOG_POWER - 1e-3
    np.testing.assert_array_equal(once, again)
    assert np.abs(once - other).mean() > 0.1
    assert np.std(once.mean(axis=(1, 2))) > 0.3


def test_targets_are_kept_or_made_smaller_row_by_row(batch: tuple[NDArray[np.float32], ...]) -> None:
    _, targets, _ = batch
    shares, changes = [], []
    for seed in range(24):
        shown, audible = (np.asarray(array) for array in mixed(jax.random.key(seed), *batch)[1:])
        share = shown.sum(axis=2) / np.maximum(targets.sum(axis=2), 1e-6)
        np.testing.assert_allclose(shown, targets * share[..., None], atol=1e-5)
        spoken = targets[0, :, -1] > 0.5
        assert (share[:, spoken].min(axis=1)[audible] > 0.69).all()
        shares += share[:, spoken].mean(axis=1).tolist()
        changes += np.ptp(share[:, spoken], axis=1).tolist()
    assert np.mean(np.array(shares) > 0.99) > 0.6
    assert min(shares) < 0.01, "some crops are of nobody"
    assert max(changes) > 0.05, "some noise begins or ends while somebody speaks"


def test_rows_know_their_sounds() -> None:
    classes = class_rows((Phone("p", 0.1, 0.2), Phone("aɪ", 0.2, 0.3), Phone("ǂ", 0.3, 0.4)), 50)
    assert CLASS_LETTERS[classes[15]].startswith("p")
    assert "a" in CLASS_LETTERS[classes[22]] and "ɪ" in CLASS_LETTERS[classes[28]]
    assert classes[35] == 255
    assert classes[5] == classes[45] == 0


def test_every_column_is_a_target() -> None:
    assert articulation_track(PHONES, 10).shape[1] == len(TARGETS)
