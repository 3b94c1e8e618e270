"""Fixtures: a fresh visavis, and one that can be restarted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import Serve, serve


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Serve:
    """:func:`serve` on one data folder: a second call is a restart."""
    monkeypatch.delenv("VISAVIS_CONFIG", raising=False)

    def start(**overrides: Any) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        return serve(tmp_path / "data", **overrides)

    return start


@pytest.fixture
async def client(serving: Serve) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a fresh visavis."""
    async with serving() as client:
        yield client
