"""``python -m training.corpus.measure_calibration``: how far the corpus' times are from a forced aligner's, per engine.

The figures of :mod:`training.corpus.calibration` are from here. They are what remains after the shifts of its table:
a median that is not near nought is to be added to the engine's shift.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, Final

import numpy as np
import soundfile

from training.corpus.alignment import align
from training.corpus.calibration import CALIBRATION
from training.corpus.shelf import PhoneTimes, read_index
from visavis.speech.phones import gestures

_LIPS: Final = frozenset("pbm")
_LONGEST_OFFSET_S: Final = 0.15
"""What is further apart is not the same sound."""


def offsets_s(own: PhoneTimes, aligned: PhoneTimes) -> Iterator[tuple[str, float]]:
    """Letter and aligned minus own beginning, of the sounds that both have in the same surroundings."""
    own_letters = [_letter(ipa) for ipa, _, _ in own]
    aligned_letters = [_letter(ipa) for ipa, _, _ in aligned]
    for block in SequenceMatcher(None, own_letters, aligned_letters, autojunk=False).get_matching_blocks():
        # The first of a run may begin where a sound ends that only one of the two has.
        for step in range(1, block.size):
            letter = own_letters[block.a + step]
            offset_s = aligned[block.b + step][1] - own[block.a + step][1]
            if letter and own_letters[block.a + step - 1] and abs(offset_s) < _LONGEST_OFFSET_S:
                yield letter, offset_s


def _letter(ipa: str) -> str:
    """The sound without length, stress and nuances of vowels, on which two sets of rules seldom agree."""
    if not gestures(ipa):
        return ""
    letter = ipa.strip("ˈˌ")[0]
    return {"ɹ": "r", "ɫ": "l", "g": "ɡ", "ɐ": "a", "ɑ": "a", "æ": "a", "ɒ": "o", "ɔ": "o"}.get(letter, letter)


def _english(folder: Path, count: int) -> list[dict[str, Any]]:
    lines = [
        line
        for line in read_index(folder)
        if line["language"].lower().startswith("en") and line["alignment"] == "engine" and line["duration_s"] > 1.5
    ]
    return random.Random(1).sample(lines, min(count, len(lines)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.corpus.measure_calibration", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path(".cache/training"))
    parser.add_argument("--utterances", type=int, default=100, help="of each engine")
    parser.add_argument("--only", help="engines with commas between")
    options = parser.parse_args()
    for engine in options.only.split(",") if options.only else CALIBRATION:
        folder = options.data / "corpus" / engine
        found: list[tuple[str, float]] = []
        for line in _english(folder, options.utterances):
            pcm, _ = soundfile.read(folder / line["audio"], dtype="int16")
            aligned = align(pcm, line["text"], "en" if line["language"].lower().startswith("en-gb") else "en-us")
            if aligned is not None and aligned.is_sound:
                found += offsets_s(line["phones"], aligned.phones)
        if not found:
            continue
        all_ms = 1000 * np.array([offset_s for _, offset_s in found])
        lips_ms = 1000 * np.array([offset_s for letter, offset_s in found if letter in _LIPS] or [np.nan])
        low, middle, high = np.percentile(all_ms, [25, 50, 75])
        print(
            f"{engine}: shift {CALIBRATION[engine].shift_ms:+.0f} ms, remaining {middle:+.0f} ms, "
            f"interquartile {high - low:.0f} ms, {len(found)} boundaries; p b m {np.median(lips_ms):+.0f} ms, "
            f"90 % within {np.percentile(np.abs(lips_ms - np.median(lips_ms)), 90):.0f} ms, {len(lips_ms)}",
            flush=True,
        )


if __name__ == "__main__":
    main()
