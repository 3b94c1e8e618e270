"""What is learnt is what runs: the network in jax, its file, and the network in numpy."""

from pathlib import Path

import jax
import numpy as np
import pytest

from training.export import export
from training.network import head, initial, trunk
from visavis.speech import network as shipped
from visavis.speech.features import BAND_COUNT


@pytest.fixture
def exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Random parameters, and the package as if it had been shipped with them."""
    parameters = initial(seed=3)
    rounded = jax.tree.map(lambda array: np.asarray(array, np.float16).astype(np.float32), parameters)
    (tmp_path / "weights").mkdir()
    export(parameters, tmp_path / "weights" / "mouth.npz")
    monkeypatch.setattr(shipped, "files", lambda package: tmp_path)
    shipped._load_weights.cache_clear()
    yield rounded
    shipped._load_weights.cache_clear()


@pytest.mark.parametrize("look_ahead_ms", shipped.LOOK_AHEADS_MS)
def test_numpy_says_what_jax_says(exported: dict[str, object], look_ahead_ms: int) -> None:
    mel = np.random.default_rng(1).normal(-3, 1.5, (200, BAND_COUNT)).astype(np.float32)
    # Both begin with zeros behind them.
    wanted = np.asarray(jax.nn.sigmoid(head(exported, trunk(exported, mel[None]), look_ahead_ms))[0])
    if look_ahead_ms:
        # An instant later: the last hop of a look-ahead goes into smoothing.
        assert shipped.heard_hops(look_ahead_ms) == look_ahead_ms // 10 - 1
        wanted = np.concatenate((np.zeros((2, wanted.shape[1])), wanted))
        wanted = 0.25 * wanted[:-2] + 0.5 * wanted[1:-1] + 0.25 * wanted[2:]
    got = shipped.MouthNetwork(look_ahead_ms).push(mel)
    np.testing.assert_allclose(got, wanted, atol=2e-5)
