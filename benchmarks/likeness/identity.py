"""Whether a face recogniser still takes the moving face for the person of the photo."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.likeness.subject import MOUTH_SHAPES, Controls, Picture, Subject, both

_POSES: Final[dict[str, Controls]] = {
    "yaw -12": {"headYaw": -12.0},
    "yaw 12": {"headYaw": 12.0},
    "pitch 8": {"headPitch": 8.0},
    "blink": both("eyeBlink", 1.0),
}


class Recogniser:
    """dlib's face recognition network (King 2017): two photos of one person are less than 0.6 apart."""

    def __init__(self) -> None:
        import dlib

        self._detect: Any = dlib.get_frontal_face_detector()
        self._predict: Any = dlib.shape_predictor(_model("shape_predictor_5_face_landmarks.dat"))
        self._network: Any = dlib.face_recognition_model_v1(_model("dlib_face_recognition_resnet_model_v1.dat"))

    def embed(self, picture: Picture) -> NDArray[np.float64] | None:
        """``float64 [128]``; None where no face is found."""
        rgb = np.ascontiguousarray(picture[..., ::-1])
        boxes = self._detect(rgb, 1)
        if not boxes:
            return None
        return np.array(self._network.compute_face_descriptor(rgb, self._predict(rgb, boxes[0]), 1))


def identity_distances(subject: Subject, recogniser: Recogniser) -> dict[str, float]:
    """Distance to the photo, of every shape and pose in which a face is found."""
    photo = recogniser.embed(subject.photo)
    if photo is None:
        return {}
    found = {name: recogniser.embed(subject.draw(controls)) for name, controls in {**MOUTH_SHAPES, **_POSES}.items()}
    return {name: float(np.linalg.norm(face - photo)) for name, face in found.items() if face is not None}


def _model(name: str) -> str:
    # the package's own functions need a part of setuptools that is gone
    package = find_spec("face_recognition_models")
    assert package is not None and package.origin is not None
    return str(Path(package.origin).parent / "models" / name)
