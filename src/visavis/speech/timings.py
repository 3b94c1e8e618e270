"""What voices tell about when they say what, as phones: Azure and Oculus visemes, Polly speech marks, label files.

A viseme stands for several sounds that look alike; one of them takes its place. Events that tell only where a viseme
begins last until the next one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from visavis.errors import AudioError
from visavis.face import VISEMES
from visavis.speech.phones import Phone, ipa_of_arpabet

AZURE_TICKS_PER_S: Final = 10_000_000
"""Azure tells offsets in steps of 100 ns."""

AZURE_VISEMES: Final = (
    "", "ʌ", "ɑ", "ɔ", "ɛ", "ɝ", "ɪ", "u", "oʊ", "aʊ", "ɔɪ", "aɪ", "h", "ɹ", "l", "s", "ʃ", "ð", "f", "d", "k", "b",
)  # fmt: skip
"""A sound for each of Azure's viseme ids 0..21, as its documentation groups them."""

POLLY_VISEMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sil": "", "p": "b", "t": "d", "S": "ʃ", "T": "θ", "f": "f", "k": "k", "i": "i", "r": "ɹ", "s": "s",
        "u": "u", "@": "ə", "a": "a", "e": "e", "E": "ɛ", "o": "o", "O": "ɔ", "B": "β", "J": "ɲ",
    }
)  # fmt: skip
"""A sound for each viseme of Amazon Polly."""

OCULUS_VISEMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "sil": "", "PP": "b", "FF": "f", "TH": "θ", "DD": "d", "kk": "k", "CH": "ʃ", "SS": "s", "nn": "n",
        "RR": "ɹ", "aa": "a", "E": "ɛ", "ih": "i", "oh": "o", "ou": "u",
    }
)  # fmt: skip
"""A sound for each of the 15 Oculus visemes."""

LONGEST_LAST_S: Final = 0.3
"""A last viseme whose end nobody tells lasts so long at most."""


def phones_of_azure(events: Iterable[tuple[int, int]], duration_s: float = math.inf) -> tuple[Phone, ...]:
    """Phones of Azure's ``viseme_received`` events: ``(audio_offset in ticks, viseme_id)``.

    Raises:
        AudioError: ``timings_invalid``.
    """
    marks = []
    for ticks, viseme in events:
        if not (isinstance(viseme, int) and 0 <= viseme < len(AZURE_VISEMES)):
            raise _invalid(f"The viseme id {viseme!r}.", f"Azure's ids are 0 to {len(AZURE_VISEMES) - 1}.")
        marks.append((_number(ticks, "audio offset") / AZURE_TICKS_PER_S, AZURE_VISEMES[viseme]))
    return _lasting(marks, duration_s)


def phones_of_polly(speech_marks: str, duration_s: float = math.inf) -> tuple[Phone, ...]:
    """Phones of the speech marks of Amazon Polly: a JSON object per line; those of words and sentences are skipped.

    Raises:
        AudioError: ``timings_invalid``.
    """
    marks = []
    for number, line in enumerate(speech_marks.splitlines(), 1):
        if not line.strip():
            continue
        mark = _json(line, f"Line {number}")
        if not isinstance(mark, dict) or "type" not in mark:
            raise _invalid(f"Line {number} is no speech mark.", 'Each line is like {"time":125,"type":"viseme",...}.')
        if mark["type"] != "viseme":
            continue
        name = mark.get("value")
        if not isinstance(name, str) or name not in POLLY_VISEMES:
            raise _invalid(f"The viseme {name!r} in line {number}.", f"Polly's are {', '.join(POLLY_VISEMES)}.")
        marks.append((_number(mark.get("time"), f"time in line {number}") / 1000, POLLY_VISEMES[name]))
    if not marks:
        raise _invalid("There is no viseme among the speech marks.", 'Ask Polly for SpeechMarkTypes ["viseme"].')
    return _lasting(marks, duration_s)


def phones_of_oculus(events: Iterable[tuple[float, str | int]], duration_s: float = math.inf) -> tuple[Phone, ...]:
    """Phones of Oculus visemes: ``(seconds, name or number 0..14)``.

    Raises:
        AudioError: ``timings_invalid``.
    """
    marks = []
    for at_s, viseme in events:
        name = VISEMES[viseme] if isinstance(viseme, int) and 0 <= viseme < len(VISEMES) else viseme
        if name not in OCULUS_VISEMES:
            raise _invalid(f"The viseme {viseme!r}.", f"Oculus visemes are {', '.join(VISEMES)}.")
        marks.append((_number(at_s, "time"), OCULUS_VISEMES[str(name)]))
    return _lasting(marks, duration_s)


def phones_of_arpabet(timings: Iterable[tuple[str, float, float]]) -> tuple[Phone, ...]:
    """Phones of ARPAbet names with their start and end in seconds.

    Raises:
        AudioError: ``timings_invalid``.
    """
    found = []
    for name, start_s, end_s in timings:
        try:
            ipa = ipa_of_arpabet(name)
        except KeyError:
            raise _invalid(f"The sound {name!r}.", "It is no name of the ARPAbet.") from None
        found.append((ipa, start_s, end_s))
    return phones_of_ipa(found)


