"""The ladder of the picture: what is shown where the network or the CPU does not carry all of it.

Down: a smaller picture, then fewer frames, then none (sound only). The two reasons are followed apart, the lower one
counts. Down goes at once, and as far as it must; up goes after a while without trouble, and the more hesitantly the
sooner a rung had to be left again: nothing flaps.

The congestion control that is asked what the network carries sees the picture only. Its figure falls to what is left
beside the sound, half a second to two seconds after a link has become thin; what is seen sooner (packets that are
missed, a round trip that has grown) stops the picture until more is known. And it hardly rises while less is sent than
it allows: on a link that shows no trouble, the only way to learn that it carries more is to send more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from visavis.room.config import VideoConfig

NETWORK: Final = "network"
CPU: Final = "cpu"

_SCALES: Final = ((1.0, 1), (0.75, 1), (0.5, 1), (0.5, 2))
"""Of the picture's sides, and every how many ticks there is a frame."""
_SMALLEST_PX: Final = 128
_BITS_PER_PIXEL: Final = 0.011
"""From here on a talking head in VP8 is soft but good to look at: 72 kbit/s for 512x512 at 25 fps give 42 dB."""
_SHARE_OF_MAX: Final = 0.6
"""Nobody who asks for so few bits should be shown less than the whole picture for want of more."""

_ROOM: Final = 1.25
"""With so many times what a rung needs available, there is room for it;"""
_WANT: Final = 0.85
"""with less than this share, it is left."""
_CALM_S: Final = 2.5
"""So long must there have been room for a higher rung,"""
_QUICK_S: Final = 1.5
"""or so long must the round trip have been as short as it ever was: then two rungs more are tried in any case,"""
_QUICK_WITH_SOUND_S: Final = 2.0
"""or one, where there is only sound."""
_AS_SHORT: Final = 1.3
_AS_SHORT_MS: Final = 10.0
_BLIND_S: Final = 20.0
"""A link that is slow even so is tried so seldom: each try costs some of the sound."""
_TRIAL_S: Final = 3.0
"""A try is over after so long; until then only trouble ends it,"""
_ECHO_S: Final = 1.0
"""and, after sound alone, not before this: what was lost long ago is asked for once the picture is back."""
_PATIENCE_STEP: Final = 1.5
_PATIENCE_MAX: Final = 6.0
"""After a try that failed, the next one waits longer."""
_SOON_S: Final = 10.0
"""A rung that had to be left again so soon was a try that failed, whatever it looked like."""

_LOSS: Final = 0.10
_LATE_MS: Final = 250.0
"""A round trip that has grown by so much waits in a queue that is full of our picture."""
_BRAKE_S: Final = 0.6
"""Loss or delay stops the picture for so long, in which the queue may empty,"""
_TROUBLE_S: Final = 3.0
"""and where they go on so long all the same, the link is too thin for any."""
_PEACE_S: Final = 2.0
"""After so long without either, that is over."""

_STRAINED: Final = 0.20
"""A share of ticks without time to draw from which a rung less is drawn,"""
_RELIEVED: Final = 0.03
"""and from which on one more may be tried,"""
_STRAIN_EVERY_S: Final = 3.0
"""each time after so long: what a rung has changed shows after a while;"""
_STRAIN_CALM_S: Final = 8.0
"""and up again only after so long."""
_FORGIVEN_S: Final = 60.0
"""After so long on one rung, what happened before does not matter."""


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to show the picture."""

    width_px: int
    height_px: int
    tick_interval: int
    """A frame every so many ticks; 0: no picture."""
    fps: int
    needs_bps: float

    @property
    def has_picture(self) -> bool:
        """Whether anything is shown."""
        return self.tick_interval > 0

    def __str__(self) -> str:
        return f"{self.width_px}x{self.height_px}@{self.fps}" if self.has_picture else "audio only"


@dataclass(frozen=True, slots=True)
class Signals:
    """What is known of the network and of the CPU at an instant."""

    available_bps: float | None = None
    packet_loss: float = 0.0
    round_trip_ms: float | None = None
    strain: float = 0.0
    """Share of the last seconds' ticks without time to draw."""


