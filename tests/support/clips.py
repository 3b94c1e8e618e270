"""Video files made for tests: a portrait that moves as told, in any container."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from visavis.avatar import Avatar
from visavis.face import face_state
from visavis.render import Renderer

Picture = NDArray[np.uint8]
Acting = Callable[[float], dict[str, float]]
"""Controls at a time in seconds."""


def filmed(avatar: Avatar, acting: Acting, duration_s: float, *, side_px: int = 512) -> list[Picture]:
    """Frames ``[side, side, 3] BGR`` of an avatar that acts, 25 a second."""
    renderer = Renderer(avatar, side_px, side_px)
    times = np.arange(round(duration_s * 25)) / 25
    return [renderer.render(face_state(acting(float(t)))).copy() for t in times]


def video(pictures: Iterable[Picture], *, rate_hz: int = 25, container: str = "mp4") -> bytes:
    """A file of these frames: MP4 or MOV with H.264, WebM with VP8."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = None
        for picture in pictures:
            if stream is None:
                stream = output.add_stream("libvpx" if container == "webm" else "libx264", rate=Fraction(rate_hz))
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt = "yuv420p"
                stream.options = {"b": "4M"} if container == "webm" else {"crf": "14", "preset": "ultrafast"}
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        assert stream is not None
        output.mux(stream.encode(None))
    return buffer.getvalue()


def looks_around(time_s: float) -> dict[str, float]:
    """A calm head that is back where it was every two seconds; it says nothing."""
    turn = 2 * np.pi * time_s / 2
    return {"headYaw": 6 * np.sin(turn), "headRoll": 2 * np.cos(turn), "headX": 3 * np.sin(turn + 1)}


def talks(time_s: float) -> dict[str, float]:
    """The same head opens its mouth twice a second."""
    return looks_around(time_s) | {"jawOpen": 0.45 * max(0.0, float(np.sin(4 * np.pi * time_s)))}
