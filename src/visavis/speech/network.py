"""The network from log-mel frames to a mouth, in plain numpy.

A causal convolution network (``weights/MODEL_CARD.md``): one convolution of 5 frames, residual dilated ones of 3, and
a small head for each look-ahead. It remembers 137 frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.speech.articulation import TARGETS
from visavis.speech.features import BAND_COUNT, SILENCE_LOG_POWER

LOOK_AHEADS_MS: Final = (0, 40, 80, 120)
"""How much sound after an instant the network may hear before it says what the mouth does at that instant."""

MEL_MEAN: Final = -2.5
MEL_SCALE: Final = 0.7
"""Of log10 power, to numbers about -1..1."""

_BLOCK_FRAMES: Final = 64
_SILENCE: Final = np.full((2, BAND_COUNT), SILENCE_LOG_POWER, np.float32)
_SMOOTHING: Final = np.array([0.25, 0.5, 0.25], np.float32)
"""Of three rows around an instant: what trembles from row to row is not the mouth's."""


def heard_hops(look_ahead_ms: int) -> int:
    """How many hops after an instant its head has heard; the last one of a look-ahead is the smoothing's."""
    return max(look_ahead_ms // 10 - 1, 0)


@dataclass(frozen=True, slots=True)
class _Convolution:
    weights: NDArray[np.float32]
    """``[taps * inputs, outputs]``, oldest tap first."""
    bias: NDArray[np.float32]
    """``[outputs]``"""
    taps: int
    dilation: int
    inputs: int

    @property
    def reach(self) -> int:
        """Past frames needed."""
        return (self.taps - 1) * self.dilation


@dataclass(frozen=True, slots=True)
class _Weights:
    layers: tuple[_Convolution, ...]
    heads: dict[int, tuple[NDArray[np.float32], ...]]
    """By look-ahead in ms: hidden weights ``[width, units]``, bias, output weights ``[units, len(TARGETS)]``, bias."""


class MouthNetwork:
    """One stream through the network. Weights are shared by all streams of a process; the memory is 70 KB."""

    def __init__(self, look_ahead_ms: int) -> None:
        """``look_ahead_ms``: one of :data:`LOOK_AHEADS_MS`."""
        weights = _load_weights()
        self._layers = weights.layers
        self._head = weights.heads[look_ahead_ms]
        self._smooths = heard_hops(look_ahead_ms) < look_ahead_ms // 10
        self._last_rows = np.zeros((2, len(TARGETS)), np.float32)
        width = len(self._layers[0].bias)
        self._past = [np.zeros((layer.reach + _BLOCK_FRAMES, layer.inputs), np.float32) for layer in self._layers]
        self._stacked = [np.zeros((_BLOCK_FRAMES, len(layer.weights)), np.float32) for layer in self._layers]
        self._sum = np.zeros((_BLOCK_FRAMES, width), np.float32)
        self._change = np.zeros((_BLOCK_FRAMES, width), np.float32)

    def reset(self) -> None:
        """As if silence had gone on for ever."""
        for past, remembered in zip(self._past, _past_of_silence(), strict=True):
            past[: len(remembered)] = remembered
        self.push(_SILENCE)

    def copy_state_from(self, other: MouthNetwork) -> None:
        """Continue where another stream stands."""
        for mine, theirs in zip(self._past, other._past, strict=True):
            mine[:] = theirs
        self._last_rows[:] = other._last_rows

    def push(self, mel: NDArray[np.float32]) -> NDArray[np.float32]:
        """One output row per frame; row i tells of the instant ``look_ahead_ms`` before the end of frame i.

        Args:
            mel: log10 power ``float32 [frames, BAND_COUNT]``.

        Returns:
            ``float32 [frames, len(TARGETS)]``, each 0..1.
        """
        rows = np.empty((2 + len(mel), len(TARGETS)), np.float32)
        rows[:2] = self._last_rows
        for start in range(0, len(mel), _BLOCK_FRAMES):
            block = mel[start : start + _BLOCK_FRAMES]
            self._run(block, rows[2 + start : 2 + start + len(block)])
        rows[2:] = 1 / (1 + np.exp(-rows[2:]))
        self._last_rows[:] = rows[-2:]
        if not self._smooths:
            return rows[2:]
        before, now, after = _SMOOTHING
        return np.asarray(before * rows[:-2] + now * rows[1:-1] + after * rows[2:], np.float32)

    def _run(self, mel: NDArray[np.float32], rows: NDArray[np.float32]) -> None:
        count = len(mel)
        # Of an even number of rows BLAS makes the same sums whatever the number: one row more, which nobody reads.
        even = count + count % 2
        total, change = self._sum[:even], self._change[:even]
        for index, (layer, past, stacked) in enumerate(zip(self._layers, self._past, self._stacked, strict=True)):
            reach = layer.reach
            if index:
                past[reach : reach + count] = total[:count]
            else:
                np.multiply(mel - np.float32(MEL_MEAN), np.float32(MEL_SCALE), out=past[reach : reach + count])
            for tap in range(layer.taps):
                columns = slice(tap * layer.inputs, (tap + 1) * layer.inputs)
                stacked[:count, columns] = past[tap * layer.dilation : tap * layer.dilation + count]
            np.matmul(stacked[:even], layer.weights, out=change)
            change += layer.bias
            np.maximum(change, 0, out=change)
            if index:
                total += change
            else:
                total[:] = change
            past[:reach] = past[count : count + reach]
        hidden_weights, hidden_bias, weights, bias = self._head
        hidden = np.maximum(total @ hidden_weights + hidden_bias, 0)
        np.add((hidden @ weights)[:count], bias, out=rows)


@lru_cache(maxsize=1)
def _load_weights() -> _Weights:
    with (files("visavis.speech") / "weights" / "mouth.npz").open("rb") as file:
        arrays = dict(np.load(file, allow_pickle=False))

    def read(name: str) -> NDArray[np.float32]:
        array = np.ascontiguousarray(arrays[name], np.float32)
        array.flags.writeable = False
        return array

    layers = []
    for index in range(sum(name.startswith("d") for name in arrays)):
        taps, inputs, outputs = arrays[f"w{index}"].shape
        kernel = read(f"w{index}").reshape(taps * inputs, outputs)
        layers.append(_Convolution(kernel, read(f"b{index}"), taps, int(arrays[f"d{index}"]), inputs))
    heads = {
        look_ahead_ms: tuple(read(f"h{look_ahead_ms}_{name}") for name in ("w0", "b0", "w1", "b1"))
        for look_ahead_ms in LOOK_AHEADS_MS
    }
    return _Weights(tuple(layers), heads)


@lru_cache(maxsize=1)
def _past_of_silence() -> tuple[NDArray[np.float32], ...]:
    # Zeros would stand for a sound of middling loudness, and the mouth would twitch at the start of every stream.
    network = MouthNetwork(LOOK_AHEADS_MS[0])
    memory_frames = 1 + sum(layer.reach for layer in network._layers)
    network.push(np.full((memory_frames, BAND_COUNT), SILENCE_LOG_POWER, np.float32))
    return tuple(past[: layer.reach].copy() for layer, past in zip(network._layers, network._past, strict=True))
