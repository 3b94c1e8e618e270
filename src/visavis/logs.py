"""The log of a process on stderr: a line per event, for people or as JSON for programs; never a room token.

Values of an event are given as ``extra``; what holds for a whole process or task (``session_id``, ``agent_id``) is
said once, by :func:`start_logging` or :func:`log_about`, and is on every line of it.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal, cast

LogFormat = Literal["text", "json"]

LEVEL_VARIABLE: Final = "VISAVIS_LOG_LEVEL"
FORMAT_VARIABLE: Final = "VISAVIS_LOG_FORMAT"

_TOKEN: Final = re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")
"""A JWT. None is logged on purpose; libraries put them into URLs, and URLs into messages of errors."""
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}
_about: ContextVar[Mapping[str, Any] | None] = ContextVar("visavis_log_about", default=None)


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How much is logged, and how."""

    level: str = "warning"
    format: LogFormat = "text"


_in_force = LogSettings()


def start_logging(settings: LogSettings, **about: Any) -> None:
    """Write the log of this process to stderr; ``about`` is on every line.

    Of libraries only warnings are shown, at every level: what they say at ``debug`` may hold secrets of requests.
    """
    global _in_force
    _in_force = settings
    handler = logging.StreamHandler()
    handler.setFormatter((_JsonFormatter if settings.format == "json" else _TextFormatter)(about))
    level = settings.level.upper()
    logging.basicConfig(level=max(logging.WARNING, logging.getLevelName(level)), handlers=[handler], force=True)
    logging.getLogger("visavis").setLevel(level)
    logging.captureWarnings(True)


def log_settings() -> LogSettings:
    """What :func:`start_logging` was called with in this process: for the processes it starts."""
    return _in_force


def log_environment() -> dict[str, str]:
    """The same as an environment for a program that calls :func:`log_settings_of_environment`."""
    return {**os.environ, LEVEL_VARIABLE: _in_force.level, FORMAT_VARIABLE: _in_force.format}


def log_settings_of_environment() -> LogSettings:
    """What the program that started this one gave it by :func:`log_environment`."""
    chosen = os.environ.get(FORMAT_VARIABLE, LogSettings().format)
    return LogSettings(os.environ.get(LEVEL_VARIABLE, LogSettings().level), cast(LogFormat, chosen))


@contextmanager
def log_about(**about: Any) -> Iterator[None]:
    """Put values on every line that this task logs, and the tasks it starts."""
    before = _about.set({**(_about.get() or {}), **about})
    try:
        yield
    finally:
        _about.reset(before)


class _Formatter(logging.Formatter):
    def __init__(self, about: Mapping[str, Any]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")
        self._process = about

    def values(self, record: logging.LogRecord) -> dict[str, Any]:
        """What the process, the task and the event say of themselves."""
        own = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        return {**self._process, **(_about.get() or {}), **own}


class _TextFormatter(_Formatter):
    def formatMessage(self, record: logging.LogRecord) -> str:
        line = super().formatMessage(record)
        return line + "".join(f" {name}={value}" for name, value in self.values(record).items())

    def format(self, record: logging.LogRecord) -> str:
        return _without_tokens(super().format(record))


class _JsonFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **self.values(record),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return _without_tokens(json.dumps(entry, default=str, ensure_ascii=False))


def _without_tokens(line: str) -> str:
    return _TOKEN.sub("[token]", line)
