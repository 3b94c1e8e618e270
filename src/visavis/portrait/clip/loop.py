"""Which frames of a clip are played over and over, and how the end passes into the beginning.

A loop is a list of :class:`Shown` frames: each a frame of the clip, or one that passes into another. Two ways:

* *round*: frames ``start .. end - 1``; the last few pass, frame by frame, into those before ``start``, so that the
  first follows them as it did in the clip;
* *to and fro*, where no two moments resemble each other: forwards and back again, braking and starting at both ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from visavis.portrait.clip.footage import FRAME_RATE_HZ, MIN_DURATION_S

F64 = NDArray[np.float64]

PASSING_FRAMES: Final = 12
"""Over which the end passes into the beginning."""
MAX_LOOP_S: Final = 10.0
BRAKING_FRAMES: Final = 6
"""Within which a motion that turns back comes to rest."""
RESEMBLES_MM: Final = 6.0
"""Mean distance of a face's points, with what the picture and the motion differ by, up to which a moment can pass into
another. A face that moves by 6 mm within half a second does what faces do."""
_SMOOTHING_FRAMES: Final = 1.2
"""Standard deviation of the filter over the points' paths: landmarks tremble."""
_PICTURE_MM_PER_LEVEL: Final = 0.6
"""What a grey level of mean difference between two thumbnails counts as."""
_SPEED_FRAMES: Final = 6.0
"""A difference in speed counts as the distance it makes in so many frames."""
_SILENCE_WORTH_MM: Final = 15.0
"""How much less alike they may be if the lips are shut all the time, not apart."""
_WORTH_MM_PER_S: Final = 0.35
"""How much less alike two moments may be for a loop that is a second longer."""

_WORTH_PER_S: Final = 0.5
"""How much quicker the head may move where it turns back, as a share of its mean speed, for a way that is a second
longer: every turn is one that can be noticed."""
_SILENCE_WORTH: Final = 10.0
"""The same, if the lips are shut all the time, not apart."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One frame of the loop: ``1 - share`` of frame ``one`` and ``share`` of frame ``other``, numbers of the clip."""

    one: int
    other: int
    share: float

    def mixed(self, values: F64) -> F64:
        """What the loop has here of something that each frame of the clip has."""
        return np.asarray(values[self.one] * (1 - self.share) + values[self.other] * self.share)


@dataclass(frozen=True, slots=True)
class Loop:
    """What is played."""

    shown: tuple[Shown, ...]
    to_and_fro: bool
    seam_mm: float
    """How unlike the two moments are that were joined; 0 to and fro."""


def choose_loop(points_mm: F64, thumbnails: F64, talking: F64) -> Loop:
    """The longest and most silent loop whose end resembles its beginning.

    Args:
        points_mm: ``[frames, n, 2]`` a face's points in the picture, in mm at the face.
        thumbnails: ``[frames, h, w]`` grey levels.
        talking: 0 the lips are shut .. 1 they are apart, of each frame.
    """
    points_mm = gaussian_filter1d(points_mm, _SMOOTHING_FRAMES, axis=0, mode="nearest")
    count = len(points_mm)
    least, most = round(MIN_DURATION_S * FRAME_RATE_HZ), round(MAX_LOOP_S * FRAME_RATE_HZ)
    best, seam = None, np.inf
    unlike = _unlikeness(points_mm, thumbnails)
    talked = np.concatenate([[0.0], np.cumsum(talking)])
    for start in range(PASSING_FRAMES, count - least):
        ends = np.arange(start + least, min(count, start + most + 1))
        cost = unlike[start, ends] - _WORTH_MM_PER_S * (ends - start) / FRAME_RATE_HZ
        cost += _SILENCE_WORTH_MM * (talked[ends] - talked[start]) / (ends - start)
        cost[unlike[start, ends] > RESEMBLES_MM] = np.inf
        end = int(ends[cost.argmin()])
        if cost.min() < seam:
            best, seam = (start, end), float(cost.min())
    if best is None:
        return Loop(_to_and_fro(points_mm, talked, most), True, 0.0)
    return Loop(_round(*best), False, float(unlike[best]))


def _unlikeness(points_mm: F64, thumbnails: F64) -> F64:
    """Of each pair of frames, mm."""
    flat = points_mm.reshape(len(points_mm), -1)
    speed = gaussian_filter1d(np.gradient(flat, axis=0), 1.0, axis=0)
    scale = np.sqrt(2 / flat.shape[1])
    pictures = thumbnails.reshape(len(thumbnails), -1)
    return np.asarray(
        scale * _distances(flat)
        + scale * _SPEED_FRAMES * _distances(speed)
        + _PICTURE_MM_PER_LEVEL * _distances(pictures) / np.sqrt(pictures.shape[1])
    )


def _distances(rows: F64) -> F64:
    centred = rows - rows.mean(axis=0)
    square = (centred**2).sum(axis=1)
    return np.asarray(np.sqrt(np.maximum(square[:, None] + square[None] - 2 * centred @ centred.T, 0)))


def _round(start: int, end: int) -> tuple[Shown, ...]:
    shown = []
    for frame in range(start, end):
        t = (frame - (end - PASSING_FRAMES) + 1) / (PASSING_FRAMES + 1)
        t = max(0.0, t)
        shown.append(Shown(frame, frame - (end - start), t * t * (3 - 2 * t)) if t > 0 else Shown(frame, frame, 0.0))
    return tuple(shown)


def _to_and_fro(points_mm: F64, talked: F64, most: int) -> tuple[Shown, ...]:
    """Between the two calmest moments that are far enough apart."""
    speed = np.linalg.norm(np.gradient(points_mm, axis=0), axis=2).mean(axis=1)
    calm = gaussian_filter1d(speed, 2.0)
    count, least = len(calm), round(MIN_DURATION_S * FRAME_RATE_HZ / 2)
    pairs = [
        (
            (calm[a] + calm[b]) / calm.mean()
            - _WORTH_PER_S * (b - a) / FRAME_RATE_HZ
            + _SILENCE_WORTH * (talked[b] - talked[a]) / (b - a),
            a,
            b,
        )
        for a in range(count - least)
        for b in range(a + least, min(count, a + most // 2 + 1))
    ]
    _, first, last = min(pairs)
    there = _braked(float(last - first))
    back = there[-2:0:-1]
    return tuple(_between(first + place) for place in (*there, *back))


def _braked(length: float) -> list[float]:
    """Places 0 .. length in steps of about 1 that begin and end at rest: a smooth start within the braking frames."""
    brake = min(BRAKING_FRAMES, length / 2)
    steps = round(length + brake)
    times = np.linspace(0, length + brake, steps + 1)
    return [_travelled(t, length, brake) for t in times]


def _travelled(t: float, length: float, brake: float) -> float:
    """Speed rises from 0 to 1 within ``brake`` frames as 3s^2 - 2s^3, and falls so at the end."""
    if t < brake:
        s = t / brake
        return brake * (s**3 - s**4 / 2)
    if t > length:
        s = (length + brake - t) / brake
        return length - brake * (s**3 - s**4 / 2)
    return t - brake / 2


def _between(place: float) -> Shown:
    one = int(place)
    share = place - one
    return Shown(one, one + 1, share) if share > 1e-6 else Shown(one, one, 0.0)
