"""What happens to speech before it is heard, as changes of its log-mel spectrum: throats, rooms, lines, noise, gain.

All of it is random and drawn anew for every crop. Powers add, so noise is mixed in the power domain; what that leaves
out (phase) is what the fluctuation of the noise itself hides. Channels that need the sound itself (codecs, real room
responses) are in the corpus.
"""

from __future__ import annotations

from typing import Final

import jax
import jax.numpy as jnp
import numpy as np

from visavis.speech.articulation import TARGETS
from visavis.speech.features import BAND_COUNT, SILENCE_LOG_POWER, band_centres_hz

THROAT_WARP: Final = (0.86, 1.16)
"""Formants move by the length of the vocal tract (Jaitly and Hinton 2013); children's are shortest."""
ROOM_SHARE: Final = 0.3
DECAY_S: Final = (0.15, 0.8)
"""Time in which a room's sound falls by 60 dB."""
NOISE_SHARE: Final = 0.5
SNR_DB: Final = (-3.0, 35.0)
PART_SHARE: Final = 0.5
"""Of the noises that begin or end while one listens: a door, a fan that is switched on."""
_ONSET_ROWS: Final = 3.0
TELEPHONE_SHARE: Final = 0.12
LOW_PASS_SHARE: Final = 0.15
GAIN_LOG10: Final = (-2.5, 1.0)
SILENT_SHARE: Final = 0.05
"""Of the crops in which nobody speaks: most of them are noise or music."""
SURE_ABOVE_DB: Final = 0.0
LOST_BELOW_DB: Final = -8.0
"""Speech that is louder than the noise by the first is shown in full, by the second or less not at all."""

_SPEECH: Final = TARGETS.index("speech")
_FLOOR: Final = 10.0**SILENCE_LOG_POWER
_BAND: Final = np.linspace(-1, 1, BAND_COUNT, dtype=np.float32)


