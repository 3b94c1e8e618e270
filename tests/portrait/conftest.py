"""Portraits and avatars that the tests of this package share; an avatar takes a second or two to build."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import pytest

from visavis.avatar import Avatar
from visavis.portrait.build import build_avatar

ASSETS = Path(__file__).parents[1] / "assets"


def photo(name: str) -> bytes:
    demo = files("visavis.portrait") / "demo" / f"{name}.png"
    return demo.read_bytes() if demo.is_file() else (ASSETS / f"{name}.png").read_bytes()


@pytest.fixture(scope="session")
def portrait_photo() -> Callable[[str], bytes]:
    """The bytes of a named portrait: of the package's demos or of tests/assets."""
    return photo


@pytest.fixture(scope="session")
def built() -> Callable[[str], Avatar]:
    """The avatar of a named portrait, built once."""
    return cache(lambda name: build_avatar(photo(name)))
