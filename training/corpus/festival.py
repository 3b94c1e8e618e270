"""festival: diphone and HTS voices of Debian in several languages, with the times of their segments."""

from __future__ import annotations

import random
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import soundfile

from training.corpus.calibration import CALIBRATION
from training.corpus.shelf import Split, Utterance
from training.corpus.sound import pcm_of, scaled_to_peak
from training.corpus.source import Voices
from training.corpus.symbols import ipa_of_arctic, ipa_of_festival
from training.corpus.texts import sentence
from training.corpus.timeline import fitted, from_ends, shifted


@dataclass(frozen=True, slots=True)
class _Voice:
    name: str
    language: str
    encoding: str
    split: Split
    licence: str


_CMU: Final = "BSD-style (CMU)"
_GPL: Final = "GPL-2.0-or-later (voice data; its speech is not covered)"
_LGPL: Final = "LGPL-2.1-or-later (voice data)"
_VOICES: Final = (
    _Voice("ked_diphone", "en", "ascii", "train", _CMU),
    _Voice("cmu_us_slt_arctic_hts", "en", "ascii", "train", _CMU),
    _Voice("pc_diphone", "it", "latin1", "train", _GPL),
    _Voice("czech_dita", "cs", "iso8859-2", "train", _GPL),
    _Voice("czech_machac", "cs", "iso8859-2", "train", _GPL),
    _Voice("suo_fi_lj_diphone", "fi", "latin1", "train", _LGPL),
    _Voice("hy_fi_mv_diphone", "fi", "latin1", "train", _LGPL),
    _Voice("kal_diphone", "en", "ascii", "train", _CMU),
    _Voice("lp_diphone", "it", "latin1", "validation", _GPL),
    _Voice("czech_krb", "cs", "iso8859-2", "validation", _GPL),
)

_PER_RUN: Final = 25
"""Loading a voice takes longer than saying a sentence: so many are said by one process."""


def _say(split: Split, rng: random.Random) -> list[Utterance]:
    voice = rng.choice([voice for voice in _VOICES if voice.split == split])
    stretch = rng.uniform(0.8, 1.25)
    texts = [_in_alphabet(sentence(voice.language, split, rng) or "", voice.encoding) for _ in range(_PER_RUN)]
    peaks = [rng.uniform(0.15, 0.9) for _ in texts]
    with tempfile.TemporaryDirectory() as folder:
        script = [f"(voice_{voice.name})", f"(Parameter.set 'Duration_Stretch {stretch:.2f})"]
        script += [
            f'(unwind-protect (begin (set! said (Utterance Text "{text}")) (utt.synth said)'
            f' (utt.save.segs said "{folder}/{at}.lab") (utt.save.wave said "{folder}/{at}.wav" \'riff)) (print "no"))'
            for at, text in enumerate(texts)
        ]
        path = Path(folder) / "say.scm"
        path.write_text("\n".join(script), encoding=voice.encoding)
        try:
            subprocess.run(["festival", "-b", str(path)], capture_output=True, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            return []
        said = [
            _read(voice, Path(folder) / f"{at}.wav", Path(folder) / f"{at}.lab", text, peak)
            for at, (text, peak) in enumerate(zip(texts, peaks, strict=True))
        ]
    return [utterance for utterance in said if utterance is not None]


def _in_alphabet(text: str, encoding: str) -> str:
    """What the voice's alphabet lacks would end the whole script."""
    return re.sub(r'["\\()]', "", text).encode(encoding, "ignore").decode(encoding)


def _read(voice: _Voice, sound: Path, labels: Path, text: str, peak: float) -> Utterance | None:
    if not sound.exists() or not labels.exists() or sound.stat().st_size < 1000:
        return None
    wave, rate_hz = soundfile.read(sound, dtype="float32")
    duration_s = len(wave) / rate_hz
    rows = [line.split() for line in labels.read_text(encoding="latin1").splitlines()[1:]]
    ends = [(_ipa(row[2], voice.language), float(row[0])) for row in rows if len(row) >= 3]
    if not ends or abs(ends[-1][1] - duration_s) > 0.3 or not 0.5 < duration_s < 14.0:
        return None
    phones = fitted(shifted(from_ends(ends), CALIBRATION["festival"].shift_s), duration_s)
    return Utterance(
        "", pcm_of(scaled_to_peak(wave, peak), rate_hz), "festival", f"festival-{voice.name}", voice.language,
        voice.split, licence=voice.licence, text=text, alignment="engine", phones=phones,
    )  # fmt: skip


def _ipa(name: str, language: str) -> str:
    return ipa_of_arctic(name) if language == "en" else ipa_of_festival(name, language)


SOURCE: Final = Voices("festival", {"train": 2.2, "validation": 0.15}, _say)
