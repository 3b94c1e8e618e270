"""Speech for tests."""

from __future__ import annotations

import subprocess
from pathlib import Path


def espeak(text: str, path: Path) -> Path:
    """Let espeak-ng say ``text`` into a WAV file."""
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", str(path), text], check=True)
    return path
