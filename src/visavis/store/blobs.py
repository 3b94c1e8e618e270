"""Files by key: portraits and avatars. A folder today; the Protocol is the seam for an object store."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Protocol


class Blobs(Protocol):
    """Bytes by key. A key is a relative path such as ``agents/ada/portrait``; a put is whole or not at all."""

    def put(self, key: str, data: bytes) -> None:
        """Store ``data``, replacing what was there."""
        ...

    def get(self, key: str) -> bytes:
        """What was put. Raises ``KeyError`` where nothing was."""
        ...

    def delete(self, prefix: str) -> None:
        """Remove the key, and every key below it. Removing nothing is no error."""
        ...

    def local_path(self, key: str) -> Path:
        """A path of this machine for the key, for what must be memory-mapped or written by another process."""
        ...


class FolderBlobs:
    """:class:`Blobs` in a folder; every call blocks on the disk, so call it off the event loop."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._root.mkdir(parents=True, exist_ok=True)

    def put(self, key: str, data: bytes) -> None:
        path = self.local_path(key)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    def get(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError:
            raise KeyError(key) from None

    def delete(self, prefix: str) -> None:
        path = self._path(prefix)
        if path.is_dir():
            # Bottom up, so that a folder is empty when its turn comes.
            for child in sorted(path.rglob("*"), reverse=True):
                child.rmdir() if child.is_dir() else child.unlink(missing_ok=True)
            path.rmdir()
        else:
            path.unlink(missing_ok=True)

    def local_path(self, key: str) -> Path:
        path = self._path(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _path(self, key: str) -> Path:
        path = (self._root / key).resolve()
        if not key or not path.is_relative_to(self._root) or path == self._root:
            raise ValueError(f"not a blob key: {key!r}")
        return path
