"""Instants in what a subscriber saw and heard: the first sound, the mouth's opening, its closing.

Sound comes in pieces of 10 ms that are complete when they arrive; pictures are the mouth's part of the luma.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import Avatar
from visavis.bench.stage import HUM_AMPLITUDE, mouth_box
from visavis.bench.subject import ONSET_SHARE, onset_s
from visavis.bench.subscriber import SOUND_PIECE_S, Subscriber
from visavis.performer import Performer

Pictures = Sequence[NDArray[np.uint8]]
Pieces = Sequence[tuple[float, NDArray[np.int16]]]

AUDIBLE: Final = HUM_AMPLITUDE / 4
"""Amplitude above which something is heard: a hum beneath speech is, what a codec leaves of silence is not."""
_LOUD: Final = 1000
_OPENED_SHARE: Final = 0.6
"""A mouth opens at once with a change from picture to picture of this share of the largest one."""
_LEAST_CHANGE: Final = 2.0
"""Grey levels; the head alone moves less from picture to picture."""
_CLOSED_SHARE: Final = 0.2
"""Of the way from the closed mouth to the open one: what is left of it then is below what anybody sees."""
_AT_REST_S: Final = (0.5, 1.0)
"""A mouth that was interrupted is closed for certain this long after."""
_OPEN_BEFORE_S: Final = 0.15
_BLUR_PX: Final = 3.0
"""So that a head may move by as much."""
_LEAST_OPENING: Final = 3.0
"""Grey levels between the open and the closed mouth, root mean square."""


def heard_s(sound: Pieces) -> float | None:
    """When the sound arrived that is louder than a tenth of the loudest."""
    loudest = max((int(np.abs(pcm).max()) for _, pcm in sound), default=0)
    for arrived_s, pcm in sound:
        loud = np.abs(pcm) > loudest * ONSET_SHARE
        if loudest > _LOUD and loud.any():
            return arrived_s + float(np.argmax(loud)) / len(pcm) * SOUND_PIECE_S
    return None


def silent_s(sound: Pieces) -> float | None:
    """When the last of the sound was over."""
    for arrived_s, pcm in reversed(sound):
        audible = np.flatnonzero(np.abs(pcm) > AUDIBLE)
        if len(audible):
            return arrived_s + float(audible[-1] + 1) / len(pcm) * SOUND_PIECE_S
    return None


def heard_duration_s(sound: Pieces) -> float:
    """How much was heard between the first sound and the last."""
    audible = [index for index, (_, pcm) in enumerate(sound) if np.abs(pcm).max() > AUDIBLE]
    if not audible:
        return 0.0
    first, last = sound[audible[0]][1], sound[audible[-1]][1]
    from_s = float(np.argmax(np.abs(first) > AUDIBLE)) / len(first)
    to_s = float(np.flatnonzero(np.abs(last) > AUDIBLE)[-1] + 1) / len(last)
    return (audible[-1] - audible[0] + to_s - from_s) * SOUND_PIECE_S


def longest_gap_s(sound: Pieces) -> float:
    """The longest time in which nothing was heard."""
    longest = current = 0
    for _, pcm in sound:
        current = 0 if np.abs(pcm).max() > AUDIBLE else current + 1
        longest = max(longest, current)
    return longest * SOUND_PIECE_S


def opened_s(viewer: Subscriber, after_s: float) -> float | None:
    """When the picture arrived on which a mouth has opened."""
    frames = [(at_s, picture) for at_s, picture in viewer.pictures if at_s > after_s]
    index = opening([picture for _, picture in frames])
    return None if index is None else frames[index][0]


def opening(pictures: Pictures) -> int | None:
    """Index of the first picture that differs from the one before as only an opening (or closing) mouth makes it."""
    if len(pictures) < 5:
        return None
    changes = np.abs(np.diff(np.asarray(pictures, np.float32), axis=0)).mean(axis=(1, 2))
    return int(np.argmax(changes > _OPENED_SHARE * changes.max())) + 1 if changes.max() > _LEAST_CHANGE else None


def closed_s(seen: Sequence[tuple[float, NDArray[np.uint8]]], interrupted_s: float) -> float | None:
    """When the picture arrived on which an open mouth had closed, to stay so; None where it was not open before.

    Args:
        seen: arrival and picture, from before the interruption until a second after it.
        interrupted_s: when somebody asked for silence.
    """
    since_s = np.array([at_s - interrupted_s for at_s, _ in seen])
    rest = (since_s > _AT_REST_S[0]) & (since_s < _AT_REST_S[1])
    before = (since_s > -_OPEN_BEFORE_S) & (since_s <= 0)
    if not rest.any() or not before.any():
        return None
    pictures = np.array([cv2.GaussianBlur(picture.astype(np.float32), (0, 0), _BLUR_PX) for _, picture in seen])
    opening_share = _opening_shares(pictures, pictures[before].mean(axis=0), pictures[rest].mean(axis=0))
    if opening_share is None:
        return None
    still_open = np.flatnonzero((since_s <= _AT_REST_S[0]) & (opening_share > _CLOSED_SHARE))
    return float(seen[still_open[-1] + 1][0])


def _opening_shares(
    pictures: NDArray[np.float32], opened: NDArray[np.float32], closed: NDArray[np.float32]
) -> NDArray[np.float32] | None:
    """How far each mouth is open, from 0 to 1, however the head moves; None where the two hardly differ.

    A head that moves a little shifts the picture: what a shift of the closed mouth explains, up to first order, is not
    its opening.
    """
    down, across = np.gradient(closed)
    shifts = np.stack([across, down, np.ones_like(closed)]).reshape(3, -1).T
    way = (opened - closed).reshape(-1)
    way = way - shifts @ np.linalg.lstsq(shifts, way, rcond=None)[0]
    if np.sqrt(np.mean(way**2)) < _LEAST_OPENING:
        return None
    differences = (pictures - closed).reshape(len(pictures), -1).T
    parts = np.linalg.lstsq(np.column_stack([way, shifts]), differences, rcond=None)[0]
    return np.asarray(parts[0], np.float32)


def lips_after_onset_s(avatar: Avatar, pcm: NDArray[np.int16], rate_hz: int) -> float:
    """How long after a sound's onset the mouth opens, in a performance without any transport."""
    performer = Performer(avatar)
    x0, y0, x1, y1 = mouth_box(avatar)
    for _ in range(5):
        performer.next_tick()
    performer.push_audio(pcm, rate_hz)
    performer.end_segment()
    pictures, begins_s = [], []
    ended = False
    at_s = 0.0
    while not ended:
        tick = performer.next_tick()
        ended = tick.segment_ended
        if tick.segment_id is not None:
            pictures.append(tick.frame[y0:y1, x0:x1].copy())
            begins_s.append(at_s)
            at_s += len(tick.audio) / performer.audio_rate_hz
    index = opening(pictures)
    assert index is not None
    return begins_s[index] - onset_s(pcm, rate_hz)


def interval_p99_ms(frames_s: Sequence[float]) -> float:
    """99th percentile of the time between two pictures; infinite where hardly any came."""
    if len(frames_s) < 25:
        return float("inf")
    return float(np.percentile(np.diff(frames_s), 99) * 1000)


def percentiles(name: str, values_ms: Sequence[float]) -> dict[str, float]:
    """``{name}_ms_p50`` and ``{name}_ms_p95``."""
    if not values_ms:
        return {f"{name}_ms_p50": float("nan"), f"{name}_ms_p95": float("nan")}
    p50, p95 = np.percentile(values_ms, [50, 95])
    return {f"{name}_ms_p50": round(float(p50), 1), f"{name}_ms_p95": round(float(p95), 1)}
