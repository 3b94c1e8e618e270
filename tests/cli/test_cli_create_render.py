"""``visavis create`` and ``visavis render`` as a user runs them."""

import subprocess
import sys
import wave
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from support.clips import video
from visavis.avatar import Avatar

ADA = Path(__file__).parents[2] / "src" / "visavis" / "portrait" / "demo" / "ada.png"


def visavis(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "visavis.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=100)


def write_wav(path: Path, sound: NDArray[np.int16], rate_hz: int = 16_000, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate_hz)
        file.writeframes(sound.tobytes())
    return path


def beep(duration_s: float, rate_hz: int = 16_000) -> NDArray[np.int16]:
    t = np.arange(round(duration_s * rate_hz)) / rate_hz
    return np.asarray(8000 * np.sin(2 * np.pi * 300 * t) * (np.sin(2 * np.pi * 3 * t) > 0), np.int16)


def assert_refused(result: subprocess.CompletedProcess[str], *words: str) -> None:
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    assert "error: " in result.stderr
    for word in words:
        assert word in result.stderr


@pytest.fixture(scope="session")
def ada(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("avatars") / "ada.avatar"
    result = visavis("create", ADA, "-o", path)
    assert result.returncode == 0, result.stderr
    assert path.name in result.stdout
    return path


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    return write_wav(tmp_path / "beep.wav", beep(1.0))


def test_create_makes_an_avatar_that_loads(ada: Path) -> None:
    assert Avatar.load(ada).info.face_height_px > 100


def test_a_clip_becomes_an_avatar_that_speaks(silent_clip: bytes, sound: Path, tmp_path: Path) -> None:
    (tmp_path / "me.mp4").write_bytes(silent_clip)
    result = visavis("create", tmp_path / "me.mp4")
    assert result.returncode == 0, result.stderr
    assert Avatar.load(tmp_path / "me.avatar").clip is not None
    result = visavis("render", tmp_path / "me.avatar", sound, "--size", "128", "-o", tmp_path / "talk.mp4")
    assert result.returncode == 0, result.stderr
    with av.open(tmp_path / "talk.mp4") as film:
        assert sum(1 for _ in film.decode(video=0)) == 35
    result = visavis("render", tmp_path / "me.avatar", sound, "--background", "blur", "-o", tmp_path / "blur.mp4")
    assert_refused(result, "its own background")


def test_a_clip_that_cannot_be_used_is_refused_with_what_was_measured(silent_clip: bytes, tmp_path: Path) -> None:
    (tmp_path / "short.mp4").write_bytes(video([np.zeros((128, 128, 3), np.uint8)] * 25))
    (tmp_path / "cut.mp4").write_bytes(silent_clip[: len(silent_clip) // 2])
    assert_refused(visavis("create", tmp_path / "short.mp4"), "1.0 s", "2 s", "hint: ")
    assert_refused(visavis("create", tmp_path / "cut.mp4"), "cannot be read", "hint: ")


def test_create_names_the_file_after_the_photo_and_tells_findings(tmp_path: Path) -> None:
    photo = tmp_path / "me.png"
    photo.write_bytes(ADA.read_bytes())
    result = visavis("create", photo)
    assert result.returncode == 0
    assert (tmp_path / "me.avatar").is_file()
    assert "note: " in result.stderr  # this photo is small


def test_create_refuses_what_is_no_portrait(tmp_path: Path) -> None:
    text = tmp_path / "me.jpg"
    text.write_text("this is a letter, not a picture")
    grey = tmp_path / "grey.png"
    Image.new("RGB", (400, 400), "grey").save(grey)
    for photo in (text, grey):
        assert_refused(visavis("create", photo, "-o", tmp_path / "x.avatar"), "hint: ")
    assert_refused(visavis("create", tmp_path / "absent.jpg"), "absent.jpg")
    assert not (tmp_path / "x.avatar").exists()


@pytest.mark.parametrize(("fps", "size", "wanted"), [(25, "128", (128, 128)), (30, "160x128", (160, 128))])
def test_render_makes_a_film_as_long_as_the_sound(
    ada: Path, sound: Path, tmp_path: Path, fps: int, size: str, wanted: tuple[int, int]
) -> None:
    target = tmp_path / "talk.mp4"
    result = visavis("render", ada, sound, "-o", target, "--fps", str(fps), "--size", size)
    assert result.returncode == 0, result.stderr
    with av.open(target) as film:
        video, audio = film.streams.video[0], film.streams.audio[0]
        assert (video.width, video.height) == wanted
        assert video.codec_context.name == "h264" and video.codec_context.pix_fmt == "yuv420p"
        assert video.average_rate == fps and audio.codec_context.name == "aac"
        frames = sum(1 for _ in film.decode(video))
    assert frames == round(1.4 * fps)
    with av.open(target) as film:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in film.decode(film.streams.audio[0])])
    assert len(samples) / 48_000 == pytest.approx(1.4, abs=0.05)
    first_loud_s = np.argmax(np.abs(samples) > 0.1) / 48_000
    assert first_loud_s < 0.05


def test_render_takes_a_photo_in_place_of_an_avatar(sound: Path, tmp_path: Path) -> None:
    result = visavis("render", ADA, sound, "--size", "128", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "talk.mp4").stat().st_size > 1000


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_render_makes_animations(ada: Path, sound: Path, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"talk{suffix}"
    result = visavis("render", ada, sound, "-o", target, "--size", "128", "--fps", "12")
    assert result.returncode == 0, result.stderr
    with Image.open(target) as animation:
        assert animation.size == (128, 128)
        assert animation.n_frames >= 16


def test_the_same_command_makes_the_same_film(ada: Path, sound: Path, tmp_path: Path) -> None:
    def pictures(name: str, seed: str) -> NDArray[np.uint8]:
        target = tmp_path / name
        visavis("render", ada, sound, "-o", target, "--size", "128", "--seed", seed)
        with av.open(target) as film:
            return np.stack([frame.to_ndarray(format="gray") for frame in film.decode(video=0)])

    first = pictures("a.mp4", "1")
    assert np.array_equal(first, pictures("b.mp4", "1"))
    assert not np.array_equal(first, pictures("c.mp4", "2"))


@pytest.mark.parametrize(("rate_hz", "channels", "sample"), [(8_000, 1, "s16"), (44_100, 2, "s16"), (48_000, 1, "flt")])
def test_render_reads_sound_of_every_kind(ada: Path, tmp_path: Path, rate_hz: int, channels: int, sample: str) -> None:
    path = tmp_path / "sound.wav"
    if sample == "flt":
        import soundfile

        soundfile.write(path, beep(0.5, rate_hz) / 32768, rate_hz, subtype="FLOAT")
    else:
        write_wav(path, np.repeat(beep(0.5, rate_hz), channels), rate_hz, channels)
    target = tmp_path / "talk.mp4"
    result = visavis("render", ada, path, "-o", target, "--size", "128")
    assert result.returncode == 0, result.stderr
    with av.open(target) as film:
        assert sum(1 for _ in film.decode(video=0)) in (23, 24)  # 0.9 s and the rounding of a tick


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--size", "513"], "513"),
        (["--size", "big"], "big"),
        (["--size", "100000"], "100000"),
        (["--look-ahead", "50"], "50 ms"),
        (["-o", "talk.avi"], "talk.avi"),
        (["-o", "nowhere/talk.mp4"], "nowhere"),
    ],
)
def test_render_refuses_impossible_wishes(
    ada: Path, sound: Path, tmp_path: Path, arguments: list[str], word: str
) -> None:
    assert_refused(visavis("render", ada, sound, *arguments, cwd=tmp_path), word, "hint: ")
    assert [path.name for path in tmp_path.iterdir()] == ["beep.wav"]


def test_render_refuses_sound_that_is_none(ada: Path, tmp_path: Path) -> None:
    empty = write_wav(tmp_path / "empty.wav", np.zeros(0, np.int16))
    text = tmp_path / "text.wav"
    text.write_text("words, but not spoken")
    for path in (empty, text, tmp_path / "absent.wav"):
        assert_refused(visavis("render", ada, path, cwd=tmp_path), path.name)
    assert not (tmp_path / "talk.mp4").exists()


def test_render_refuses_a_damaged_avatar(ada: Path, sound: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "half.avatar"
    damaged.write_bytes(ada.read_bytes()[:100_000])
    assert_refused(visavis("render", damaged, sound, cwd=tmp_path), "half.avatar")
    assert_refused(visavis("render", tmp_path / "absent.avatar", sound, cwd=tmp_path), "absent.avatar")


def test_help_and_version_are_quick_to_load() -> None:
    script = (
        "import sys, visavis.cli; heavy = {'numpy', 'cv2', 'av', 'onnxruntime', 'scipy', 'numba', 'livekit',"
        " 'fastapi', 'sqlalchemy'} & set(sys.modules); sys.exit(' '.join(sorted(heavy)) or 0)"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert "create" in visavis("--help").stdout
    assert visavis("--version").stdout.startswith("visavis ")
