"""Fixtures: a visavis that agents can call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.room_server import RoomServer
from support.visavis_server import VisavisServer, running_visavis


@pytest.fixture(scope="session")
def visavis_server(room_server: RoomServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VisavisServer]:
    """``visavis serve``, with the demo agents ready."""
    with running_visavis(tmp_path_factory.mktemp("visavis") / "data", room_server) as server:
        yield server
