"""A soak of the real product, ended early."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest

SESSIONS = 3
SPEAKING_S = 15.0


@pytest.mark.room
async def test_ctrl_c_ends_a_soak_with_its_table_and_leaves_nothing_behind(
    livekit_program: Path, tmp_path: Path
) -> None:
    environment = os.environ | {"VISAVIS_LIVEKIT_SERVER": str(livekit_program)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "visavis.cli", "bench", "--soak", "--minutes", "5", "--output", str(tmp_path),
        env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    soak = psutil.Process(process.pid)
    for _ in range(300):
        if _forked(soak) >= SESSIONS + 1:
            break
        await asyncio.sleep(0.2)
    await asyncio.sleep(SPEAKING_S)
    family = soak.children(recursive=True)
    process.send_signal(signal.SIGINT)
    output, _ = await asyncio.wait_for(process.communicate(), timeout=40)

    assert process.returncode in (0, 1)
    assert "| frame interval while speaking" in output.decode()
    figures = {
        figure["name"]: figure["value"] for figure in json.loads((tmp_path / "soak.json").read_text())["figures"]
    }
    assert figures["utterances heard"] >= 2
    assert figures["utterances of agents"] >= 1
    assert figures["session 3: private memory, MB"] > 10
    assert figures["sessions that were started again"] == 0
    assert [member for member in family if member.is_running() and member.status() != psutil.STATUS_ZOMBIE] == []


def _forked(soak: psutil.Process) -> int:
    """How many processes there are of the template, itself among them."""
    return sum("forkserver" in part for child in soak.children(recursive=True) for part in _command(child))


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
