"""Photo -> ready, and what a frame costs: CPU time of the thread that draws, so that other work does not count."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Final

import numpy as np

from visavis.avatar import Avatar
from visavis.bench.subject import TALK, said
from visavis.performer import Performer
from visavis.render import Renderer
from visavis.service.demos import DEMOS

SIZES_PX: Final = (256, 512, 720)
_WARM_UP_TICKS: Final = 10


def measure(on_step: Callable[[str], None]) -> dict[str, float]:
    """Seconds and milliseconds."""
    figures: dict[str, float] = {}
    on_step("photo -> ready")
    Avatar.from_photo(DEMOS[0].photo())  # loads the models
    build_s, avatar = [], None
    for demo in DEMOS:
        begun_s = time.perf_counter()
        avatar = Avatar.from_photo(demo.photo())
        build_s.append(time.perf_counter() - begun_s)
    assert avatar is not None
    figures["photo_to_ready_s"] = round(median(build_s), 2)
    for size_px in SIZES_PX:
        on_step(f"drawing at {size_px} px")
        spent_ms = _drawing_ms(avatar, size_px)
        figures[f"render_{size_px}_ms_median"] = round(float(np.median(spent_ms)), 2)
        figures[f"render_{size_px}_ms_p99"] = round(float(np.percentile(spent_ms, 99)), 2)
    on_step("a whole tick at 512 px")
    figures["tick_512_ms_median"] = round(float(np.median(_tick_ms(avatar))), 2)
    return figures


def _drawing_ms(avatar: Avatar, size_px: int) -> list[float]:
    """Per frame of a talk, drawing alone."""
    performer = Performer(avatar, width_px=128, height_px=128)
    pcm, rate_hz = said(TALK)
    performer.push_audio(pcm, rate_hz)
    performer.end_segment()
    renderer = Renderer(avatar, size_px, size_px)
    frame = np.zeros((size_px * 3 // 2, size_px), np.uint8)
    spent_ms: list[float] = []
    ended = False
    while not ended:
        ended = performer.next_tick().segment_ended
        begun_s = time.thread_time()
        renderer.render_i420(performer.face, frame)
        spent_ms.append((time.thread_time() - begun_s) * 1000)
    return spent_ms[_WARM_UP_TICKS:]


def _tick_ms(avatar: Avatar) -> list[float]:
    """Per tick of a talk: hearing, moving and drawing."""
    performer = Performer(avatar)
    pcm, rate_hz = said(TALK)
    performer.push_audio(pcm, rate_hz)
    performer.end_segment()
    spent_ms: list[float] = []
    ended = False
    while not ended:
        begun_s = time.thread_time()
        ended = performer.next_tick().segment_ended
        spent_ms.append((time.thread_time() - begun_s) * 1000)
    return spent_ms[_WARM_UP_TICKS:]
