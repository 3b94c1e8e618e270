"""What do a portrait and a frame cost?

Building is wall time and CPU time of the process, loading wall time, frames CPU time of the drawing thread: what else
runs on the machine shows in wall times and hardly in CPU times. Speaking is twelve visemes a second with head movement,
idle is closed lips, a drifting head and blinks; drawing and the conversion to I420 count, speech and motion do not.
Memory is what each further renderer of the same, memory-mapped avatar adds to the process.
"""

from __future__ import annotations

import gc
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import psutil
from numpy.typing import NDArray

from visavis.avatar import Avatar
from visavis.bench.subject import TALK, said
from visavis.face import VISEMES, FaceState, face_state, viseme_controls
from visavis.performer import Performer
from visavis.render import Renderer
from visavis.service.demos import DEMOS

SIZES_PX: Final = (256, 512, 720)
FPS: Final = 25
FRAMES: Final = 500
ROUNDS: Final = 3
_BUILDS: Final = 3
_LOADS: Final = 15
_RENDERERS: Final = 6


def measure(on_step: Callable[[str], None]) -> dict[str, float]:
    """Seconds from photo to avatar, milliseconds per frame (median, 99th percentile), megabytes per renderer."""
    figures: dict[str, float] = {}
    on_step("photo -> ready")
    ada = Avatar.from_photo(DEMOS[0].photo())  # the first build also loads the models
    per_demo, cpu_per_demo = [], []
    for demo in DEMOS:
        spent_s, spent_cpu_s = [], []
        for _ in range(_BUILDS):
            begun_s, begun_cpu_s = time.perf_counter(), time.process_time()
            Avatar.from_photo(demo.photo())
            spent_s.append(time.perf_counter() - begun_s)
            spent_cpu_s.append(time.process_time() - begun_cpu_s)
        per_demo.append(float(np.median(spent_s)))
        cpu_per_demo.append(float(np.median(spent_cpu_s)))
        figures[f"photo_to_avatar_{demo.agent_id.replace('-', '_')}_s"] = round(per_demo[-1], 3)
    figures["photo_to_avatar_s"] = round(float(np.median(per_demo)), 3)
    figures["photo_to_avatar_cpu_s"] = round(float(np.median(cpu_per_demo)), 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ada.avatar"
        ada.save(path)
        figures["avatar_file_mb"] = round(path.stat().st_size / 1e6, 2)
        figures["avatar_load_ms"] = round(_load_ms(path), 2)
        avatar = Avatar.load(path)
        for side_px in SIZES_PX:
            on_step(f"drawing at {side_px} px")
            renderer = Renderer(avatar, side_px, side_px)
            for name, states in (("speaking", speaking_states()), ("idle", idle_states())):
                spent_ms = cpu_ms_per_frame(renderer, states)
                figures[f"render_{side_px}_{name}_ms_median"] = round(float(np.median(spent_ms)), 2)
                figures[f"render_{side_px}_{name}_ms_p99"] = round(float(np.percentile(spent_ms, 99)), 2)
        for side_px in SIZES_PX:
            figures[f"renderer_{side_px}_private_mb"] = round(_private_mb(avatar, side_px), 1)
        on_step("a whole tick at 512 px")
        figures["tick_512_ms_median"] = round(float(np.median(_tick_ms(avatar))), 2)
    return figures


def _load_ms(path: Path) -> float:
    """Median of opening a file that is in the page cache."""
    spent_ms = []
    for _ in range(_LOADS):
        begun_s = time.perf_counter()
        Avatar.load(path)
        spent_ms.append(1e3 * (time.perf_counter() - begun_s))
    return float(np.median(spent_ms))


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
    return spent_ms


def cpu_ms_per_frame(renderer: Renderer, states: list[FaceState]) -> NDArray[np.float64]:
    """CPU time of this thread for every frame, I420 included."""
    planes = np.zeros((renderer.height_px * 3 // 2, renderer.width_px), np.uint8)
    spent_ms = np.empty((ROUNDS, len(states)))
    for state in states[:25]:
        renderer.render_i420(state, planes)
    gc.disable()
    try:
        for round_ms in spent_ms:
            for i, state in enumerate(states):
                begun_ns = time.thread_time_ns()
                renderer.render_i420(state, planes)
                round_ms[i] = (time.thread_time_ns() - begun_ns) / 1e6
    finally:
        gc.enable()
    return np.asarray(spent_ms.ravel())


def speaking_states() -> list[FaceState]:
    """Twelve visemes a second, sliding into each other, with head, gaze and blinks."""
    rng = np.random.default_rng(0)
    spoken = [face_state(viseme_controls(VISEMES[i])) for i in rng.integers(0, len(VISEMES), FRAMES // 2 + 2)]
    states = []
    for frame in range(FRAMES):
        place = frame / 2
        before, share = int(place), place - int(place)
        mouth = spoken[before] * (1 - share) + spoken[before + 1] * share
        states.append((mouth + _life(frame, head_deg=5.0)).astype(np.float32))
    return states


def idle_states() -> list[FaceState]:
    """Closed lips, a head that drifts, blinks."""
    return [_life(frame, head_deg=1.5) for frame in range(FRAMES)]


def _life(frame: int, head_deg: float) -> FaceState:
    t_s = frame / FPS
    blink = max(0.0, 1 - abs((t_s % 3.5) - 0.15) / 0.12)
    return face_state(
        {
            "headYaw": head_deg * math.sin(1.3 * t_s),
            "headPitch": 0.6 * head_deg * math.sin(2.1 * t_s + 1),
            "headRoll": 0.3 * head_deg * math.sin(0.9 * t_s + 2),
            "eyeBlinkLeft": blink,
            "eyeBlinkRight": blink,
            "eyeLookOutLeft": 0.2 * max(0.0, math.sin(0.7 * t_s)),
            "eyeLookInRight": 0.2 * max(0.0, math.sin(0.7 * t_s)),
            "breath": 0.5 + 0.5 * math.sin(1.6 * t_s),
        }
    )


def _private_mb(avatar: Avatar, side_px: int) -> float:
    """Memory that each further renderer takes, in megabytes."""
    renderers = [_drawing(avatar, side_px)]
    before = _own_bytes()
    renderers += [_drawing(avatar, side_px) for _ in range(_RENDERERS)]
    return (_own_bytes() - before) / _RENDERERS / 1e6


def _drawing(avatar: Avatar, side_px: int) -> Renderer:
    renderer = Renderer(avatar, side_px, side_px)
    for state in speaking_states()[:25]:
        renderer.render(state)
    return renderer


def _own_bytes() -> int:
    gc.collect()
    return int(psutil.Process().memory_full_info().uss)
