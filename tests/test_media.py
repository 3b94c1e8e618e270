"""Sound in and out: files of every kind, the streaming resampler, sample and frame arithmetic."""

import io
import subprocess
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from visavis.errors import AudioError
from visavis.media import (
    Resampler,
    audio_blocks,
    frames_before_sample,
    mono_float,
    read_audio,
    sample_of_frame,
    to_float,
    to_int16,
)


def tone(frequency_hz: float, rate_hz: int, duration_s: float = 1.0) -> NDArray[np.float32]:
    t = np.arange(round(rate_hz * duration_s)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * frequency_hz * t)).astype(np.float32)


def level(pcm: NDArray[np.float32]) -> float:
    """RMS of the middle, where no edge disturbs it."""
    middle = pcm[len(pcm) // 4 : -len(pcm) // 4]
    return float(np.sqrt(np.mean(middle**2)))


class TestReadAudio:
    @pytest.mark.parametrize(
        ("name", "rate_hz", "channels", "subtype"),
        [
            ("telephone.wav", 8_000, 1, "PCM_16"),
            ("telephone-ulaw.wav", 8_000, 1, "ULAW"),
            ("stereo.wav", 44_100, 2, "PCM_16"),
            ("float.wav", 48_000, 1, "FLOAT"),
            ("studio.wav", 96_000, 2, "PCM_24"),
            ("bytes.wav", 22_050, 1, "PCM_U8"),
            ("lossless.flac", 44_100, 2, "PCM_16"),
            ("vorbis.ogg", 44_100, 1, "VORBIS"),
            ("layer3.mp3", 44_100, 2, "MPEG_LAYER_III"),
        ],
    )
    def test_reads_every_common_kind_of_file(
        self, tmp_path: Path, name: str, rate_hz: int, channels: int, subtype: str
    ) -> None:
        sound = tone(440, rate_hz)
        soundfile.write(tmp_path / name, np.stack([sound] * channels, axis=1), rate_hz, subtype=subtype)

        pcm = read_audio(tmp_path / name, 16_000)

        assert pcm.dtype == np.float32
        assert pcm.ndim == 1
        assert len(pcm) == pytest.approx(16_000, abs=1_200)  # lossy codecs pad
        assert level(pcm) == pytest.approx(0.5 / np.sqrt(2), rel=0.03)

    @pytest.mark.parametrize("name", ["phone.m4a", "room.webm"])
    def test_reads_what_phones_and_browsers_record(self, tmp_path: Path, name: str) -> None:
        source = "sine=frequency=440:duration=1:sample_rate=48000"
        subprocess.run(
            ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, str(tmp_path / name)], check=True, timeout=30
        )

        pcm = read_audio(str(tmp_path / name), 16_000)

        assert len(pcm) == pytest.approx(16_000, abs=1_200)
        assert level(pcm) == pytest.approx(0.125 / np.sqrt(2), rel=0.1)

    def test_reads_bytes_like_a_file(self, tmp_path: Path) -> None:
        soundfile.write(tmp_path / "a.wav", tone(440, 24_000), 24_000)
        content = (tmp_path / "a.wav").read_bytes()
        np.testing.assert_array_equal(read_audio(content, 16_000), read_audio(tmp_path / "a.wav", 16_000))

    def test_mixes_stereo_down_to_its_mean(self, tmp_path: Path) -> None:
        left = tone(440, 16_000)
        soundfile.write(tmp_path / "a.wav", np.stack([left, 0 * left], axis=1), 16_000, subtype="FLOAT")
        np.testing.assert_allclose(read_audio(tmp_path / "a.wav", 16_000), left / 2, atol=1e-6)

    def test_turns_what_is_no_number_into_silence(self) -> None:
        sound = np.full(1000, np.nan, np.float32)
        buffer = io.BytesIO()
        soundfile.write(buffer, sound, 16_000, subtype="FLOAT", format="WAV")
        assert not read_audio(buffer.getvalue(), 16_000).any()

    def test_plays_a_truncated_file_up_to_its_end(self) -> None:
        buffer = io.BytesIO()
        soundfile.write(buffer, tone(440, 16_000), 16_000, format="WAV")
        content = buffer.getvalue()
        assert len(read_audio(content[: len(content) // 2], 16_000)) == pytest.approx(8_000, abs=100)

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "audio_empty"),
            (b"Dear all, this is a text and no sound.\n" * 40, "audio_unreadable"),
            (b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n", "audio_unreadable"),
            (b"ffconcat version 1.0\nfile /etc/passwd\n", "audio_unreadable"),
            (bytes(2000), "audio_unreadable"),
            (b"\x89PNG\r\n\x1a\n" + bytes(200), "audio_unreadable"),
            (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio_unreadable"),
        ],
    )
    def test_refuses_what_is_no_sound(self, content: bytes, code: str) -> None:
        with pytest.raises(AudioError) as caught:
            read_audio(content, 16_000)
        assert caught.value.code == code
        assert caught.value.message
        assert caught.value.hint

    def test_refuses_a_header_without_sound(self) -> None:
        buffer = io.BytesIO()
        soundfile.write(buffer, np.zeros(0, np.float32), 16_000, format="WAV")
        with pytest.raises(AudioError, match="holds no sound"):
            read_audio(buffer.getvalue(), 16_000)

    def test_refuses_a_film_without_sound(self, tmp_path: Path) -> None:
        source = "color=size=64x64:duration=0.2"
        film = tmp_path / "silent.mp4"
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", source, str(film)], check=True, timeout=30)
        with pytest.raises(AudioError) as caught:
            read_audio(film, 16_000)
        assert caught.value.code == "audio_missing"

    def test_names_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(AudioError, match="nobody.wav"):
            read_audio(tmp_path / "nobody.wav", 16_000)

    def test_refuses_more_than_the_limit(self) -> None:
        buffer = io.BytesIO()
        soundfile.write(buffer, tone(440, 16_000, 3), 16_000, format="WAV")
        with pytest.raises(AudioError) as caught:
            read_audio(buffer.getvalue(), 16_000, max_duration_s=2)
        assert caught.value.code == "audio_too_long"


class TestAudioBlocks:
    def test_blocks_are_the_file_cut_up(self) -> None:
        buffer = io.BytesIO()
        soundfile.write(buffer, tone(440, 44_100, 1.3), 44_100, format="WAV")
        blocks = list(audio_blocks(buffer.getvalue(), 16_000, block_samples=1_000))
        assert {len(block) for block in blocks[:-1]} == {1_000}
        np.testing.assert_array_equal(np.concatenate(blocks), read_audio(buffer.getvalue(), 16_000))

    def test_a_long_file_takes_no_more_memory_than_a_short_one(self, tmp_path: Path) -> None:
        path = tmp_path / "long.wav"
        with soundfile.SoundFile(path, "w", 8_000, 1, "PCM_16") as file:
            for _ in range(6):
                file.write(np.zeros(60 * 8_000, np.int16))
        tracemalloc.start()
        try:
            total = sum(len(block) for block in audio_blocks(path, 16_000))
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert total == 360 * 16_000
        assert peak_bytes < 4_000_000


RATES = [(48_000, 16_000), (44_100, 16_000), (8_000, 16_000), (24_000, 48_000), (22_050, 16_000), (11_025, 16_000)]


class TestResampler:
    @pytest.mark.parametrize(("input_hz", "output_hz"), [*RATES, (44_101, 16_000)])
    def test_keeps_a_tone_in_place(self, input_hz: int, output_hz: int) -> None:
        resampler = Resampler(input_hz, output_hz)
        out = np.concatenate([resampler.push(tone(1000, input_hz)), resampler.flush()])
        wanted = tone(1000, output_hz)
        assert len(out) == len(wanted)
        inside = slice(200, -200)
        assert np.abs(out - wanted)[inside].max() < 2e-3

    @pytest.mark.parametrize(("input_hz", "output_hz"), RATES)
    def test_chunk_sizes_do_not_matter(self, input_hz: int, output_hz: int) -> None:
        rng = np.random.default_rng(3)
        sound = rng.normal(0, 0.1, 9_000).astype(np.float32)
        whole = Resampler(input_hz, output_hz)
        pieces = Resampler(input_hz, output_hz)
        expected = np.concatenate([whole.push(sound), whole.flush()])
        cuts = np.sort(rng.integers(0, len(sound), 60))
        parts = [pieces.push(chunk) for chunk in np.split(sound, cuts)]
        np.testing.assert_allclose(np.concatenate([*parts, pieces.flush()]), expected, atol=1e-6)

    @pytest.mark.parametrize(("input_hz", "output_hz"), RATES)
    def test_holds_back_no_more_than_it_says(self, input_hz: int, output_hz: int) -> None:
        resampler = Resampler(input_hz, output_hz)
        assert resampler.delay_s <= 25 / min(input_hz, output_hz)
        received = emitted = 0
        for _ in range(100):
            emitted += len(resampler.push(np.zeros(input_hz // 100, np.float32)))
            received += input_hz // 100
            behind_s = received / input_hz - emitted / output_hz
            assert behind_s <= resampler.delay_s + 1e-9

    def test_stops_what_the_lower_rate_cannot_carry(self) -> None:
        resampler = Resampler(48_000, 16_000)
        assert level(resampler.push(tone(9_000, 48_000))) < 0.35 * 10 ** (-60 / 20)

    def test_equal_rates_pass_through(self) -> None:
        resampler = Resampler(16_000, 16_000)
        sound = tone(440, 16_000)
        np.testing.assert_array_equal(resampler.push(sound), sound)
        assert resampler.delay_s == 0
        assert len(resampler.flush()) == 0

    def test_takes_stereo_int16_interleaved_or_not(self) -> None:
        left = to_int16(tone(440, 48_000))
        interleaved = np.stack([left, left], axis=1).reshape(-1)
        expected = Resampler(48_000, 16_000).push(to_float(left))
        stereo = Resampler(48_000, 16_000, channels=2)
        np.testing.assert_allclose(stereo.push(interleaved), expected, atol=1e-6)
        stereo.clear()
        np.testing.assert_allclose(stereo.push(interleaved.reshape(-1, 2)), expected, atol=1e-6)

    def test_begins_anew_after_clear_and_flush(self) -> None:
        resampler = Resampler(24_000, 16_000)
        first = resampler.push(tone(440, 24_000, 0.1))
        resampler.clear()
        np.testing.assert_array_equal(resampler.push(tone(440, 24_000, 0.1)), first)
        resampler.flush()
        np.testing.assert_array_equal(resampler.push(tone(440, 24_000, 0.1)), first)

    @pytest.mark.parametrize("arguments", [(0, 16_000, 1), (48_000, -1, 1), (48_000, 16_000, 6), (10**9, 16_000, 1)])
    def test_refuses_impossible_formats(self, arguments: tuple[int, int, int]) -> None:
        with pytest.raises(AudioError) as caught:
            Resampler(*arguments)
        assert caught.value.code == "audio_format"

    def test_refuses_samples_of_another_kind(self) -> None:
        with pytest.raises(AudioError):
            mono_float(np.zeros(10, np.int64))
        with pytest.raises(AudioError):
            mono_float(np.zeros(11, np.int16), channels=2)


def test_int16_survives_the_way_through_float() -> None:
    every = np.arange(-32768, 32768, dtype=np.int16)
    np.testing.assert_array_equal(to_int16(to_float(every)), every)
    np.testing.assert_array_equal(to_int16(np.array([-3, 3], np.float32)), [-32768, 32767])


@pytest.mark.parametrize("fps", [25, 30, 24])
@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_frames_and_samples_agree(rate_hz: int, fps: int) -> None:
    for index in [*range(200), 10**7]:
        due = sample_of_frame(index, rate_hz, fps)
        assert due <= index * rate_hz / fps < due + 1
        assert frames_before_sample(due, rate_hz, fps) == index
        assert frames_before_sample(due + 1, rate_hz, fps) == index + 1