def rungs_of(video: VideoConfig) -> tuple[Rung, ...]:
    """The ladder of a picture, from the top."""
    rungs: list[Rung] = []
    for scale, interval in _SCALES:
        width_px, height_px = (max(2 * round(side * scale / 2), _SMALLEST_PX) for side in _sides(video))
        fps = round(video.fps / interval)
        needs_bps = min(width_px * height_px * fps * _BITS_PER_PIXEL, _SHARE_OF_MAX * video.max_bitrate_bps)
        rung = Rung(width_px, height_px, interval, fps, needs_bps)
        if not rungs or (rung.width_px < rungs[-1].width_px or interval > rungs[-1].tick_interval):
            rungs.append(rung)
    return (*rungs, Rung(rungs[-1].width_px, rungs[-1].height_px, 0, 0, 0.0))


class Ladder:
    """Decides the rung. Feed it :meth:`step` a few times a second."""

    def __init__(self, rungs: tuple[Rung, ...]) -> None:
        self.rungs = rungs
        self._network = _Network(rungs)
        self._cpu = _Cpu(len(rungs))

    @property
    def rung(self) -> Rung:
        """Where the picture is now."""
        return self.rungs[max(self._network.index, self._cpu.index)]

    @property
    def reason(self) -> str:
        """Why it is not at the top; empty where it is."""
        if self.rung is self.rungs[0]:
            return ""
        return NETWORK if self._network.index >= self._cpu.index else CPU

    def step(self, signals: Signals, now_s: float) -> bool:
        """Take in what is known now; whether the rung has changed."""
        before = self.rung
        self._network.step(signals, now_s)
        self._cpu.step(signals.strain, now_s)
        return self.rung is not before

    @property
    def brake_until_s(self) -> float:
        """No picture should be sent until then, on whatever rung."""
        return self._network.brake_until_s

    def reset_network(self) -> None:
        """Another connection: nothing is known of it yet."""
        self._network = _Network(self.rungs)


