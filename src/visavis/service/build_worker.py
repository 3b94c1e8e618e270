"""The process that builds avatars: ``python -m visavis.service.build_worker``.

It reads one job a line from its standard input, ``{"photo", "avatar", "picture", "thumbnail"}`` (paths), and writes
lines to its standard output: ``{"step", "progress"}`` while it works, then ``{"quality", "findings"}`` or
``{"error": {"code", "message", "hint"}}``. It ends when its input does. A photo that brings it down brings down no
more than itself.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from visavis.avatar import Avatar
from visavis.errors import VisavisError
from visavis.logs import log_settings_of_environment, start_logging
from visavis.portrait.build import build_avatar

logger = logging.getLogger(__name__)

PICTURE_PX: Final = 512
THUMBNAIL_PX: Final = 160
JPEG_QUALITY: Final = 88
NICENESS: Final = 5
"""Sessions that are talking come first."""


def main() -> None:
    """Build what is asked for until the input ends."""
    # The service ends this process by closing its input; Ctrl-C in a terminal reaches it too and is not for it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    start_logging(log_settings_of_environment(), worker="build")
    # Whatever a library prints must not end up between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    for line in sys.stdin:
        job = json.loads(line)
        try:
            avatar = _build(job, lambda step, progress: say({"step": step, "progress": round(progress, 3)}))
        except VisavisError as error:
            say({"error": error.as_dict()})
        except Exception:
            logger.exception("building an avatar failed")
            say({"error": BUILD_BROKE.as_dict()})
        else:
            info = avatar.info
            say({"quality": info.quality, "findings": [[found.code, found.message] for found in info.findings]})


BUILD_BROKE: Final = VisavisError(
    "portrait_failed",
    "Building the avatar broke down on this photo.",
    "Try another photo; the server's log says what happened.",
)


def _build(job: dict[str, str], on_progress: Callable[[str, float], None]) -> Avatar:
    avatar = build_avatar(Path(job["photo"]).read_bytes(), on_progress=on_progress)
    avatar.save(job["avatar"])
    picture = _picture(avatar, PICTURE_PX)
    _write_jpeg(job["picture"], picture)
    _write_jpeg(job["thumbnail"], cv2.resize(picture, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA))
    return avatar


def _picture(avatar: Avatar, side_px: int) -> np.ndarray[Any, Any]:
    """The person at rest in front of the background: ``uint8 [side_px, side_px, 3] BGR``."""
    alpha = avatar.texture[..., 3:].astype(np.float32) / 255
    flat = avatar.texture[..., :3] * alpha + avatar.background * (1 - alpha)
    return cv2.resize(flat, (side_px, side_px), interpolation=cv2.INTER_AREA).round().astype(np.uint8)


def _write_jpeg(path: str, picture: np.ndarray[Any, Any]) -> None:
    encoded, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not encoded:
        raise RuntimeError("the picture could not be encoded")
    Path(path).write_bytes(data.tobytes())


if __name__ == "__main__":
    main()
