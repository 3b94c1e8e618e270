"""``visavis track``: a table of ARKit values over the time of a sound."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from visavis.cli.track import track
from visavis.errors import AudioError, VisavisError
from visavis.face import ARKIT_CONTROLS
from visavis.speech import mouth_track

TEXT = "My mama bought a papaya for Bob."


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("track") / "speech.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-w", str(path), TEXT], check=True)
    return path


def visavis(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "visavis.cli", *map(str, arguments)], capture_output=True, text=True, check=False
    )


def read(path: Path) -> tuple[list[str], NDArray[np.float64]]:
    """Columns and rows of a table of either kind."""
    if path.suffix == ".json":
        table = json.loads(path.read_text())
        return table["columns"], np.array(table["rows"])
    lines = list(csv.reader(path.read_text().splitlines()))
    return lines[0], np.array([[float(value) for value in line] for line in lines[1:]])


def column(path: Path, name: str) -> NDArray[np.float64]:
    columns, rows = read(path)
    return np.asarray(rows[:, columns.index(name)])


def duration_s(sound: Path) -> float:
    return float(soundfile.info(sound).duration)


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_a_table_has_times_and_the_arkit_names(sound: Path, tmp_path: Path, suffix: str) -> None:
    output = tmp_path / f"track{suffix}"
    done = visavis("track", sound, "-o", output)
    assert done.returncode == 0, done.stderr
    columns, rows = read(output)
    assert columns == ["t_s", *ARKIT_CONTROLS]
    np.testing.assert_allclose(rows[:, 0], np.arange(len(rows)) / 30, atol=1e-5)
    assert rows[-1, 0] == pytest.approx(duration_s(sound), abs=1 / 30)
    assert rows[:, 1:].min() >= 0
    assert rows[:, 1:].max() <= 1
    assert f"{len(rows)} rows" in done.stdout


def test_both_kinds_hold_the_same(sound: Path, tmp_path: Path) -> None:
    for name in ("a.csv", "a.json"):
        track(sound, tmp_path / name)
    np.testing.assert_array_equal(read(tmp_path / "a.csv")[1], read(tmp_path / "a.json")[1])


def test_the_mouth_speaks_and_nothing_else_moves(sound: Path, tmp_path: Path) -> None:
    track(sound, tmp_path / "t.csv")
    columns, rows = read(tmp_path / "t.csv")
    assert column(tmp_path / "t.csv", "jawOpen").max() > 0.3
    assert column(tmp_path / "t.csv", "mouthClose").max() > 0.9
    moving = {name for name, values in zip(columns[1:], rows[:, 1:].T, strict=True) if values.any()}
    assert all(name.startswith(("jaw", "mouth", "tongue")) for name in moving)
    assert "mouthRollLower" in moving, "f: the lower lip goes under the teeth"


def test_a_row_is_the_face_at_its_time(sound: Path, tmp_path: Path) -> None:
    track(sound, tmp_path / "t.csv", fps=100)
    pcm, rate_hz = soundfile.read(sound, dtype="float32")
    _, rows = mouth_track(pcm, rate_hz, 120)
    jaw = column(tmp_path / "t.csv", "jawOpen")
    count = min(len(jaw), len(rows)) - 3
    lags = {lag: np.corrcoef(jaw[3:count], rows[3 + lag : count + lag, 0])[0, 1] for lag in (-3, -2, -1, 0, 1, 2, 3)}
    assert max(lags, key=lambda lag: lags[lag]) == 0
    assert lags[0] > 0.999


@pytest.mark.parametrize("fps", [1, 24, 29.97, 120])
def test_rows_come_as_often_as_asked(sound: Path, tmp_path: Path, fps: float) -> None:
    track(sound, tmp_path / "t.csv", fps=fps)
    times_s = column(tmp_path / "t.csv", "t_s")
    np.testing.assert_allclose(times_s, np.arange(len(times_s)) / fps, atol=1e-5)
    assert duration_s(sound) - 1 / fps - 0.01 < times_s[-1] <= duration_s(sound) + 1e-5


@pytest.mark.parametrize(
    ("rate_hz", "channels", "suffix"), [(8_000, 1, ".wav"), (48_000, 2, ".flac"), (44_100, 1, ".ogg")]
)
def test_any_sound_will_do(sound: Path, tmp_path: Path, rate_hz: int, channels: int, suffix: str) -> None:
    other = tmp_path / f"other{suffix}"
    subprocess.run(["ffmpeg", "-v", "error", "-i", sound, "-ar", str(rate_hz), "-ac", str(channels), other], check=True)
    for path, name in ((sound, "a.csv"), (other, "b.csv")):
        track(path, tmp_path / name)
    one, two = column(tmp_path / "a.csv", "jawOpen"), column(tmp_path / "b.csv", "jawOpen")
    count = min(len(one), len(two))
    assert np.corrcoef(one[:count], two[:count])[0, 1] > 0.8


def test_a_long_sound_is_the_same_as_its_parts(sound: Path, tmp_path: Path) -> None:
    """Blocks of a second leave no trace."""
    pcm, rate_hz = soundfile.read(sound, dtype="float32")
    quiet = np.zeros(3 * rate_hz, np.float32)
    soundfile.write(tmp_path / "long.wav", np.concatenate((quiet, pcm, quiet, pcm)), rate_hz)
    track(tmp_path / "long.wav", tmp_path / "t.csv", fps=100)
    jaw = column(tmp_path / "t.csv", "jawOpen")
    first = jaw[300 : 300 + round(100 * len(pcm) / rate_hz)]
    later = jaw[-len(first) - 1 : -1]
    assert np.corrcoef(first, later)[0, 1] > 0.97


def test_phones_take_the_place_of_listening(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "hum.wav", np.zeros(16_000, np.float32), 16_000)
    (tmp_path / "labels.txt").write_text("0.2 0.3 m\n0.3 0.5 aɪ\n0.5 0.6 f\n")
    track(tmp_path / "hum.wav", tmp_path / "t.csv", fps=50, phones=tmp_path / "labels.txt")
    path = tmp_path / "t.csv"
    assert column(path, "mouthClose")[round(0.24 * 50)] == 1
    assert column(path, "jawOpen")[round(0.38 * 50)] > 0.3
    assert column(path, "mouthRollLower")[round(0.56 * 50)] == 1
    assert read(path)[1][-5:, 1:].max() == 0
    assert len(read(path)[1]) == 51


def test_what_cannot_be_done_is_said_and_nothing_is_left_behind(sound: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("once upon a time")
    (tmp_path / "noise.wav").write_bytes(b"no sound at all")
    output = tmp_path / "t.csv"
    with pytest.raises(VisavisError, match="track.xlsx"):
        track(sound, tmp_path / "track.xlsx")
    for path, look_ahead, phones in (
        (tmp_path / "missing.wav", 120, None),
        (tmp_path / "noise.wav", 120, None),
        (sound, 33, None),
        (sound, 120, tmp_path / "labels.txt"),
        (sound, 120, tmp_path / "missing.txt"),
    ):
        with pytest.raises(AudioError) as caught:
            track(path, output, look_ahead=look_ahead, phones=phones)
        assert caught.value.hint
    assert not output.exists()


def test_errors_reach_the_terminal_as_a_message_and_a_hint(tmp_path: Path) -> None:
    done = visavis("track", tmp_path / "missing.wav", "-o", tmp_path / "t.csv")
    assert done.returncode == 1
    assert "error: missing.wav" in done.stderr
    assert "hint:" in done.stderr
    assert "Traceback" not in done.stderr
    assert visavis("track", tmp_path / "missing.wav", "--fps", "121").returncode == 2
