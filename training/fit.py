"""Learning: random crops, Muon, and a running mean of the weights, which is what is kept."""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray
from optax.contrib import MuonDimensionNumbers, muon
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from training.dataset import UNKNOWN_CLASS, Stream, crops
from training.mixing import mixed
from training.network import Parameters, class_logits, head, initial, trunk
from visavis.speech.articulation import TARGETS
from visavis.speech.network import LOOK_AHEADS_MS, heard_hops

BATCH: Final = 32
ROWS: Final = 400
UNSURE_ROWS: Final = 40
"""At the start of a crop the network cannot know what was before: those rows do not count."""
LEARNING_RATE: Final = 0.015
"""Of the matrices, which Muon turns by orthogonal steps (Jordan et al. 2024): after 600 steps it knew more than Adam
after 4000. The biases are Adam's."""
BIAS_LEARNING_RATE: Final = 2e-3
WARM_UP_STEPS: Final = 200
WEIGHT_DECAY: Final = 0.01
AVERAGE_DECAY: Final = 0.999
CHECK_STEPS: Final = 2000

TARGET_WEIGHTS: Final = {"jawOpen": 2.0, "mouthClose": 3.0, "lipTuck": 2.0}
"""Of the position; what is not named weighs 1."""
VELOCITY_WEIGHT: Final = 5.0
"""More of it, or accelerations as well, make a mouth that mumbles: what is not sure to be fast is not made at all."""
CLASS_WEIGHT: Final = 0.08

_TIMED_STEPS: Final = 30

log = logging.getLogger("training")

_WEIGHTS: Final = np.array([TARGET_WEIGHTS.get(name, 1.0) for name in TARGETS], np.float32)


@dataclass
class State:
    """All that learning goes on from."""

    parameters: Parameters
    average: Parameters
    optimiser: Any
    step: int


def fit(
    speech: list[Stream],
    weights: NDArray[np.float64],
    noise: list[Stream],
    *,
    steps: int,
    checkpoint: Path,
    seed: int,
    check: Callable[[int, Parameters], None],
) -> Parameters:
    """Learn for so many steps, or for what is left of them where ``checkpoint`` exists.

    Args:
        weights: how often a crop is taken of each stream of speech, sums to 1.
        check: called now and then with the step and the mean weights so far.

    Returns:
        the mean weights.
    """
    optimiser = _optimiser(steps)
    state = _resumed(checkpoint) or _fresh(optimiser, seed)
    batches = _batches(speech, weights, noise, seed + 2 * state.step)
    learn = jax.jit(partial(_step, optimiser), donate_argnums=(0, 1, 2))
    key = jax.random.key(seed)
    columns = (TextColumn("learning"), BarColumn(), TextColumn("{task.completed}/{task.total}  {task.description}"))
    with Progress(*columns, TimeRemainingColumn()) as progress:
        task = progress.add_task("", total=steps, completed=state.step)
        losses: list[dict[str, jax.Array]] = []
        saved_s = time.monotonic()
        while state.step < steps:
            state.parameters, state.average, state.optimiser, loss = learn(
                state.parameters, state.average, state.optimiser, jax.random.fold_in(key, state.step), *next(batches)
            )
            state.step += 1
            losses.append(loss)
            if state.step % 100 == 0:
                told = {name: float(np.mean([item[name] for item in losses])) for name in loss}
                losses.clear()
                line = "  ".join(f"{name} {value:.4f}" for name, value in told.items())
                progress.update(task, completed=state.step, description=line)
                if state.step % 500 == 0:
                    log.info("step %d  %s", state.step, line)
            if state.step % CHECK_STEPS == 0 or state.step == steps:
                check(state.step, state.average)
            if time.monotonic() - saved_s > 120 or state.step == steps:
                _save(checkpoint, state)
                saved_s = time.monotonic()
    return state.average


def seconds_per_step(speech: list[Stream], weights: NDArray[np.float64], noise: list[Stream]) -> float:
    """How long this machine takes for a step, by taking some."""
    optimiser = _optimiser(_TIMED_STEPS)
    state = _fresh(optimiser, seed=0)
    batches = _batches(speech, weights, noise, seed=0)
    learn = jax.jit(partial(_step, optimiser), donate_argnums=(0, 1, 2))
    took_s = []
    for step in range(_TIMED_STEPS):
        began_s = time.monotonic()
        state.parameters, state.average, state.optimiser, loss = learn(
            state.parameters, state.average, state.optimiser, jax.random.key(step), *next(batches)
        )
        jax.block_until_ready(loss)
        took_s.append(time.monotonic() - began_s)
    return float(np.median(took_s))


