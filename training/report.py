"""Tables and curves of what :mod:`training.evaluation` found, for docs/speech.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import matplotlib

matplotlib.use("svg")

import matplotlib.pyplot as plt

POOLED: Final = "all recordings"
HEADLINE_WAYS: Final = ("visavis 80 ms", "visavis 40 ms")
_CHANNELS: Final = {"clean": "clean", "noise": "pink noise, 10 dB SNR", "telephone": "300-3400 Hz"}
_COLUMNS: Final = (
    "jaw r",
    "mean r",
    "lips: found at false",
    "at 15 % false",
    "f v",
    "timing median, p90",
    "shut in silence",
    "jitter",
)


def write(told: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """``report.md`` and ``closures.svg``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.md").write_text("\n".join(_report(told)) + "\n", encoding="utf-8")
    _plot(told, folder / "closures.svg")


def _report(told: Mapping[str, Mapping[str, Any]]) -> Iterable[str]:
    heard, silent = told["heard"], told["silent"]
    groups = list(dict.fromkeys(name.split(" | ")[0] for name in heard))
    ways = list(dict.fromkeys(name.split(" | ")[2] for name in heard))
    yield "### By kind of recording and language\n"
    yield from _table(
        ("recordings", "minutes", "look-ahead"),
        [
            ((group, f"{found['minutes']:.0f}", way.removeprefix("visavis ")), found)
            for group in groups
            for way in HEADLINE_WAYS
            if (found := heard.get(f"{group} | clean | {way}"))
        ],
    )
    yield f"\n### Every look-ahead, and simpler ways ({POOLED})\n"
    yield from _table(("way",), [((way,), heard[f"{POOLED} | clean | {way}"]) for way in ways])
    yield f"\n### Through channels ({POOLED})\n"
    yield from _table(
        ("channel", "look-ahead"),
        [
            ((name, way.removeprefix("visavis ")), found)
            for channel, name in _CHANNELS.items()
            for way in HEADLINE_WAYS
            if (found := heard.get(f"{POOLED} | {channel} | {way}"))
        ],
    )
    yield "\n### Frames with an open jaw in what is not speech, at -25 dBFS\n"
    styles = list(dict.fromkeys(name.split(" | ")[0] for name in silent))
    yield "| way | " + " | ".join(styles) + " |\n|---|" + "---|" * len(styles)
    for way in ways:
        yield "| " + " | ".join((way, *(f"{100 * silent[f'{style} | {way}']:.1f} %" for style in styles))) + " |"
    yield "\n### Sounds that a voice tells, against what an aligner hears\n"
    yield from _table(("voice",), [((voice,), found) for voice, found in told["known"].items()])


def _table(heads: tuple[str, ...], lines: list[tuple[tuple[str, ...], Mapping[str, Any]]]) -> Iterable[str]:
    yield "| " + " | ".join((*heads, *_COLUMNS)) + " |"
    yield "|" + "---|" * (len(heads) + len(_COLUMNS))
    for names, found in lines:
        cells = (
            f"{found['jaw_r']:.2f}",
            f"{found['mean_r']:.2f}",
            f"{found['recall']:.2f} at {100 * found['false_share']:.0f} %",
            f"{found['recall_at_15']:.2f}",
            f"{found['fv_recall']:.2f} at {100 * found['fv_false_share']:.0f} %",
            f"{found['timing_median_ms']:.0f}, {found['timing_p90_ms']:.0f} ms",
            f"{100 * found['shut']:.1f} %",
            f"{found['jitter']:.2f}",
        )
        yield "| " + " | ".join((*names, *cells)) + " |"


def _plot(told: Mapping[str, Mapping[str, Any]], file: Path) -> None:
    """Recall of lip closures over their false share, a curve for each kind of recording."""
    figure, axes = plt.subplots(figsize=(7, 4.6))
    way = HEADLINE_WAYS[0]
    for name, found in told["heard"].items():
        if not name.endswith(f" | clean | {way}"):
            continue
        points = [(false, recall) for _, recall, false in found["curve"] if recall]
        group = name.split(" | ")[0]
        axes.plot(*zip(*points, strict=True), label=group, linewidth=2.5 if group == POOLED else 1.2)
        axes.plot(found["false_share"], found["recall"], "o", color=axes.lines[-1].get_color(), markersize=4)
    axes.set(xlim=(0, 0.6), ylim=(0, 1), xlabel="false, of all closures made", ylabel="found, of all p b m")
    axes.set_title(f"Lip closures, {way.removeprefix('visavis ')} look-ahead; dots: as agents show them", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, frameon=False)
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None})
    plt.close(figure)
