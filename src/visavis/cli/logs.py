"""The log of a running visavis: one line per event on stderr, its values at the end as ``name=value``."""

from __future__ import annotations

import logging
from typing import Final

FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
TIME_FORMAT: Final = "%H:%M:%S"

QUIET: Final = (
    "alembic",
    "httpx",
    "httpcore",
    "livekit",
    "multipart",
    "PIL",
    "aiosqlite",
    "asyncio",
    "numba",
    "uvicorn",
)
"""Libraries whose chatter is of no use to whoever runs visavis."""


def start_logging(level: str) -> None:
    """Write the log of this process, and of the sessions it starts, to stderr."""
    handler = logging.StreamHandler()
    handler.setFormatter(ValuesFormatter(FORMAT, TIME_FORMAT))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


class ValuesFormatter(logging.Formatter):
    """Appends what was logged as ``extra``."""

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line of one record."""
        values = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        line = super().formatMessage(record)
        return line + "".join(f" {name}={value}" for name, value in values.items())


_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}
