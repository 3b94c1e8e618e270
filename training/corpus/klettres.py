"""Letters and syllables of KLettres, a tutor of the alphabet: volunteers of many languages, each a voice of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import av
import numpy as np

from training.corpus.alignment import align
from training.corpus.packages import debian_package
from training.corpus.shelf import SAMPLE_RATE_HZ, Pcm, Split, Utterance
from training.corpus.sound import read_pcm
from training.corpus.source import Recordings, safe_id

LICENCE: Final = "GPL-2.0-or-later (recordings)"
VOICES: Final = {
    "ar": "ar", "cs": "cs", "da": "da", "de": "de", "en": "en-us", "en_GB": "en", "es": "es", "fr": "fr", "he": "he",
    "hu": "hu", "it": "it", "lt": "lt", "ml": "ml", "nb": "nb", "nl": "nl", "pt_BR": "pt-br", "ru": "ru", "uk": "uk",
    "tn": "tn",
}  # fmt: skip
"""espeak-ng's voice for each folder; Low Saxon has none."""
VALIDATION: Final = ("cs", "en_GB", "hu")

_SOUND: Final = re.compile(r'<sound\s+name="([^"]+)"\s+file="([^"]+)"')
_AROUND_S: Final = 0.25
_SILENT_DB: Final = -45.0


def _utterances(packages: Path, done: frozenset[str]) -> Iterator[Utterance]:
    root = debian_package("klettres-data", packages) / "usr/share/klettres"
    for folder, voice in VOICES.items():
        listed = root / folder / "sounds.xml"
        if not listed.exists():
            continue
        split: Split = "validation" if folder in VALIDATION else "train"
        for name, file in _SOUND.findall(listed.read_text(encoding="utf-8", errors="replace")):
            id = safe_id(file.removesuffix(".ogg"))
            if id in done or not (root / file).exists():
                continue
            try:
                pcm = _without_long_silence(read_pcm(root / file))
            except av.FFmpegError:
                # Some of the volunteers' files are damaged.
                continue
            if len(pcm) < 0.3 * SAMPLE_RATE_HZ:
                continue
            text = name.lower()
            aligned = align(pcm, text, voice)
            if aligned is None or not aligned.is_sound:
                continue
            yield Utterance(
                id, pcm, "recording", f"klettres-{folder}", folder.replace("_", "-"), split, style="syllables",
                licence=LICENCE, text=text, alignment="pocketsphinx", phones=aligned.phones,
            )  # fmt: skip


def _without_long_silence(pcm: Pcm) -> Pcm:
    """A quarter of a second before and after the sound is left."""
    step = SAMPLE_RATE_HZ // 100
    power = (pcm[: len(pcm) // step * step].reshape(-1, step).astype(np.float64) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (_SILENT_DB / 10))
    if not len(loud):
        return pcm[:0]
    around = int(_AROUND_S * SAMPLE_RATE_HZ)
    return pcm[max(0, loud[0] * step - around) : (loud[-1] + 1) * step + around]


SOURCE: Final = Recordings("real-klettres", _utterances)
