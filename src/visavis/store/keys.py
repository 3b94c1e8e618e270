"""The keys visavis makes for itself on its first start, kept in the data folder for its owner's eyes only."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from visavis.errors import VisavisError

KEYS_NAME: Final = "keys.json"


@dataclass(frozen=True, slots=True)
class Keys:
    """One installation's own keys."""

    api_key: str = field(repr=False)
    """What clients of the API send."""

    livekit_api_key: str
    """Key of the livekit-server that runs beside the API."""

    livekit_api_secret: str = field(repr=False)
    """Its secret."""


def load_or_create_keys(data_dir: Path) -> Keys:
    """The keys in ``data_dir``, made on the first call (file mode 0600).

    Raises:
        VisavisError: ``data_dir_unusable``: the folder cannot be written; ``keys_unreadable``: the file is damaged.
    """
    path = data_dir / KEYS_NAME
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _write(path, Keys(f"vv_{secrets.token_urlsafe(32)}", f"API{secrets.token_hex(6)}", secrets.token_hex(32)))
        text = path.read_text("utf-8")
    except OSError as error:
        raise VisavisError(
            "data_dir_unusable",
            f"The data folder {data_dir} cannot be used: {error.strerror}.",
            "Make it writable, or set VISAVIS_DATA_DIR to another folder.",
        ) from error
    try:
        return Keys(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise VisavisError(
            "keys_unreadable",
            f"The key file {path} is damaged.",
            "Remove it: new keys are made at the next start, and clients need the new API key.",
        ) from error


def _write(path: Path, keys: Keys) -> None:
    temporary = path.with_suffix(f".{os.getpid()}.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(keys), file, indent=2)
        # A link refuses to replace what another process has put there meanwhile, so both end with the same keys.
        os.link(temporary, path)
    except FileExistsError:
        pass
    finally:
        temporary.unlink(missing_ok=True)
