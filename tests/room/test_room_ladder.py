"""How the picture goes down and up."""

from __future__ import annotations

from collections.abc import Iterable

from visavis.room import VideoConfig
from visavis.room.ladder import Ladder, Signals, rungs_of

STEP_S = 0.25
GOOD = Signals(available_bps=2_000_000, round_trip_ms=20)


class Climber:
    """A ladder and its clock."""

    def __init__(self, video: VideoConfig | None = None) -> None:
        self.ladder = Ladder(rungs_of(video or VideoConfig()))
        self.now_s = 1000.0
        self.changes: list[str] = []

    def live(self, duration_s: float, *signals: Signals) -> str:
        """Spend a while with signals that take turns; the rung at the end."""
        for step in range(round(duration_s / STEP_S)):
            self.now_s += STEP_S
            if self.ladder.step(signals[step % len(signals)], self.now_s):
                self.changes.append(str(self.ladder.rung))
        return str(self.ladder.rung)


def sizes(video: VideoConfig) -> list[str]:
    return [str(rung) for rung in rungs_of(video)]


def test_the_rungs_are_a_smaller_picture_then_fewer_frames_then_sound_only() -> None:
    assert sizes(VideoConfig()) == ["512x512@25", "384x384@25", "256x256@25", "256x256@12", "audio only"]
    assert sizes(VideoConfig(720, 1280, 30)) == ["720x1280@30", "540x960@30", "360x640@30", "360x640@15", "audio only"]


def test_a_picture_that_is_small_already_is_not_made_smaller() -> None:
    assert sizes(VideoConfig(128, 128)) == ["128x128@25", "128x128@12", "audio only"]


def test_every_rung_needs_less_than_the_one_above() -> None:
    for video in (VideoConfig(), VideoConfig(1080, 1080, 30), VideoConfig(128, 128, max_bitrate_bps=100_000)):
        needs = [rung.needs_bps for rung in rungs_of(video)]
        assert needs == sorted(needs, reverse=True)
        assert needs[0] <= 0.6 * video.max_bitrate_bps


def test_a_good_network_leaves_the_picture_alone() -> None:
    climber = Climber()
    assert climber.live(60, GOOD) == "512x512@25"
    assert climber.ladder.reason == ""
    assert not climber.changes


def test_a_thin_network_is_answered_at_once_and_as_far_as_needed() -> None:
    climber = Climber()
    climber.live(5, GOOD)
    assert climber.live(STEP_S, Signals(available_bps=40_000, round_trip_ms=20)) == "384x384@25"
    assert climber.live(STEP_S, Signals(available_bps=10_000, round_trip_ms=20)) == "256x256@12"
    assert climber.live(STEP_S, Signals(available_bps=5_000, round_trip_ms=20)) == "audio only"
    assert climber.ladder.reason == "network"


def test_with_room_again_the_picture_comes_back_soon() -> None:
    climber = Climber()
    climber.live(5, GOOD)
    climber.live(1, Signals(available_bps=10_000, round_trip_ms=20))
    assert climber.live(3, GOOD) == "512x512@25"
    assert climber.ladder.reason == ""


def test_loss_stops_the_picture_and_makes_it_smaller_before_anything_else_is_known() -> None:
    climber = Climber()
    climber.live(5, GOOD)
    assert climber.live(STEP_S, Signals(500_000, packet_loss=0.3, round_trip_ms=20)) == "384x384@25"
    assert climber.ladder.brake_until_s > climber.now_s


def test_loss_that_goes_on_whatever_is_sent_leaves_the_sound_alone() -> None:
    climber = Climber()
    climber.live(5, GOOD)
    assert climber.live(4, Signals(500_000, packet_loss=0.3, round_trip_ms=20)) == "audio only"


def test_a_little_loss_is_no_reason() -> None:
    climber = Climber()
    assert climber.live(30, Signals(2_000_000, packet_loss=0.03, round_trip_ms=20)) == "512x512@25"


