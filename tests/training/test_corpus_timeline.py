"""Times of sounds are gapless, within the sound, and begin stops where they close."""

from __future__ import annotations

import pytest

from training.corpus.timeline import early_closures, fitted, of_tokens, shifted, without_short_pauses


def test_a_voiceless_stop_begins_at_its_closure() -> None:
    phones = [("a", 0.0, 0.2), ("p", 0.2, 0.24), ("b", 0.24, 0.3), ("t͡ʃ", 0.3, 0.4)]

    assert early_closures(phones) == [
        ("a", 0.0, pytest.approx(0.16)),
        ("p", pytest.approx(0.16), 0.24),
        ("b", 0.24, pytest.approx(0.27)),
        ("t͡ʃ", pytest.approx(0.27), 0.4),
    ]


def test_a_pause_gives_all_it_has_to_the_closure_after_it() -> None:
    assert early_closures([("a", 0.0, 0.2), ("", 0.2, 0.23), ("k", 0.23, 0.3)])[1:] == [("", 0.2, 0.2), ("k", 0.2, 0.3)]


def test_fitted_times_fill_the_sound_without_gaps() -> None:
    times = fitted(
        shifted([("", 0.0, 0.1), ("m", 0.1, 0.2), ("_", 0.2, 0.3), ("", 0.3, 0.4), ("o", 0.4, 1.2)], -0.05), 1.0
    )

    assert times == [("", 0.0, pytest.approx(0.05)), ("m", pytest.approx(0.05), pytest.approx(0.15)),
                     ("", pytest.approx(0.15), pytest.approx(0.35)), ("o", pytest.approx(0.35), 1.0)]  # fmt: skip
    assert all(before[2] == after[1] for before, after in zip(times[:-1], times[1:], strict=True))


def test_what_lasts_a_few_milliseconds_is_no_pause() -> None:
    assert without_short_pauses([("a", 0.0, 0.2), ("", 0.2, 0.22), ("t", 0.22, 0.3)]) == [
        ("a", 0.0, 0.22),
        ("t", 0.22, 0.3),
    ]


def test_tokens_of_a_network_become_sounds() -> None:
    tokens = [("$", 0.1), ("h", 0.05), ("ˈ", 0.02), ("a", 0.1), ("ː", 0.05), (" ", 0.05), ("b", 0.06), (",", 0.3)]

    assert [ipa for ipa, _, _ in of_tokens(tokens)] == ["", "h", "aː", "b", ""]
    assert of_tokens(tokens)[2][1:] == (pytest.approx(0.15), pytest.approx(0.37))
