"""Contact sheets of portraits, for eyes: what a figure does not notice, a look does.

    python -m benchmarks.sheets [--portraits FILES] [--output out/sheets]

Per portrait: ``visemes`` (every mouth shape), ``mouths`` (the same, close), ``poses``, ``expressions``, ``emotions``
(in silence at two intensities, and on the mouths of m, a and u), ``gestures`` (each as a strip of frames) and
``speech`` (every second frame of a spoken sentence, close).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.acting import DEFAULT_EMOTION_INTENSITY, EMOTIONS, GESTURES, Emotion, EmotionName, Gesture, GestureName
from visavis.avatar import CANVAS_PX, Avatar
from visavis.errors import VisavisError
from visavis.face import VISEMES, FaceState, face_state, viseme_controls
from visavis.motion import Motion
from visavis.performer import Performer
from visavis.render import Renderer

Picture = NDArray[np.uint8]
Shapes = Mapping[str, Mapping[str, float]]

FPS: Final = 25
SENTENCE: Final = "Good morning! Who would have thought five people may share one phone?"
SHEET_WIDTH_PX: Final = 1500
GESTURE_FRAMES: Final = 10
GESTURE_STEP: Final = 5
"""Ticks between the frames of a strip."""
_LABEL_PX: Final = 18


def _both(name: str, value: float) -> dict[str, float]:
    return {f"{name}Left": value, f"{name}Right": value}


MOUTH_SHAPES: Final[Shapes] = {
    **{viseme: viseme_controls(viseme) for viseme in VISEMES},
    "jaw 1": {"jawOpen": 1.0},
    "smile": _both("mouthSmile", 0.8),
    "smile aa": {**_both("mouthSmile", 0.6), "jawOpen": 0.4},
}
POSES: Final[Shapes] = {
    f"yaw {yaw} pitch {pitch} roll {roll}": {
        "headYaw": yaw, "headPitch": pitch, "headRoll": roll, "jawOpen": 0.25,
    }
    for yaw, pitch, roll in (
        (-12, 0, 0), (-6, 0, 0), (0, 0, 0), (6, 0, 0), (12, 0, 0),
        (0, -10, 0), (0, -5, 0), (0, 5, 0), (0, 10, 0), (0, 0, -8),
        (0, 0, 8), (-10, -6, 4), (10, -6, -4), (-10, 6, 4), (10, 6, -4),
    )
}  # fmt: skip
EXPRESSIONS: Final[Shapes] = {
    "rest": {},
    "blink .5": _both("eyeBlink", 0.5),
    "blink 1": _both("eyeBlink", 1.0),
    "wink": {"eyeBlinkLeft": 1.0},
    "squint": _both("eyeSquint", 1.0),
    "wide": _both("eyeWide", 1.0),
    "look left": {"eyeLookOutLeft": 0.8, "eyeLookInRight": 0.8},
    "look right": {"eyeLookOutRight": 0.8, "eyeLookInLeft": 0.8},
    "look up": _both("eyeLookUp", 0.8),
    "look down": _both("eyeLookDown", 0.8),
    "brows up": {"browInnerUp": 1.0, **_both("browOuterUp", 1.0)},
    "brows down": _both("browDown", 1.0),
    "smile": _both("mouthSmile", 1.0),
    "frown": _both("mouthFrown", 1.0),
    "breath, near": {"breath": 1.0, "headZ": 30.0},
}


class _Camera:
    """Draws one avatar and cuts out the head or the mouth."""

    def __init__(self, avatar: Avatar) -> None:
        self._renderer = Renderer(avatar, CANVAS_PX, CANVAS_PX)
        self._close = Renderer(avatar, 2 * CANVAS_PX, 2 * CANVAS_PX)
        head = avatar.head
        centre_mm = avatar.lips.contact_mm.mean(0)
        self._head = (head.origin_px[:2] + 30 * head.axes[1, :2] * head.px_per_mm, 118 * head.px_per_mm)
        mouth_px = (head.origin_px + centre_mm @ head.axes * head.px_per_mm)[:2]
        self._mouth = (mouth_px * 2, 44 * head.px_per_mm * 2)

    def head(self, controls: Mapping[str, float], side_px: int) -> Picture:
        return self.head_of(face_state(controls), side_px)

    def head_of(self, face: FaceState, side_px: int) -> Picture:
        return _cut(self._renderer.render(face), *self._head, side_px)

    def mouth(self, controls: Mapping[str, float], side_px: int) -> Picture:
        return _cut(self._close.render(face_state(controls)), *self._mouth, side_px)

    def mouth_of(self, frame: Picture, side_px: int) -> Picture:
        centre, half = self._mouth
        return _cut(frame, centre / 2, half / 2, side_px)


def _cut(frame: Picture, centre: NDArray[np.floating], half_px: float, side_px: int) -> Picture:
    scale = side_px / (2 * half_px)
    x, y = centre - half_px
    matrix = np.array([[scale, 0, -x * scale], [0, scale, -y * scale]])
    return np.asarray(cv2.warpAffine(frame, matrix, (side_px, side_px), flags=cv2.INTER_CUBIC), np.uint8)


def sheet(tiles: Iterable[tuple[str, Picture]], columns: int) -> Picture:
    """Labelled square tiles in rows."""
    labelled = []
    for label, tile in tiles:
        framed = cv2.copyMakeBorder(tile, _LABEL_PX, 0, 0, 0, cv2.BORDER_CONSTANT, value=(24, 24, 24))
        cv2.putText(framed, label, (4, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (235, 235, 235), 1, cv2.LINE_AA)
        labelled.append(framed)
    blank = np.zeros_like(labelled[0])
    labelled += [blank] * (-len(labelled) % columns)
    return np.vstack([np.hstack(labelled[i : i + columns]) for i in range(0, len(labelled), columns)])


def emotional(name: EmotionName, intensity: float, viseme: str = "sil") -> FaceState:
    """A face that has felt so for two seconds, over a mouth that speech holds."""
    motion = Motion(seed=5, fps=FPS, style="still")
    motion.act(Emotion(name, intensity))
    for _ in range(2 * FPS):
        face = face_state(viseme_controls(viseme))
        motion.step(face, speaking=viseme != "sil")
    return face


def gesture_strip(name: GestureName) -> list[FaceState]:
    """The face of a gesture, every fifth of a second."""
    motion = Motion(seed=5, fps=FPS, style="still")
    motion.act(Gesture(name))
    strip = []
    for tick in range(GESTURE_FRAMES * GESTURE_STEP):
        face = face_state({})
        motion.step(face)
        if tick % GESTURE_STEP == GESTURE_STEP - 1:
            strip.append(face)
    return strip


def speech_frames(avatar: Avatar, pcm: NDArray[np.int16], sample_rate_hz: int) -> list[Picture]:
    """The frames (BGR) of an avatar that says ``pcm``."""
    performer = Performer(avatar, fps=FPS, seed=1)
    performer.push_audio(pcm, sample_rate_hz)
    performer.end_segment()
    frames: list[Picture] = []
    ended = False
    while not ended:
        tick = performer.next_tick()
        ended = tick.segment_ended
        frames.append(np.asarray(cv2.cvtColor(tick.frame, cv2.COLOR_YUV2BGR_I420), np.uint8))
    return frames


def spoken(text: str) -> tuple[NDArray[np.int16], int]:
    """The text by the built-in voice, and its sample rate."""
    from visavis.voice.catalogue import Catalogue

    chunks = list(Catalogue().synthesise(text, language="en", voice=None))
    return np.concatenate([chunk.pcm for chunk in chunks]), chunks[0].sample_rate_hz


def draw_sheets(avatar: Avatar, speech: tuple[NDArray[np.int16], int]) -> dict[str, Picture]:
    """Every sheet of one avatar, by name."""
    camera = _Camera(avatar)
    fifth, sixth, tenth = SHEET_WIDTH_PX // 5, SHEET_WIDTH_PX // 6, SHEET_WIDTH_PX // 10
    usual = DEFAULT_EMOTION_INTENSITY
    emotions = [
        (f"{name}{mark}", camera.head_of(emotional(name, intensity, viseme), SHEET_WIDTH_PX // len(EMOTIONS)))
        for intensity, viseme, mark in (
            (usual, "sil", ""), (1.0, "sil", " 1"), (usual, "PP", " m"), (usual, "aa", " a"), (usual, "ou", " u"),
        )
        for name in EMOTIONS
    ]  # fmt: skip
    gestures = [
        (name if i == 0 else f"{(i + 1) * GESTURE_STEP / FPS:.1f} s", camera.head_of(face, tenth))
        for name in GESTURES
        for i, face in enumerate(gesture_strip(name))
    ]
    frames = speech_frames(avatar, *speech)
    strip = [(f"{i / FPS:.2f} s", camera.mouth_of(frames[i], tenth)) for i in range(0, len(frames), 2)]
    return {
        "visemes": sheet(((name, camera.head(shape, sixth)) for name, shape in MOUTH_SHAPES.items()), 6),
        "mouths": sheet(((name, camera.mouth(shape, sixth)) for name, shape in MOUTH_SHAPES.items()), 6),
        "poses": sheet(((name, camera.head(pose, fifth)) for name, pose in POSES.items()), 5),
        "expressions": sheet(((name, camera.head(shape, fifth)) for name, shape in EXPRESSIONS.items()), 5),
        "emotions": sheet(emotions, len(EMOTIONS)),
        "gestures": sheet(gestures, GESTURE_FRAMES),
        "speech": sheet(strip, 10),
    }


def main() -> None:
    """Draw the sheets of the portraits on the command line, or of the demos."""
    demos = sorted(Path(str(files("visavis.portrait"))).glob("demo/*.png"))
    parser = argparse.ArgumentParser(description="Contact sheets of portraits.")
    parser.add_argument("--portraits", nargs="+", type=Path, default=demos, metavar="FILE")
    parser.add_argument("--output", type=Path, default=Path("out/sheets"))
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    speech = spoken(SENTENCE)
    for path in arguments.portraits:
        try:
            avatar = Avatar.load(path) if path.suffix == ".avatar" else Avatar.from_photo(path)
        except VisavisError as error:
            print(f"{path.name}: {error.message}")
            continue
        for name, picture in draw_sheets(avatar, speech).items():
            target = arguments.output / f"{path.stem}-{name}.png"
            cv2.imwrite(str(target), picture)
            print(target)


if __name__ == "__main__":
    main()
