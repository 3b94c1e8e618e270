"""The network from log-mel frames to mouth parameters, in plain numpy.

A causal convolution network of 91 thousand weights (``weights/MODEL_CARD.md``): one convolution of 5 frames, six
residual dilated ones of 3, and a small head for each look-ahead. It remembers 69 frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from visavis.speech.features import BAND_COUNT, SILENCE_LOG_POWER

LOOK_AHEADS_MS: Final = (0, 40, 80, 120)
"""How much sound after an instant the network may hear before it says what the mouth does at that instant."""

PARAMETERS: Final = ("jaw", "close", "round", "stretch", "tuck", "tongue", "th", "funnel", "speech")
"""Columns of the first output, each 0..1: jaw opening, lips sealed (p b m), lip rounding, lip spreading, lower lip
under the teeth (f v), tongue tip up, tongue between the teeth, lips funnelled (sh ch), and whether anyone speaks."""

MEMORY_FRAMES: Final = 69
"""Frames that an output depends on."""

_VISEME_COUNT: Final = 15
_BLOCK_FRAMES: Final = 64


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
    """By look-ahead in ms: hidden weights ``[64, 48]``, bias, output weights ``[48, 24]``, bias."""


class MouthNetwork:
    """One stream through the network. Weights are shared by all streams of a process; the memory is 17 KB."""

    def __init__(self, look_ahead_ms: int) -> None:
        """``look_ahead_ms``: one of :data:`LOOK_AHEADS_MS`."""
        weights = _load_weights()
        self._layers = weights.layers
        self._head = weights.heads[look_ahead_ms]
        width = len(self._layers[0].bias)
        self._past = [np.zeros((layer.reach + _BLOCK_FRAMES, layer.inputs), np.float32) for layer in self._layers]
        self._stacked = [np.empty((_BLOCK_FRAMES, len(layer.weights)), np.float32) for layer in self._layers]
        self._sum = np.empty((_BLOCK_FRAMES, width), np.float32)
        self._change = np.empty((_BLOCK_FRAMES, width), np.float32)

    def reset(self) -> None:
        """As if silence had gone on for ever."""
        for past, remembered in zip(self._past, _past_of_silence(), strict=True):
            past[: len(remembered)] = remembered

    def copy_state_from(self, other: MouthNetwork) -> None:
        """Continue where another stream stands."""
        for mine, theirs in zip(self._past, other._past, strict=True):
            mine[:] = theirs

    def push(self, mel: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """One output row per frame; row i tells of the instant ``look_ahead_ms`` before the end of frame i.

        Args:
            mel: log10 power ``float32 [frames, BAND_COUNT]``.

        Returns:
            parameters ``float32 [frames, len(PARAMETERS)]`` and viseme probabilities
            ``float32 [frames, len(face.VISEMES)]``.
        """
        rows = np.empty((len(mel), len(PARAMETERS) + _VISEME_COUNT), np.float32)
        for start in range(0, len(mel), _BLOCK_FRAMES):
            block = mel[start : start + _BLOCK_FRAMES]
            self._run(block, rows[start : start + len(block)])
        parameters = np.asarray(1 / (1 + np.exp(-rows[:, : len(PARAMETERS)])), np.float32)
        logits = rows[:, len(PARAMETERS) :]
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return parameters, np.asarray(odds / odds.sum(axis=1, keepdims=True), np.float32)

    def _run(self, mel: NDArray[np.float32], rows: NDArray[np.float32]) -> None:
        count = len(mel)
        total, change = self._sum[:count], self._change[:count]
        for index, (layer, past, stacked) in enumerate(zip(self._layers, self._past, self._stacked, strict=True)):
            reach = layer.reach
            if index:
                past[reach : reach + count] = total
            else:
                np.multiply(mel + np.float32(3), np.float32(1 / 1.5), out=past[reach : reach + count])
            for tap in range(layer.taps):
                columns = slice(tap * layer.inputs, (tap + 1) * layer.inputs)
                stacked[:count, columns] = past[tap * layer.dilation : tap * layer.dilation + count]
            np.matmul(stacked[:count], layer.weights, out=change)
            change += layer.bias
            np.maximum(change, 0, out=change)
            if index:
                total += change
            else:
                total[:] = change
            past[:reach] = past[count : count + reach]
        hidden_weights, hidden_bias, weights, bias = self._head
        hidden = np.maximum(total @ hidden_weights + hidden_bias, 0)
        np.add(hidden @ weights, bias, out=rows)


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
        outputs, inputs, taps = arrays[f"w{index}"].shape
        kernel = read(f"w{index}").transpose(2, 1, 0).reshape(taps * inputs, outputs)
        layers.append(_Convolution(kernel, read(f"b{index}"), taps, int(arrays[f"d{index}"]), inputs))
    heads = {
        look_ahead_ms: tuple(
            np.ascontiguousarray(read(f"h{look_ahead_ms}_{name}").T) for name in ("w0", "b0", "w1", "b1")
        )
        for look_ahead_ms in LOOK_AHEADS_MS
    }
    return _Weights(tuple(layers), heads)


@lru_cache(maxsize=1)
def _past_of_silence() -> tuple[NDArray[np.float32], ...]:
    # Zeros would stand for a sound of middling loudness, and the mouth would twitch at the start of every stream.
    network = MouthNetwork(LOOK_AHEADS_MS[0])
    network.push(np.full((2 * MEMORY_FRAMES, BAND_COUNT), SILENCE_LOG_POWER, np.float32))
    return tuple(past[: layer.reach].copy() for layer, past in zip(network._layers, network._past, strict=True))
