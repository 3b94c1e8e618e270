"""``visavis track``: how a mouth moves that makes a sound, as a table of ARKit values over time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Protocol

import typer

from visavis.errors import VisavisError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TextIO

    from visavis.face import FaceState
    from visavis.media import Samples
    from visavis.performer.mouth import MouthTrack

AS_ARKIT: Final = {"lipTuck": "mouthRollLower"}
"""Controls of ours that ARKit lacks, and its own that shows the same. Two have none: a raised tongue (``tongueTipUp``,
``tongueBodyUp``) is hidden in ARKit's mouth, and left out."""

DECIMALS: Final = 4
_TIME_DECIMALS: Final = 6
_BLOCK_S: Final = 1.0


class _Table(Protocol):
    def add(self, time_s: float, values: Sequence[float]) -> None: ...


def track(
    sound: Annotated[Path, typer.Argument(help="What is said: WAV, MP3, OGG, FLAC, M4A ...")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .csv or .json file.")] = Path("track.csv"),
    fps: Annotated[float, typer.Option(min=1, max=120, help="Rows per second.")] = 30.0,
    look_ahead: Annotated[int, typer.Option(help="Milliseconds the mouth hears ahead: 0, 40, 80 or 120.")] = 120,
    phones: Annotated[
        Path | None,
        typer.Option(help="When each sound is said, instead of listening: labels, TextGrid, JSON, Polly's marks."),
    ] = None,
) -> None:
    """Write how the mouth moves as a table: t_s in seconds of the sound, and the 52 ARKit blendshapes at that time."""
    from visavis.cli.create import open_progress
    from visavis.cli.render import duration_s
    from visavis.media import audio_blocks
    from visavis.performer.mouth import MouthTrack
    from visavis.speech import SPEECH_RATE_HZ
    from visavis.speech.timings import read_phones

    if output.suffix.lower() not in (".csv", ".json"):
        raise VisavisError("track_format", f"{output} is no table that can be written.", "Name a .csv or .json file.")
    mouth = MouthTrack(look_ahead)
    if phones is not None:
        said = read_phones(phones)
        mouth.restart(told=True)
        mouth.tell(said, 0.0, max((phone.end_s for phone in said), default=0.0))
    blocks = audio_blocks(sound, SPEECH_RATE_HZ, round(_BLOCK_S * SPEECH_RATE_HZ))
    first_block = next(blocks)  # a sound that cannot be read is told before anything is written
    rows = 0
    with open_progress() as progress, _open_table(output, fps) as table:
        task = progress.add_task("tracking", total=duration_s(sound))
        for time_s, face in _faces(mouth, _with_first(first_block, blocks), fps):
            table.add(time_s, face.tolist())
            rows += 1
            progress.update(task, completed=time_s)
        progress.update(task, total=rows / fps, completed=rows / fps)
    print(f"{output} ({rows} rows)")


def _faces(mouth: MouthTrack, blocks: Iterator[Samples], fps: float) -> Iterator[tuple[float, FaceState]]:
    """Times and ARKit values, ``float32 [52]`` in a buffer that is used again."""
    import numpy as np

    from visavis.face import ARKIT_CONTROLS, MOUTH_CONTROLS
    from visavis.speech import SPEECH_RATE_HZ

    shown = [AS_ARKIT.get(name, name) for name in MOUTH_CONTROLS]
    source = [index for index, name in enumerate(shown) if name in ARKIT_CONTROLS]
    place = [ARKIT_CONTROLS.index(shown[index]) for index in source]
    face = np.zeros(len(ARKIT_CONTROLS), np.float32)
    shape = np.zeros(len(MOUTH_CONTROLS), np.float32)
    heard_samples = row = 0

    def known(until_s: float) -> Iterator[tuple[float, FaceState]]:
        nonlocal row
        for index in range(row, floor(until_s * fps + 1e-6) + 1):
            mouth.shape_at(index / fps, shape)
            face[place] = shape[source]
            row = index + 1
            yield index / fps, face

    for block in blocks:
        heard_samples += len(block)
        mouth.push(block)
        yield from known(mouth.known_until_s)
    mouth.finish()
    yield from known(heard_samples / SPEECH_RATE_HZ)


def _with_first(first: Samples, rest: Iterator[Samples]) -> Iterator[Samples]:
    yield first
    yield from rest


class _Csv:
    """A heading and a line per row."""

    def __init__(self, file: TextIO, columns: Sequence[str], fps: float) -> None:
        self._file = file
        file.write(",".join(columns) + "\n")

    def add(self, time_s: float, values: Sequence[float]) -> None:
        self._file.write(",".join((_number(time_s, _TIME_DECIMALS), *(_number(value) for value in values))) + "\n")

    def close(self) -> None:
        pass


class _Json:
    """``{"fps": ..., "columns": [...], "rows": [[...], ...]}``, a row per line."""

    def __init__(self, file: TextIO, columns: Sequence[str], fps: float) -> None:
        self._file = file
        self._separator = "\n"
        file.write(f'{{"fps": {_number(fps)}, "columns": {json.dumps(columns)}, "rows": [')

    def add(self, time_s: float, values: Sequence[float]) -> None:
        row = ", ".join((_number(time_s, _TIME_DECIMALS), *(_number(value) for value in values)))
        self._file.write(f"{self._separator}[{row}]")
        self._separator = ",\n"

    def close(self) -> None:
        self._file.write("\n]}\n")


@contextmanager
def _open_table(path: Path, fps: float) -> Iterator[_Table]:
    """A table in a file; half of one is not left behind."""
    from visavis.face import ARKIT_CONTROLS

    columns = ("t_s", *ARKIT_CONTROLS)
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = (_Json if path.suffix.lower() == ".json" else _Csv)(file, columns, fps)
            yield table
            table.close()
    except BaseException:
        if path.is_file():
            path.unlink()
        raise


def _number(value: float, decimals: int = DECIMALS) -> str:
    """As short as it can be."""
    return f"{value:.{decimals}f}".rstrip("0").rstrip(".")