def test_one_late_measurement_is_counted_once() -> None:
    """A round trip is measured every few seconds, and reported until the next one."""
    climber = Climber()
    climber.live(5, GOOD)
    assert climber.live(5, Signals(2_000_000, round_trip_ms=600)) == "384x384@25"


def test_sound_alone_gets_its_picture_back_where_the_link_is_as_quick_as_it_was() -> None:
    """Whatever the congestion control says: it has nothing to learn from where little is sent."""
    climber = Climber()
    climber.live(5, GOOD)
    climber.live(2, Signals(5_000, round_trip_ms=500))
    assert climber.live(1, Signals(5_000, round_trip_ms=500)) == "audio only"
    assert climber.live(9, Signals(65_000, round_trip_ms=21)) == "512x512@25"
    assert climber.changes[-3:] == ["256x256@12", "384x384@25", "512x512@25"]


def test_trouble_ends_a_try_at_once_and_the_next_one_waits_longer() -> None:
    climber = Climber()
    climber.live(5, GOOD)
    climber.live(STEP_S, Signals(5_000, round_trip_ms=20))
    waits_s = []
    for _ in range(4):
        began_s = climber.now_s
        while str(climber.ladder.rung) == "audio only":
            climber.live(STEP_S, Signals(5_000, round_trip_ms=20))
        waits_s.append(climber.now_s - began_s)
        climber.live(1, Signals(5_000, round_trip_ms=20))
        assert climber.live(STEP_S, Signals(5_000, packet_loss=0.4, round_trip_ms=20)) == "audio only"
    assert waits_s == sorted(set(waits_s))
    assert waits_s[-1] > 2 * waits_s[0]


def test_a_link_that_is_slow_with_sound_alone_is_tried_seldom() -> None:
    climber = Climber()
    climber.live(5, GOOD)
    climber.live(2, Signals(5_000, round_trip_ms=150))
    climber.changes.clear()
    slow: Iterable[Signals] = (Signals(None, round_trip_ms=100), Signals(None, round_trip_ms=101))
    for _ in range(10):
        if climber.live(12, *slow) != "audio only":
            climber.live(1, Signals(5_000, round_trip_ms=150))
            climber.live(STEP_S, Signals(5_000, packet_loss=0.4, round_trip_ms=150))
    assert climber.changes.count("256x256@12") <= 4


def test_an_estimate_that_swings_does_not_make_the_picture_flap() -> None:
    climber = Climber()
    climber.live(5, GOOD)
    for _ in range(20):
        climber.live(1, Signals(55_000, round_trip_ms=20))
        climber.live(2, Signals(100_000, round_trip_ms=20))
    assert len(climber.changes) < 14


def test_a_cpu_without_time_lowers_the_picture_step_by_step() -> None:
    climber = Climber()
    busy = Signals(2_000_000, round_trip_ms=20, strain=0.5)
    assert climber.live(1, busy) == "384x384@25"
    assert climber.ladder.reason == "cpu"
    assert climber.live(3.5, busy) == "256x256@25"
    assert climber.live(30, busy) == "audio only"
    assert climber.live(120, GOOD) == "512x512@25"


def test_the_lower_of_two_reasons_counts() -> None:
    climber = Climber()
    climber.live(1, Signals(2_000_000, round_trip_ms=20, strain=0.5))
    climber.live(1, Signals(10_000, round_trip_ms=20, strain=0.1))
    assert (str(climber.ladder.rung), climber.ladder.reason) == ("256x256@12", "network")
    climber.live(20, Signals(2_000_000, round_trip_ms=20, strain=0.1))
    assert (str(climber.ladder.rung), climber.ladder.reason) == ("384x384@25", "cpu")


def test_another_connection_starts_without_the_old_ones_history() -> None:
    climber = Climber()
    climber.live(5, Signals(5_000, round_trip_ms=500))
    climber.ladder.reset_network()
    assert str(climber.ladder.rung) == "512x512@25"