def mixed(
    key: jax.Array, mel: jax.Array, targets: jax.Array, noise: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Speech as it might reach us.

    Args:
        mel: log10 power ``[batch, rows, BAND_COUNT]``.
        targets: ``[batch, rows, len(TARGETS)]``.
        noise: log10 power of recorded noise and music, as many.

    Returns:
        the spectrum; the targets, smaller where the speech drowns; and for each crop whether its sounds can be heard.
    """
    keys = iter(jax.random.split(key, 32))
    batch = len(mel)

    def uniform(low: float, high: float) -> jax.Array:
        return jax.random.uniform(next(keys), (batch, 1, 1), minval=low, maxval=high)

    def chance(share: float) -> jax.Array:
        return jax.random.bernoulli(next(keys), share, (batch, 1, 1))

    spoken = jnp.max(targets[:, :, _SPEECH], axis=1)[:, None, None] > 0.5
    silent = chance(SILENT_SHARE)
    power = _warped(10.0**mel, uniform(*THROAT_WARP))
    power = jnp.where(silent, _FLOOR, power)
    power = jnp.where(chance(ROOM_SHARE), _in_room(power, uniform(*DECAY_S), 10 ** uniform(-1.3, 0.0)), power)

    recorded = 10.0**noise
    hiss = _hiss(next(keys), mel.shape)
    others = jnp.roll(10.0**mel, 1, axis=0)
    babble = others + jnp.roll(others, 7, axis=0) + jnp.roll(others, 13, axis=0)
    # Where nobody speaks there are no other voices either: what is heard clearly is shown.
    kind = uniform(0, 1) * jnp.where(silent, 0.75, 1)
    noise_power = jnp.where(kind < 0.45, hiss, jnp.where(kind < 0.75, recorded, jnp.where(kind < 0.9, babble, others)))
    snr_db = jnp.where(silent, 0, uniform(*SNR_DB))
    level = jnp.where(spoken & ~silent, _level(power, targets[:, :, _SPEECH:]), 10 ** uniform(-3, 1))
    gain = level / jnp.maximum(_level(noise_power, jnp.ones_like(targets[:, :, :1])), 1e-9) * 10 ** (-snr_db / 10)
    there = jnp.where(chance(NOISE_SHARE) | (silent & chance(0.7)), _while_there(next(keys), batch, mel.shape[1]), 0)
    power = power + there * noise_power * gain

    power = power * 10 ** _equaliser(next(keys), batch)
    power = jnp.where(chance(TELEPHONE_SHARE), power * _band_pass(300.0, 3400.0), power)
    power = jnp.where(chance(LOW_PASS_SHARE), power * _low_pass(uniform(3500.0, 7000.0)), power)
    power = power * 10 ** uniform(*GAIN_LOG10)
    floor = jnp.where(chance(0.5), 10 ** uniform(-6.0, -4.0), 0)
    heard = jnp.log10(power + floor + _FLOOR)

    share = jnp.clip((snr_db - LOST_BELOW_DB) / (SURE_ABOVE_DB - LOST_BELOW_DB), 0, 1)
    shown = jnp.where(silent, 0, 1 - there * (1 - share))
    return heard, targets * shown, jnp.min(shown, axis=(1, 2)) > 0.7


def _while_there(key: jax.Array, batch: int, rows: int) -> jax.Array:
    """1 where a noise is, 0 before and after, ``[batch, rows, 1]``; half of them are there all the time."""
    part_key, *bound_keys = jax.random.split(key, 3)
    bounds = jnp.sort(jnp.stack([jax.random.uniform(k, (batch, 1, 1), maxval=1.5) for k in bound_keys]), axis=0)
    begin, end = (bounds - 0.25) * rows
    row = jnp.arange(rows, dtype=jnp.float32)[None, :, None]
    inside = jnp.clip((row - begin) / _ONSET_ROWS, 0, 1) * jnp.clip((end - row) / _ONSET_ROWS, 0, 1)
    return jnp.where(jax.random.bernoulli(part_key, PART_SHARE, (batch, 1, 1)), inside, 1.0)


def _warped(power: jax.Array, factor: jax.Array) -> jax.Array:
    position = jnp.clip(jnp.arange(BAND_COUNT) * factor, 0, BAND_COUNT - 1.001)
    low = position.astype(jnp.int32)
    share = position - low
    low = jnp.broadcast_to(low, power.shape)
    below, above = (jnp.take_along_axis(power, low + step, axis=2) for step in (0, 1))
    return below * (1 - share) + above * share


def _in_room(power: jax.Array, decay_s: jax.Array, wetness: jax.Array) -> jax.Array:
    kept = 10.0 ** (-6 * 0.01 / decay_s[:, 0])

    def step(tail: jax.Array, now: jax.Array) -> tuple[jax.Array, jax.Array]:
        return kept * (tail + now), tail

    _, tails = jax.lax.scan(step, jnp.zeros_like(power[:, 0]), jnp.swapaxes(power, 0, 1))
    return power + wetness * (1 - kept[:, None]) * jnp.swapaxes(tails, 0, 1)


def _hiss(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """Noise of a random colour; its bands fluctuate the more the narrower they are."""
    colour_key, fluctuation_key, wander_key = jax.random.split(key, 3)
    colour = _curve(colour_key, shape[0], steepness=1.5)
    fluctuation = jax.random.normal(fluctuation_key, (shape[0], shape[1] + 2, shape[2]))
    # Windows of 25 ms every 10 ms share most of what they hear.
    fluctuation = (0.5 * fluctuation[:, :-2] + fluctuation[:, 1:-1] + 0.5 * fluctuation[:, 2:]) / np.sqrt(1.5)
    bins = np.maximum(np.gradient(band_centres_hz()) / 31.25, 1.0)
    deviation = (1 / np.sqrt(bins)).astype(np.float32)
    wander = jnp.cumsum(0.02 * jax.random.normal(wander_key, (shape[0], shape[1], 1)), axis=1)
    return 10**colour * jnp.exp(deviation * fluctuation - deviation**2 / 2) * 10 ** (wander - wander[:, :1])


def _equaliser(key: jax.Array, batch: int) -> jax.Array:
    return _curve(key, batch, steepness=0.5)


def _curve(key: jax.Array, batch: int, steepness: float) -> jax.Array:
    """Random smooth curves over the bands, log10."""
    factors = jax.random.normal(key, (batch, 4, 1))
    shapes = jnp.stack([jnp.asarray(_BAND), *(jnp.cos(np.pi * k * (_BAND + 1) / 2) for k in (2, 3, 4))])
    weights = jnp.asarray([1.0, 0.4, 0.3, 0.2])[:, None]
    return steepness * jnp.sum(factors * weights * shapes, axis=1)[:, None, :]


def _band_pass(low_hz: float, high_hz: float) -> jax.Array:
    centres_hz = band_centres_hz()
    outside_octaves = np.maximum(np.log2(low_hz / centres_hz), 0) + np.maximum(np.log2(centres_hz / high_hz), 0)
    return jnp.asarray(10 ** (-np.minimum(outside_octaves * 8, 6)), jnp.float32)


def _low_pass(high_hz: jax.Array) -> jax.Array:
    octaves = jnp.maximum(jnp.log2(jnp.asarray(band_centres_hz()) / high_hz), 0)
    return 10 ** (-jnp.minimum(octaves * 12, 6))


def _level(power: jax.Array, weight: jax.Array) -> jax.Array:
    """Mean power over the rows that count, ``[batch, 1, 1]``."""
    total = jnp.sum(power, axis=2, keepdims=True)
    return jnp.sum(total * weight, axis=1, keepdims=True) / jnp.maximum(jnp.sum(weight, axis=1, keepdims=True), 1)
