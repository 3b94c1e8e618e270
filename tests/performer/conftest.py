"""A real avatar and a real voice."""

import subprocess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import Avatar
from visavis.media import read_audio

DEMO = Path(__file__).parents[2] / "src" / "visavis" / "portrait" / "demo"
VOICE_RATE_HZ = 24_000


@pytest.fixture(scope="session")
def avatar() -> Avatar:
    return Avatar.from_photo(DEMO / "ada.png")


def speak(folder: Path, text: str) -> NDArray[np.int16]:
    """``text`` said by espeak-ng, trimmed to where the voice begins: ``int16 [n]`` at VOICE_RATE_HZ."""
    path = folder / "voice.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "160", "-w", str(path), text], check=True)
    voice = read_audio(path, VOICE_RATE_HZ)
    begin = int(np.argmax(np.abs(voice) > 0.03))
    return np.asarray(np.clip(voice[begin:] * 32768, -32768, 32767), np.int16)


@pytest.fixture(scope="session")
def voice(tmp_path_factory: pytest.TempPathFactory) -> NDArray[np.int16]:
    """A sentence of some 3 s."""
    return speak(tmp_path_factory.mktemp("voice"), "My mama bought a papaya for papa. Amber and bob may come.")
