"""Logs: values on every line, tokens on none."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, logging, sys, warnings
from visavis.logs import LogSettings, log_about, start_logging

start_logging(LogSettings("debug", sys.argv[1]), session_id="ses_1")
logger = logging.getLogger("visavis.room")
token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
logger.info("plain", extra={"count": 3, "path": __import__("pathlib").Path("/a")})
logger.debug("url", extra={"url": f"wss://host/rtc?access_token={token}&sdk=python"})
try:
    raise ValueError(f"cannot open wss://host?access_token={token}")
except ValueError:
    logger.exception("broken")
logging.getLogger("websockets.server").debug("Authorization: Bearer secret")
logging.getLogger("websockets.server").warning("slow")
warnings.warn("old")

async def task(name):
    with log_about(agent_id=name):
        await asyncio.gather(asyncio.create_task(inner()))
        await asyncio.sleep(0.01)
        logger.info("outer")

async def inner():
    logger.info("inner", extra={"session_id": "ses_2"})

async def both():
    await asyncio.gather(task("ada"), task("ines"))
    logger.info("neither")

asyncio.run(both())
"""


def log(log_format: str) -> str:
    result = subprocess.run([sys.executable, "-c", PROGRAM, log_format], capture_output=True, text=True, check=True)
    return result.stderr


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_token_is_cut_out_wherever_it_comes_from(log_format: str) -> None:
    lines = log(log_format)
    assert "eyJ" not in lines
    assert lines.count("access_token=[token]") == 2


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_of_libraries_only_warnings_are_told(log_format: str) -> None:
    lines = log(log_format)
    assert "slow" in lines and "old" in lines
    assert "Bearer" not in lines


def test_json_has_an_object_on_each_line_with_everything_that_is_known() -> None:
    entries = [json.loads(line) for line in log("json").splitlines()]
    plain = next(entry for entry in entries if entry["message"] == "plain")
    assert plain | {"time": ""} == {
        "time": "", "level": "info", "logger": "visavis.room", "message": "plain",
        "session_id": "ses_1", "count": 3, "path": "/a",
    }  # fmt: skip
    broken = next(entry for entry in entries if entry["message"] == "broken")
    assert broken["exception"].startswith("Traceback") and "ValueError" in broken["exception"]


def test_a_tasks_values_are_on_its_lines_and_its_tasks_lines_only() -> None:
    entries = [json.loads(line) for line in log("json").splitlines()]
    told = [(entry["message"], entry.get("agent_id"), entry["session_id"]) for entry in entries]
    assert set(told) >= {
        ("inner", "ada", "ses_2"), ("inner", "ines", "ses_2"), ("outer", "ada", "ses_1"), ("outer", "ines", "ses_1"),
        ("neither", None, "ses_1"),
    }  # fmt: skip


def test_text_appends_the_values() -> None:
    assert any(
        line.endswith("visavis.room: plain session_id=ses_1 count=3 path=/a") for line in log("text").splitlines()
    )