def phones_of_ipa(timings: Iterable[Sequence[Any]]) -> tuple[Phone, ...]:
    """Phones of ``(ipa, start_s, end_s)`` that somebody else wrote, checked and in order.

    Raises:
        AudioError: ``timings_invalid``.
    """
    found = []
    for number, timing in enumerate(timings, 1):
        if isinstance(timing, str) or not isinstance(timing, Sequence) or len(timing) != 3:
            raise _invalid(f"Sound {number} is {timing!r}.", "Give each as [ipa, start in seconds, end in seconds].")
        ipa, start, end = timing
        if not isinstance(ipa, str):
            raise _invalid(f"Sound {number} is {ipa!r}.", "Give it in IPA.")
        start_s, end_s = _number(start, f"start of sound {number}"), _number(end, f"end of sound {number}")
        if end_s < start_s:
            raise _invalid(f"Sound {number} ends at {end_s:g} s, before it starts.", "Give the start first.")
        found.append(Phone(ipa, start_s, end_s))
    return tuple(sorted(found, key=lambda phone: phone.start_s))


def read_phones(path: Path, duration_s: float = math.inf) -> tuple[Phone, ...]:
    """Phones of a file, whatever is in it:

    * lines of ``start end sound``, in seconds, parted by tabs, commas or blanks: the labels of Audacity and others;
    * JSON: a list of ``[ipa, start_s, end_s]``, or of Azure's ``{"audio_offset": ticks, "viseme_id": id}``;
    * Polly's speech marks, a JSON object per line;
    * a Praat ``TextGrid``, its tier named ``phones`` (else the last): what forced aligners write.

    Sounds are in IPA or, in capitals, ARPAbet.

    Raises:
        AudioError: ``timings_unreadable``: no such file, or no text; ``timings_invalid``.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AudioError(
            "timings_unreadable", f"{path} cannot be read: {error}.", "Name a text file with the times of the sounds."
        ) from None
    stripped = text.strip()
    if not stripped:
        raise _invalid(f"{path} is empty.", "It should tell when each sound is said.")
    if stripped.startswith("{"):
        return phones_of_polly(text, duration_s)
    if stripped.startswith("["):
        return _phones_of_list(_json(stripped, str(path)), duration_s)
    if "ooTextFile" in stripped[:200]:
        return phones_of_ipa(_textgrid_intervals(stripped))
    return phones_of_ipa(_labels(stripped))


def _phones_of_list(values: Any, duration_s: float) -> tuple[Phone, ...]:
    if values and all(isinstance(value, dict) for value in values):
        try:
            return phones_of_azure([(value["audio_offset"], value["viseme_id"]) for value in values], duration_s)
        except KeyError as error:
            raise _invalid(
                f"An event has no {error}.", 'Azure\'s are like {"audio_offset": 500000, "viseme_id": 21}.'
            ) from None
    return phones_of_ipa(values)


def _labels(text: str) -> list[tuple[str, str, str]]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        parts = line.replace(",", " ").replace("\t", " ").split(maxsplit=2)
        if number == 1 and len(parts) == 3 and not _is_number(parts[0]):
            continue  # a heading
        if len(parts) < 2:
            raise _invalid(f"Line {number} is {line.strip()[:60]!r}.", "Give lines of: start end sound.")
        found.append((parts[2].strip() if len(parts) == 3 else "", parts[0], parts[1]))
    if not found:
        raise _invalid(f"The only line is {text.strip()[:60]!r}.", "Give lines of: start end sound.")
    return found


def _textgrid_intervals(text: str) -> list[tuple[str, str, str]]:
    """The intervals of the tier of phones of a long TextGrid."""
    tiers: list[tuple[str, list[tuple[str, str, str]]]] = []
    start = end = ""
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition("="))
        if key == "name":
            tiers.append((value.strip('"'), []))
        elif key == "xmin":
            start = value
        elif key == "xmax":
            end = value
        elif key == "text" and tiers:
            tiers[-1][1].append((value.strip('"'), start, end))
    tiers = [tier for tier in tiers if tier[1]]
    if not tiers:
        raise _invalid("The TextGrid has no intervals.", "Save it as a long text file, with a tier of phones.")
    return next((intervals for name, intervals in tiers if name.lower().endswith("phones")), tiers[-1][1])


def _lasting(marks: list[tuple[float, str]], duration_s: float) -> tuple[Phone, ...]:
    """Marks of where sounds begin, as phones that last until the next."""
    marks = sorted(marks, key=lambda mark: mark[0])
    ends_s = [at_s for at_s, _ in marks[1:]]
    if marks:
        ends_s.append(min(duration_s, marks[-1][0] + LONGEST_LAST_S))
    return tuple(
        Phone(ipa, at_s, end_s) for (at_s, ipa), end_s in zip(marks, ends_s, strict=True) if ipa and end_s > at_s
    )


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise _invalid(f"{what} is no JSON: {error}.", "Check where the file was cut off.") from None


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str) or not _is_number(str(value)):
        raise _invalid(f"The {what} is {value!r}.", "Give a number.")
    number = float(value)
    if number < 0:
        raise _invalid(f"The {what} is {number:g}.", "Times begin with the sound, at 0.")
    return number


def _invalid(message: str, hint: str) -> AudioError:
    return AudioError("timings_invalid", message, hint)
