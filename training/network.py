"""The network while it learns, in jax; :mod:`visavis.speech.network` is the same in numpy, stream by stream."""

from __future__ import annotations

from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np

from training.dataset import CLASS_LETTERS
from visavis.speech.articulation import TARGETS
from visavis.speech.features import BAND_COUNT
from visavis.speech.network import LOOK_AHEADS_MS, MEL_MEAN, MEL_SCALE

CHANNELS: Final = 112
HEAD_UNITS: Final = 64
FIRST_TAPS: Final = 5
TAPS: Final = 3
DILATIONS: Final = (1, 2, 4, 8, 16, 32, 1, 2)


Parameters = dict[str, Any]
"""``layers``: (weights ``[taps, inputs, outputs]``, bias) of each convolution; ``heads``: by look-ahead in ms, hidden
weights, bias, output weights, bias; ``classes``: weights and bias of the sounds, which only learning needs."""


def initial(seed: int) -> Parameters:
    """Random weights (He et al. 2015), the residual branches smaller the more of them there are."""
    random = np.random.default_rng(seed)

    def matrix(*shape: int, gain: float = 1.0) -> jax.Array:
        fan_in = int(np.prod(shape[:-1]))
        return jnp.asarray(random.normal(0, gain * np.sqrt(2 / fan_in), shape), jnp.float32)

    residual = 1 / np.sqrt(len(DILATIONS))
    layers = [(matrix(FIRST_TAPS, BAND_COUNT, CHANNELS), jnp.zeros(CHANNELS))]
    layers += [(matrix(TAPS, CHANNELS, CHANNELS, gain=residual), jnp.zeros(CHANNELS)) for _ in DILATIONS]
    heads = {
        str(look_ahead_ms): (
            matrix(CHANNELS, HEAD_UNITS),
            jnp.zeros(HEAD_UNITS),
            matrix(HEAD_UNITS, len(TARGETS), gain=0.3),
            jnp.full(len(TARGETS), -1.5),
        )
        for look_ahead_ms in LOOK_AHEADS_MS
    }
    classes = (matrix(CHANNELS, len(CLASS_LETTERS), gain=0.3), jnp.zeros(len(CLASS_LETTERS)))
    return {"layers": layers, "heads": heads, "classes": classes}


def trunk(parameters: Parameters, mel: jax.Array) -> jax.Array:
    """``[batch, rows, BAND_COUNT]`` to ``[batch, rows, CHANNELS]``; causal."""
    state = (mel - MEL_MEAN) * MEL_SCALE
    for index, ((weights, bias), dilation) in enumerate(zip(parameters["layers"], (1, *DILATIONS), strict=True)):
        reach = (weights.shape[0] - 1) * dilation
        change = jax.lax.conv_general_dilated(
            jnp.pad(state, ((0, 0), (reach, 0), (0, 0))),
            weights,
            window_strides=(1,),
            padding="VALID",
            rhs_dilation=(dilation,),
            dimension_numbers=("NWC", "WIO", "NWC"),
        )
        change = jax.nn.relu(change + bias)
        state = state + change if index else change
    return state


def head(parameters: Parameters, state: jax.Array, look_ahead_ms: int) -> jax.Array:
    """Logits of the targets ``[batch, rows, len(TARGETS)]``, late by the look-ahead."""
    hidden_weights, hidden_bias, weights, bias = parameters["heads"][str(look_ahead_ms)]
    return jax.nn.relu(state @ hidden_weights + hidden_bias) @ weights + bias


def class_logits(parameters: Parameters, state: jax.Array) -> jax.Array:
    """Logits of the sounds, late by the longest look-ahead."""
    weights, bias = parameters["classes"]
    return state @ weights + bias
