"""A LiveKit agent speaks through an avatar: how late it is heard and seen, how soon it is silenced, what it is told.

Interruptions come while a vowel is held: the mouth is open and there is sound in every instant, so the end of both can
be told to a piece of sound and to a picture.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from visavis.bench.marks import (
    closed_s,
    heard_duration_s,
    heard_s,
    lips_after_onset_s,
    opened_s,
    percentiles,
    silent_s,
)
from visavis.bench.speaker import IDENTITY, Finished, Speaker, speaking_agent
from visavis.bench.stage import AVATAR_IDENTITY, Stage, over_hum, watched
from visavis.bench.subject import SYLLABLE, held_vowel, onset_s, said
from visavis.bench.subscriber import Subscriber

SYLLABLES: Final = 30
INTERRUPTIONS: Final = 20
WHOLE_SEGMENTS: Final = 8
_SYLLABLE_EVERY_S: Final = 1.1
_VOWEL_S: Final = 6.0
_SHORT_VOWEL_S: Final = 1.2
_AFTERMATH_S: Final = 1.2
"""So long after an interruption, or an end, everything has come to rest, and every answer has come."""
_ANSWER_TIMEOUT_S: Final = 5.0


async def measure(stage: Stage, on_step: Callable[[str], None]) -> dict[str, float]:
    """Milliseconds, and answers per utterance."""
    room = "agent"
    figures: dict[str, float] = {}
    token = stage.token(IDENTITY, room, is_agent=True)
    async with (
        speaking_agent(stage.server.url, token, AVATAR_IDENTITY) as speaker,
        watched(stage, room, on_behalf_of=IDENTITY) as (viewer, _),
    ):
        on_step("an agent's speech -> ears and eyes")
        figures |= await _delays(stage, speaker, viewer)
        on_step("interruptions")
        figures |= await _endings(speaker, viewer)
    return figures


async def _delays(stage: Stage, speaker: Speaker, viewer: Subscriber) -> dict[str, float]:
    pcm, rate_hz = said(SYLLABLE)
    sound_s, lips_after_s = onset_s(pcm, rate_hz), lips_after_onset_s(stage.avatar, pcm, rate_hz)
    heard_ms, seen_ms, offset_ms = [], [], []
    for number in range(SYLLABLES):
        viewer.forget()
        given_s = time.monotonic()
        await speaker.say(pcm, rate_hz)
        # not in step with the frames
        await asyncio.sleep(_SYLLABLE_EVERY_S + number % 7 * 0.007)
        at_s, open_s = heard_s(viewer.sound), opened_s(viewer, given_s)
        if at_s is None or open_s is None:
            continue
        heard_ms.append((at_s - given_s - sound_s) * 1000)
        seen_ms.append((open_s - given_s - sound_s - lips_after_s) * 1000)
        offset_ms.append(max(heard_ms[-1], seen_ms[-1]))
    return (
        percentiles("agent_to_sound", heard_ms)
        | percentiles("agent_to_lips", seen_ms)
        | percentiles("agent_to_sound_with_lips", offset_ms)
    )


async def _endings(speaker: Speaker, viewer: Subscriber) -> dict[str, float]:
    silent_ms, closed_ms, error_ms, answers = [], [], [], []
    pcm, rate_hz = held_vowel(_VOWEL_S)
    vowel = over_hum(pcm, rate_hz)
    rng = np.random.default_rng(0)
    for _ in range(INTERRUPTIONS):
        viewer.forget()
        before = len(speaker.finished)
        await speaker.say(vowel, rate_hz)
        await asyncio.sleep(rng.uniform(0.8, 2.0))
        interrupted_s = time.monotonic()
        await speaker.interrupt()
        await asyncio.sleep(_AFTERMATH_S)
        answers.append(len(speaker.finished) - before)
        end_s, lips_s = silent_s(viewer.sound), closed_s(viewer.pictures, interrupted_s)
        if end_s is not None:
            silent_ms.append((end_s - interrupted_s) * 1000)
        if lips_s is not None:
            closed_ms.append((lips_s - interrupted_s) * 1000)
        error_ms += _position_error_ms(speaker.finished[before:], viewer)
    for number in range(WHOLE_SEGMENTS):
        viewer.forget()
        before = len(speaker.finished)
        short = vowel[: round((_SHORT_VOWEL_S + 0.1 * number) * rate_hz)]
        await speaker.say(short, rate_hz)
        await speaker.until_finished(before + 1, _ANSWER_TIMEOUT_S + len(short) / rate_hz)
        await asyncio.sleep(_AFTERMATH_S)
        answers.append(len(speaker.finished) - before)
        error_ms += _position_error_ms(speaker.finished[before:], viewer)
    return {
        **_percentiles_and_worst("interrupt_to_silence", silent_ms),
        **_percentiles_and_worst("interrupt_to_lips_closed", closed_ms),
        "interruptions_measured": float(min(len(silent_ms), len(closed_ms))),
        "playback_finished_per_segment_least": float(min(answers)),
        "playback_finished_per_segment_most": float(max(answers)),
        **_percentiles_and_worst("playback_position_error", error_ms),
    }


def _position_error_ms(answers: Sequence[Finished], viewer: Subscriber) -> list[float]:
    """How far the answered position is from what was heard."""
    heard = heard_duration_s(viewer.sound)
    return [abs(answer.position_s - heard) * 1000 for answer in answers]


def _percentiles_and_worst(name: str, values_ms: Sequence[float]) -> dict[str, float]:
    return percentiles(name, values_ms) | {f"{name}_ms_max": round(max(values_ms, default=float("nan")), 1)}