class _Network:
    def __init__(self, rungs: tuple[Rung, ...]) -> None:
        self._rungs = rungs
        self._bottom = len(rungs) - 1
        self.index = 0
        self.brake_until_s = float("-inf")
        self._shortest_ms = float("inf")
        self._last_ms: float | None = None
        self._trouble_since_s: float | None = None
        self._last_bad_s = float("-inf")
        self._calm_since_s: float | None = None
        self._quick_since_s: float | None = None
        self._peaceful_since_s: float | None = None
        self._climbed_s = float("-inf")
        self._climbed_from = 0
        self._patience = 1.0

    def step(self, signals: Signals, now_s: float) -> None:
        is_echo = self._climbed_from == self._bottom and now_s - self._climbed_s < _ECHO_S
        is_bad = self._is_bad(signals) and not is_echo
        self._note_trouble(is_bad, now_s)
        if is_bad and self.index < self._bottom and self.brake_until_s < now_s:
            self.brake_until_s = now_s + _BRAKE_S
        lowest = self._lowest_needed(signals, now_s)
        if lowest > self.index:
            self._descend(lowest, now_s)
        elif self.index:
            self._climb_when_calm(signals, now_s)

    def _is_bad(self, signals: Signals) -> bool:
        """Loss, or delay that was measured just now: a round trip is measured every few seconds only."""
        measured_ms = signals.round_trip_ms
        is_news = measured_ms is not None and measured_ms != self._last_ms
        self._last_ms = measured_ms
        if measured_ms is not None:
            self._shortest_ms = min(self._shortest_ms, measured_ms)
        return signals.packet_loss > _LOSS or (is_news and self._is_late(signals))

    def _is_late(self, signals: Signals) -> bool:
        return signals.round_trip_ms is not None and signals.round_trip_ms > self._shortest_ms + _LATE_MS

    def _note_trouble(self, is_bad: bool, now_s: float) -> None:
        if is_bad:
            self._last_bad_s = now_s
            self._trouble_since_s = now_s if self._trouble_since_s is None else self._trouble_since_s
        elif now_s - self._last_bad_s > _PEACE_S:
            self._trouble_since_s = None

    def _lowest_needed(self, signals: Signals, now_s: float) -> int:
        """How far down the signals ask to be."""
        since_s = self._trouble_since_s
        is_trial = now_s - self._climbed_s < _TRIAL_S
        if since_s is not None:
            if is_trial:
                return max(self._climbed_from, 1)
            if self._last_bad_s - since_s > _TROUBLE_S:
                return self._bottom
        lowest = 0 if since_s is None else 1
        if signals.available_bps is None or is_trial:
            return lowest
        affordable_bps = signals.available_bps / _WANT
        fitting = (i for i, rung in enumerate(self._rungs) if rung.needs_bps <= affordable_bps)
        return max(lowest, next(fitting, self._bottom))

    def _descend(self, index: int, now_s: float) -> None:
        if now_s - self._climbed_s < _SOON_S:
            self._patience = min(self._patience * _PATIENCE_STEP, _PATIENCE_MAX)
        elif now_s - self._climbed_s > _FORGIVEN_S:
            self._patience = 1.0
        self.index = index
        self._climbed_s = float("-inf")
        self._forget_calm()

    def _climb_when_calm(self, signals: Signals, now_s: float) -> None:
        if self._trouble_since_s is not None or self._is_late(signals):
            self._forget_calm()
            return
        with_room = self._highest_with_room(signals.available_bps)
        self._calm_since_s = _since(self._calm_since_s, with_room < self.index, now_s)
        self._quick_since_s = _since(self._quick_since_s, self._is_quick(signals), now_s)
        self._peaceful_since_s = _since(self._peaceful_since_s, True, now_s)
        from_sound = self.index == self._bottom
        if self._has_lasted(self._quick_since_s, _QUICK_WITH_SOUND_S if from_sound else _QUICK_S, now_s):
            self._climb(self.index - 1 if from_sound else min(self.index - 2, with_room), now_s)
        elif not from_sound and self._has_lasted(self._calm_since_s, _CALM_S, now_s):
            self._climb(with_room, now_s)
        elif self._has_lasted(self._peaceful_since_s, _BLIND_S, now_s):
            self._climb(self.index - 1, now_s)

    def _is_quick(self, signals: Signals) -> bool:
        return (signals.round_trip_ms or 0.0) <= _AS_SHORT * self._shortest_ms + _AS_SHORT_MS

    def _has_lasted(self, since_s: float | None, duration_s: float, now_s: float) -> bool:
        return since_s is not None and now_s - since_s >= duration_s * self._patience

    def _climb(self, index: int, now_s: float) -> None:
        self._climbed_from = self.index
        self.index = max(index, 0)
        self._climbed_s = now_s
        self._forget_calm()

    def _forget_calm(self) -> None:
        self._calm_since_s = self._quick_since_s = self._peaceful_since_s = None

    def _highest_with_room(self, available_bps: float | None) -> int:
        if available_bps is None:
            return self._bottom
        return next(i for i, rung in enumerate(self._rungs) if available_bps >= _ROOM * rung.needs_bps)


class _Cpu:
    def __init__(self, count: int) -> None:
        self._bottom = count - 1
        self.index = 0
        self._changed_s = float("-inf")
        self._patience = 1.0

    def step(self, strain: float, now_s: float) -> None:
        since_s = now_s - self._changed_s
        if since_s > _FORGIVEN_S:
            self._patience = 1.0
        if strain > _STRAINED and since_s > _STRAIN_EVERY_S and self.index < self._bottom:
            if since_s < _STRAIN_CALM_S * self._patience:
                self._patience = min(_PATIENCE_STEP * self._patience, _PATIENCE_MAX)
            self.index += 1
            self._changed_s = now_s
        elif strain < _RELIEVED and self.index and since_s > _STRAIN_CALM_S * self._patience:
            self.index -= 1
            self._changed_s = now_s


def _since(since_s: float | None, holds: bool, now_s: float) -> float | None:
    """When a condition that holds began to."""
    if not holds:
        return None
    return now_s if since_s is None else since_s


def _sides(video: VideoConfig) -> tuple[int, int]:
    return video.width_px, video.height_px
