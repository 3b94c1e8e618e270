"""The network's own outputs on a whole recording, for jax parameters or the shipped weights."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from training.dataset import mel_rows
from training.network import Parameters, head, trunk
from visavis.speech.features import BAND_COUNT, HOP_SAMPLES, SILENCE_LOG_POWER
from visavis.speech.network import MouthNetwork, heard_hops

_LEAD_ROWS = 160
_STEP_ROWS = 512


def outputs(pcm: NDArray[np.float32], look_ahead_ms: int) -> NDArray[np.float32]:
    """Of the shipped network, ``float32 [rows, len(TARGETS)]``; row k is the instant ``k`` hops."""
    hops = look_ahead_ms // 10
    network = MouthNetwork(look_ahead_ms)
    network.reset()
    return network.push(mel_rows(_with_silence(pcm, hops)))[hops:]


def outputs_of(parameters: Parameters, pcm: NDArray[np.float32], look_ahead_ms: int) -> NDArray[np.float32]:
    """The same of weights that are being learnt."""
    hops = heard_hops(look_ahead_ms)
    mel = mel_rows(_with_silence(pcm, hops))
    # Few lengths, few compilations.
    padded = -(-(len(mel) + _LEAD_ROWS) // _STEP_ROWS) * _STEP_ROWS
    rows = np.full((padded, BAND_COUNT), SILENCE_LOG_POWER, np.float32)
    rows[_LEAD_ROWS : _LEAD_ROWS + len(mel)] = mel
    return np.asarray(_logistic(parameters, rows, look_ahead_ms))[_LEAD_ROWS + hops : _LEAD_ROWS + len(mel)]


@jax.jit(static_argnums=2)
def _logistic(parameters: Parameters, mel: jax.Array, look_ahead_ms: int) -> jax.Array:
    return jax.nn.sigmoid(head(parameters, trunk(parameters, jnp.asarray(mel)[None]), look_ahead_ms)[0])


def _with_silence(pcm: NDArray[np.float32], hops: int) -> NDArray[np.float32]:
    """Enough silence behind it that its last row is known."""
    missing = -len(pcm) % HOP_SAMPLES + hops * HOP_SAMPLES
    return np.concatenate((pcm, np.zeros(missing, np.float32)))
