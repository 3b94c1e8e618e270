"""When a machine has no time for one session more."""

from visavis.placement.load import LEAST_S, RELIEVED, STRAINED, WINDOW_S, Load


def reported(load: Load, strains: list[float], from_s: float = 0.0, sessions: tuple[str, ...] = ("a",)) -> float:
    """Let sessions report a strain a second; when the last report came."""
    for second, strain in enumerate(strains):
        for session in sessions:
            load.note(session, strain, from_s + second)
    return from_s + len(strains) - 1


def test_a_machine_without_sessions_has_time() -> None:
    assert not Load().is_strained(0.0)
    assert Load().strain(0.0) == 0.0


def test_lasting_strain_lets_nobody_in() -> None:
    load = Load()
    now_s = reported(load, [STRAINED + 0.1] * 12)
    assert load.is_strained(now_s)
    assert abs(load.strain(now_s) - STRAINED - 0.1) < 1e-9


def test_one_bad_second_refuses_nobody() -> None:
    load = Load()
    now_s = reported(load, [0.0] * 9 + [1.0])
    assert not load.is_strained(now_s)
    young = Load()
    now_s = reported(young, [1.0])
    assert not young.is_strained(now_s)
    assert not young.is_strained(now_s + LEAST_S / 2)


def test_who_was_strained_lets_in_again_only_once_it_is_really_over() -> None:
    load = Load()
    between = (STRAINED + RELIEVED) / 2
    now_s = reported(load, [STRAINED + 0.1] * 12)
    now_s = reported(load, [between] * 30, now_s + 1)
    assert load.is_strained(now_s)
    now_s = reported(load, [0.0] * 12, now_s + 1)
    assert not load.is_strained(now_s)
    now_s = reported(load, [between] * 30, now_s + 1)
    assert not load.is_strained(now_s)


def test_it_is_the_mean_of_all_sessions_that_counts() -> None:
    load = Load()
    for second in range(12):
        load.note("slow", 0.6, float(second))
        for name in ("b", "c", "d", "e"):
            load.note(name, 0.0, float(second))
    assert not load.is_strained(11.0)


def test_a_session_that_has_ended_strains_nobody() -> None:
    load = Load()
    now_s = reported(load, [1.0] * 12, sessions=("a", "b"))
    load.forget("a")
    assert load.is_strained(now_s)
    load.forget("b")
    assert not load.is_strained(now_s)


def test_what_is_not_reported_any_more_is_forgotten() -> None:
    load = Load()
    now_s = reported(load, [1.0] * 12)
    assert not load.is_strained(now_s + WINDOW_S + 1)
