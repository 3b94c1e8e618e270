"""The arrows of docs/architecture.md: which package may import which."""

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "visavis"

ALLOWED = {
    "face": set(),
    "errors": set(),
    "clip": set(),
    "background": {"errors"},
    "logs": set(),
    "acting": {"errors", "face"},
    "media": {"errors"},
    "avatar": {"clip", "errors", "portrait"},  # portrait: Avatar.from_photo, imported inside the function only
    "portrait": {"avatar", "clip", "errors", "face"},
    "speech": {"face", "media", "errors"},
    "motion": {"acting", "face"},
    "render": {"avatar", "background", "clip", "face", "errors"},
    "performer": {"acting", "avatar", "background", "face", "media", "motion", "render", "speech", "errors"},
    "video": {"errors", "media"},
    "room": {"acting", "performer", "avatar", "background", "media", "errors", "face"},
    "voice": {"media", "errors", "logs", "speech"},  # speech: what a phone is
    "stream": {"acting", "background", "performer", "media", "errors"},
    # render and speech: to warm them up
    "placement": {"acting", "room", "stream", "performer", "avatar", "errors", "logs", "media", "render", "speech"},
    "store": {"errors"},
    "service": {
        "acting",
        "background",
        "placement",
        "room",
        "stream",
        "store",
        "voice",
        "portrait",
        "avatar",
        "errors",
        "logs",
        "media",
    },
    "embedded": {"errors"},
    "settings": {"errors"},
    "bench": {
        "face",
        "errors",
        "performer",
        "render",
        "speech",
        "media",
        "avatar",
        "voice",
        "placement",
        "room",
        "embedded",
        "service",
    },
    "api": {"acting", "background", "service", "settings", "errors", "store"},
}
"""What each package may import of visavis; cli is the top and may import everything."""


def imported_packages(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    parts = [name.split(".") for name in names if name.split(".")[0] == "visavis"]
    known = {item.stem for item in SOURCE.iterdir()}
    return {part[1] for part in parts if len(part) > 1 and part[1] in known}


@pytest.mark.parametrize("package", sorted(ALLOWED))
def test_package_imports_only_what_is_below_it(package: str) -> None:
    files = [SOURCE / f"{package}.py"] if (SOURCE / f"{package}.py").exists() else []
    files += sorted((SOURCE / package).rglob("*.py"))
    for path in files:
        extra = imported_packages(path) - ALLOWED[package] - {package}
        assert not extra, f"{path.relative_to(SOURCE)} imports {sorted(extra)}"


def test_no_relative_imports_hide_an_arrow() -> None:
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.ImportFrom) and node.level), path
