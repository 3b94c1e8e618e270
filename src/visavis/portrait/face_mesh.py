"""MediaPipe's face detector, face mesh and person mask on plain onnxruntime.

Images are ``uint8 [height, width, 3] RGB``; points are image pixels. The crops are sampled as OpenCV 3 and 4 round
them (positions to 1/32 pixel, rows in runs of 64), spelled out because OpenCV 5 rounds otherwise, which moves the
points by 0.1 % of the eye distance and more; so the points agree with the mediapipe package to 0.002 % on average.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

F64 = NDArray[np.float64]
U8 = NDArray[np.uint8]

EYE_CORNERS: Final = (33, 263)
IRIS_CENTRES: Final = (468, 473)
_DETECTOR_PX: Final = 128
_MESH_PX: Final = 192
_MASK_PX: Final = 256
_MIN_TILE_PX: Final = 160
_SAME_FACE_IOU: Final = 0.3


@dataclass(frozen=True, slots=True)
class Face:
    """One face: ``points`` is ``float64 [478, 3]`` x, y, z in image pixels (z: same scale, smaller = nearer)."""

    points: F64
    presence: float
    """Face presence of the mesh model, 0..1."""
    detection: float
    """Score of the detector, 0..1."""

    @property
    def box(self) -> F64:
        """x0, y0, x1, y1."""
        xy = self.points[:468, :2]
        return np.concatenate([xy.min(0), xy.max(0)])


@dataclass(frozen=True, slots=True)
class _Rect:
    """A box in image pixels, turned by an angle."""

    centre_x: float
    centre_y: float
    width: float
    height: float
    angle_rad: float = 0.0

    def project(self, unit: F64) -> F64:
        """Points of the unit square to image pixels."""
        cos, sin = np.cos(self.angle_rad), np.sin(self.angle_rad)
        matrix = np.array([[cos * self.width, -sin * self.height], [sin * self.width, cos * self.height]])
        shift = np.array([self.centre_x, self.centre_y]) - matrix @ [0.5, 0.5]
        return np.asarray(unit @ matrix.T + shift)


@dataclass(frozen=True, slots=True)
class _Detection:
    score: float
    box: F64
    keypoints: F64
    """Two eyes (image left first), nose tip, mouth, two ears."""


class FaceMesh:
    """The three models, one thread each."""

    def __init__(self, *, min_detection: float = 0.5, min_presence: float = 0.5) -> None:
        self._detector = _session("face_detector")
        self._mesh = _session("face_mesh")
        self._selfie = _session("selfie_segmentation")
        self._anchors = _anchors()
        self._min_detection = min_detection
        self._min_presence = min_presence

    def faces(self, rgb: U8) -> list[Face]:
        """All faces found, largest first; points are refined by a second look at the first ones."""
        found: list[Face] = []
        for detection in sorted(self._search(rgb), key=lambda item: -item.score):
            rect = _around(detection.box.reshape(2, 2), detection.keypoints[0], detection.keypoints[1])
            points, presence = self._landmarks(rgb, rect)
            points, presence = self._landmarks(rgb, _around(points[:, :2], *points[list(EYE_CORNERS), :2]))
            face = Face(points, presence, detection.score)
            # two detections can settle on one face: the surer one is kept
            if presence >= self._min_presence and not any(_overlap(face.box, other.box) > 0.5 for other in found):
                found.append(face)
        return sorted(found, key=lambda face: -float((face.box[2:] - face.box[:2]).prod()))

    def look_again(self, rgb: U8, points: F64) -> F64:
        """Points ``[478, 3]`` of a face whose points are known roughly, in a better picture of it."""
        found, presence = self._landmarks(rgb, _around(points[:, :2], *points[list(EYE_CORNERS), :2]))
        return found if presence >= self._min_presence else points

    def person_mask(self, rgb: U8, *, margin: float = 0.0) -> NDArray[np.float32]:
        """``float32 [height, width]`` 0..1, person = 1.

        Args:
            margin: mirrored surroundings to look at besides, as a share of the picture's sides.
        """
        height, width = rgb.shape[:2]
        x, y = round(margin * width), round(margin * height)
        rgb = np.asarray(cv2.copyMakeBorder(rgb, y, y, x, x, cv2.BORDER_REFLECT_101), np.uint8)
        rect = _Rect(rgb.shape[1] / 2, rgb.shape[0] / 2, rgb.shape[1], rgb.shape[0])
        crop = _crop(rgb, rect, _MASK_PX, cv2.BORDER_CONSTANT) / 255
        mask = self._selfie.run(None, {"input_1": crop})[0][0, :, :, 0]
        whole = np.asarray(cv2.resize(mask, (rgb.shape[1], rgb.shape[0])))
        return np.ascontiguousarray(whole[y : y + height, x : x + width])

    def _detect(self, rgb: U8, rect: _Rect) -> list[_Detection]:
        x = _crop(rgb, rect, _DETECTOR_PX, cv2.BORDER_CONSTANT) / 127.5 - 1
        raw, logits = (output[0] for output in self._detector.run(None, {"input": x}))
        score = 1 / (1 + np.exp(-np.clip(logits[:, 0], -80, 80)))
        keep = np.flatnonzero((score >= self._min_detection) & (raw[:, 2:4] >= 0).all(1))
        keep = keep[np.argsort(-score[keep], kind="stable")]
        score, raw, anchor = score[keep], raw[keep] / _DETECTOR_PX, self._anchors[keep]
        centre, half = raw[:, :2] + anchor, raw[:, 2:4] / 2
        points = np.concatenate([centre - half, centre + half, raw[:, 4:] + np.tile(anchor, 6)], 1)
        found = []
        while len(score):  # weighted non-maximum suppression: what overlaps the best box is averaged
            near = _iou(points[0, :4], points[:, :4]) > _SAME_FACE_IOU
            near[0] = True
            p = rect.project(np.average(points[near], axis=0, weights=score[near]).reshape(8, 2))
            found.append(_Detection(float(score[0]), p[:2].ravel(), p[2:]))
            score, points = score[~near], points[~near]
        return found

    def _search(self, rgb: U8) -> list[_Detection]:
        """The whole image; while that shows nothing, zoomed out (a face that fills it), then in ever smaller tiles."""
        height, width = rgb.shape[:2]
        side = max(height, width)
        whole = [[_Rect(width / 2, height / 2, zoom * side, zoom * side)] for zoom in (1.0, 1.5, 2.2)]
        tiles = [
            [_Rect(x, y, tile, tile) for y in _centres(height, tile) for x in _centres(width, tile)]
            for tile in (side / n for n in (2, 3, 5, 8))
            if tile >= _MIN_TILE_PX
        ]
        for rects in whole + tiles:
            found: list[_Detection] = []
            for rect in rects:
                low, high = rect.project(np.array([[-0.05, -0.05], [1.05, 1.05]]))
                for item in self._detect(rgb, rect):
                    cut = (item.box[:2] < low).any() or (item.box[2:] > high).any()
                    if not cut and not any(_iou(item.box, other.box[None])[0] > _SAME_FACE_IOU for other in found):
                        found.append(item)
            if found:
                return found
        return []

    def _landmarks(self, rgb: U8, rect: _Rect) -> tuple[F64, float]:
        x = _crop(rgb, rect, _MESH_PX, cv2.BORDER_REPLICATE) / 255
        points, score = self._mesh.run(["landmarks", "score"], {"input_1": x})
        p = points[0].astype(np.float64) / _MESH_PX
        return np.column_stack([rect.project(p[:, :2]), p[:, 2] * rect.width]), float(score[0])


def _session(name: str) -> Any:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    model = (files("visavis.portrait") / "models" / f"{name}.onnx").read_bytes()
    return ort.InferenceSession(model, options, ["CPUExecutionProvider"])


def _crop(rgb: U8, rect: _Rect, side: int, border: int) -> NDArray[np.float32]:
    shrink = int(max(rect.width, rect.height) / side)
    if shrink > 1:  # blur before shrinking: a third of the error on large, noisy photos
        rgb = np.asarray(cv2.blur(rgb, (shrink | 1, shrink | 1)), np.uint8)
    unit = np.array([[0, 1], [0, 0], [1, 0], [1, 1]], np.float64)
    target = (unit * side).astype(np.float32)
    matrix = cv2.invert(cv2.getPerspectiveTransform(rect.project(unit).astype(np.float32), target))[1]
    y, run, x = _pixel_grid(side)
    u, v, w = (row[0] * run + row[1] * y + row[2] + row[0] * x for row in matrix)
    u, v = (np.rint(axis * (32 / w)).astype(np.int32) for axis in (u, v))
    whole = np.dstack([u >> 5, v >> 5]).clip(-32768, 32767).astype(np.int16)
    part = ((v & 31) * 32 + (u & 31)).astype(np.uint16)
    return np.asarray(cv2.remap(rgb, whole, part, cv2.INTER_LINEAR, borderMode=border)[None].astype(np.float32))


@lru_cache(maxsize=3)
def _pixel_grid(side: int) -> tuple[F64, F64, F64]:
    y, x = np.mgrid[:side, :side].astype(np.float64)
    return y, x // 64 * 64, x % 64


def _anchors() -> F64:
    """``[896, 2]`` anchor centres: 2 per cell of a 16x16 grid, then 6 per cell of an 8x8 grid."""
    grids = []
    for cells, count in ((16, 2), (8, 6)):
        y, x = (np.mgrid[:cells, :cells] + 0.5) / cells
        grids.append(np.repeat(np.stack([x, y], -1).reshape(-1, 2), count, 0))
    return np.concatenate(grids)


def _around(xy: F64, start: F64, end: F64) -> _Rect:
    """A square 1.5 times the points' box, turned so that start -> end is level."""
    low, high = xy.min(0), xy.max(0)
    side = 1.5 * float((high - low).max())
    dx, dy = end - start
    x, y = (low + high) / 2
    return _Rect(float(x), float(y), side, side, float(np.arctan2(dy, dx)))


def _areas(a: F64, b: F64) -> tuple[F64, float, F64]:
    size = np.clip(np.minimum(a[2:], b[:, 2:]) - np.maximum(a[:2], b[:, :2]), 0, None)
    return size.prod(1), float((a[2:] - a[:2]).prod()), (b[:, 2:] - b[:, :2]).prod(1)


def _iou(a: F64, b: F64) -> F64:
    both, one, other = _areas(a, b)
    return np.asarray(both / (one + other - both + 1e-9))


def _overlap(a: F64, b: F64) -> float:
    """Share of the smaller of two boxes that lies in the other."""
    both, one, other = _areas(a, b[None])
    return float(both[0] / max(min(one, float(other[0])), 1e-9))


def _centres(length: float, side: float) -> Iterable[float]:
    """Centres of half-overlapping tiles along one axis."""
    if length <= side:
        return [length / 2]
    count = int(np.ceil((length - side) / (side / 2))) + 1
    return [float(x) for x in np.linspace(side / 2, length - side / 2, count)]