def _optimiser(steps: int) -> optax.GradientTransformation:
    def schedule(peak: float) -> optax.Schedule:
        return optax.warmup_cosine_decay_schedule(0.0, peak, min(WARM_UP_STEPS, steps // 2), steps, 0.01 * peak)

    return optax.chain(
        optax.clip_by_global_norm(1.0),
        muon(
            schedule(LEARNING_RATE),
            weight_decay=WEIGHT_DECAY,
            adam_learning_rate=schedule(BIAS_LEARNING_RATE),
            muon_weight_dimension_numbers=_matrices,
        ),
    )


def _matrices(parameters: Parameters) -> Any:
    """How Muon shall see them: a convolution as one matrix of all its taps' inputs by its outputs."""

    def seen(array: jax.Array) -> MuonDimensionNumbers | None:
        if array.ndim < 2 or array.shape[-1] <= len(TARGETS):
            return None
        return MuonDimensionNumbers(reduction_axis=tuple(range(array.ndim - 1)), output_axis=array.ndim - 1)

    return jax.tree.map(seen, parameters)


def _batches(
    speech: list[Stream], weights: NDArray[np.float64], noise: list[Stream], seed: int
) -> Iterator[tuple[NDArray[Any], ...]]:
    """Spectra, targets and classes of random speech, and spectra of random noise, for ever."""
    speech_crops = crops(speech, weights, ROWS, seed)
    # A short recording is heard more often than its length says: kinds of noise matter, not hours.
    shares = np.sqrt([stream.hours for stream in noise])
    noise_crops = crops(noise, shares / shares.sum(), ROWS, seed + 1)
    while True:
        batch = [next(speech_crops) for _ in range(BATCH)]
        sounds = [next(noise_crops).mel for _ in range(BATCH)]
        spectra, targets, classes = zip(*((crop.mel, crop.targets, crop.classes) for crop in batch), strict=True)
        yield np.stack(spectra), np.stack(targets), np.stack(classes), np.stack(sounds)


def _fresh(optimiser: optax.GradientTransformation, seed: int) -> State:
    parameters = initial(seed)
    return State(parameters, jax.tree.map(jnp.copy, parameters), optimiser.init(parameters), 0)


def _step(
    optimiser: optax.GradientTransformation,
    parameters: Parameters,
    average: Parameters,
    optimiser_state: Any,
    key: jax.Array,
    mel: jax.Array,
    targets: jax.Array,
    classes: jax.Array,
    noise: jax.Array,
) -> tuple[Parameters, Parameters, Any, dict[str, jax.Array]]:
    heard, shown, audible = mixed(key, mel, targets, noise)
    (_, parts), slope = jax.value_and_grad(_loss, has_aux=True)(parameters, heard, shown, classes, audible)
    changes, optimiser_state = optimiser.update(slope, optimiser_state, parameters)
    parameters = optax.apply_updates(parameters, changes)
    average = jax.tree.map(lambda mean, now: AVERAGE_DECAY * mean + (1 - AVERAGE_DECAY) * now, average, parameters)
    return parameters, average, optimiser_state, parts


def _loss(
    parameters: Parameters, mel: jax.Array, targets: jax.Array, classes: jax.Array, audible: jax.Array
) -> tuple[jax.Array, dict[str, jax.Array]]:
    state = trunk(parameters, mel)
    position = velocity = jnp.zeros(())
    for look_ahead_ms in LOOK_AHEADS_MS:
        hops = heard_hops(look_ahead_ms)
        logits = head(parameters, state, look_ahead_ms)[:, UNSURE_ROWS + hops :]
        wanted = targets[:, UNSURE_ROWS : targets.shape[1] - hops]
        position += jnp.mean(_WEIGHTS * _cross_entropy(logits, wanted)) / len(LOOK_AHEADS_MS)
        moved = jnp.diff(jax.nn.sigmoid(logits), axis=1) - jnp.diff(wanted, axis=1)
        velocity += jnp.mean(_WEIGHTS * moved**2) / len(LOOK_AHEADS_MS)
    hops = max(LOOK_AHEADS_MS) // 10
    guessed = class_logits(parameters, state)[:, UNSURE_ROWS + hops :]
    true = classes[:, UNSURE_ROWS : classes.shape[1] - hops].astype(jnp.int32)
    known = (true != UNKNOWN_CLASS) & audible[:, None]
    surprise = optax.softmax_cross_entropy_with_integer_labels(guessed, jnp.where(known, true, 0))
    sounds = jnp.sum(jnp.where(known, surprise, 0)) / jnp.maximum(jnp.sum(known), 1)
    total = position + VELOCITY_WEIGHT * velocity + CLASS_WEIGHT * sounds
    return total, {"position": position, "velocity": velocity, "sounds": sounds}


def _cross_entropy(logits: jax.Array, wanted: jax.Array) -> jax.Array:
    """Binary cross entropy less the entropy of what is wanted: 0 where they agree."""
    entropy = -(jax.scipy.special.xlogy(wanted, wanted) + jax.scipy.special.xlogy(1 - wanted, 1 - wanted))
    return optax.sigmoid_binary_cross_entropy(logits, wanted) - entropy


def _save(file: Path, state: State) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_bytes(pickle.dumps(jax.tree.map(np.asarray, vars(state))))
    part.rename(file)


def _resumed(file: Path) -> State | None:
    if not file.exists():
        return None
    state = State(**pickle.loads(file.read_bytes()))
    if jax.tree.map(np.shape, state.parameters) != jax.tree.map(np.shape, initial(0)):
        raise SystemExit(f"{file} is of another network: remove it, or name another run with --run")
    return state
