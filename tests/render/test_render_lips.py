"""The geometry of the lips: contact is exact, and more of a control is more of its movement."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from visavis.avatar import LIP_COLUMNS, Avatar
from visavis.face import face_state, viseme_controls
from visavis.render.kernels.lips import lip_curves
from visavis.render.rig import Rig, camera_lean

F32 = NDArray[np.float32]
STEPS = np.linspace(0, 1, 41)


@dataclass(frozen=True)
class LipShape:
    """Displacements in mm; the middle column is the middle of the mouth."""

    upper: F32
    lower: F32
    opening: F32

    @property
    def gap_mm(self) -> float:
        return float(self.opening[LIP_COLUMNS // 2])


Shape = Callable[[Mapping[str, float]], LipShape]


@pytest.fixture(scope="module")
def shape(ada_avatar: Avatar) -> Shape:
    lips = ada_avatar.lips

    def curves(controls: Mapping[str, float]) -> LipShape:
        rig = Rig()
        rig.set(face_state(controls))
        upper, lower, upper_border, lower_border = (np.zeros((LIP_COLUMNS, 3), np.float32) for _ in range(4))
        opening = np.zeros(LIP_COLUMNS, np.float32)
        lip_curves(
            rig.lips, lips.contact_mm, lips.column, lips.upper_height_mm, lips.lower_height_mm, lips.jaw_drop_mm,
            lips.incisal_mm, lips.half_width_mm, camera_lean(ada_avatar.head), upper, lower,
            upper_border, lower_border, opening,
        )  # fmt: skip
        return LipShape(upper, lower, opening)

    return curves


def test_resting_lips_touch_along_their_whole_length(shape: Shape) -> None:
    rest = shape({})
    assert rest.opening.max() == 0
    assert np.abs(rest.upper).max() == 0 and np.abs(rest.lower).max() == 0


def test_a_wider_jaw_is_a_wider_gap(shape: Shape) -> None:
    gaps = [shape({"jawOpen": float(jaw)}).gap_mm for jaw in STEPS]
    assert (np.diff(gaps) > 0).all()
    # 20 mm of travel between the teeth at 1; the lips add a little
    assert 16 < gaps[-1] < 24
    slope = np.polyfit(STEPS, gaps, 1)[0]
    assert abs(np.corrcoef(STEPS, gaps)[0, 1]) > 0.98 and 16 < slope < 24


@pytest.mark.parametrize(
    ("name", "sides", "change"),
    [("mouthClose", (), -1), ("mouthLowerDown", ("Left", "Right"), 1), ("mouthUpperUp", ("Left", "Right"), 1)],
)
def test_other_controls_of_the_gap_are_monotonic(name: str, sides: tuple[str, ...], change: int, shape: Shape) -> None:
    names = [name + side for side in sides] or [name]
    gaps = [shape({"jawOpen": 0.4, **dict.fromkeys(names, float(amount))}).gap_mm for amount in STEPS]
    assert (np.diff(gaps) * change > 0).all()


def _width(lips: LipShape, avatar: Avatar) -> float:
    return float(avatar.lips.contact_mm[-1, 0] + lips.upper[-1, 0] - avatar.lips.contact_mm[0, 0] - lips.upper[0, 0])


@pytest.mark.parametrize(
    ("names", "change"),
    [
        (("mouthPucker",), -1),
        (("mouthFunnel",), -1),
        (("mouthStretchLeft", "mouthStretchRight"), 1),
        (("mouthSmileLeft", "mouthSmileRight"), 1),
    ],
    ids=str,
)
def test_rounding_narrows_and_spreading_widens(
    names: tuple[str, ...], change: int, shape: Shape, ada_avatar: Avatar
) -> None:
    widths = [_width(shape(dict.fromkeys(names, float(amount))), ada_avatar) for amount in STEPS]
    assert (np.diff(widths) * change > 0).all()
    assert abs(widths[-1] - widths[0]) > 4


def test_a_face_seen_from_below_rounds_its_lips_level(ada_avatar: Avatar) -> None:
    lips, lean = ada_avatar.lips, -0.25
    rig = Rig()
    rig.set(face_state(viseme_controls("ou")))
    upper, lower, upper_border, lower_border = (np.zeros((LIP_COLUMNS, 3), np.float32) for _ in range(4))
    opening = np.zeros(LIP_COLUMNS, np.float32)
    arches = []
    for corrected in (0.0, lean):
        lip_curves(
            rig.lips, lips.contact_mm, lips.column, lips.upper_height_mm, lips.lower_height_mm, lips.jaw_drop_mm,
            lips.incisal_mm, lips.half_width_mm, corrected, upper, lower, upper_border, lower_border, opening,
        )  # fmt: skip
        seen = lips.contact_mm[:, 1] + lower[:, 1] + lean * lips.contact_mm[:, 2]
        arches.append(seen[[0, -1]].mean() - seen[LIP_COLUMNS // 2])
    uncorrected, levelled = arches
    assert levelled < uncorrected - 1


@pytest.mark.parametrize("jaw", [0.1, 0.3, 0.6, 1.0])
def test_closed_lips_stay_closed_with_any_jaw(jaw: float, shape: Shape) -> None:
    assert shape({"jawOpen": jaw, "mouthClose": 1.0}).opening.max() < 1e-4


@pytest.mark.parametrize("viseme", ["sil", "PP"])
def test_lips_meet_where_speech_closes_them(viseme: str, shape: Shape) -> None:
    assert shape(viseme_controls(viseme)).gap_mm < 0.3


@pytest.mark.parametrize("viseme", ["aa", "E", "ih", "oh", "ou", "SS", "kk", "DD", "nn", "CH", "RR", "TH"])
def test_lips_part_where_speech_opens_them(viseme: str, shape: Shape) -> None:
    assert shape(viseme_controls(viseme)).gap_mm > 1.5


def test_the_lower_lip_meets_the_upper_teeth_for_f_and_v(shape: Shape, ada_avatar: Avatar) -> None:
    middle = LIP_COLUMNS // 2
    edge_mm = float(ada_avatar.lips.contact_mm[middle, 1] + shape(viseme_controls("FF")).lower[middle, 1])
    assert abs(edge_mm - ada_avatar.lips.incisal_mm) < 1.2


def test_the_lips_never_cross(shape: Shape) -> None:
    rng = np.random.default_rng(2)
    names = [
        "jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "mouthUpperUpLeft", "mouthLowerDownLeft",
        "mouthPressLeft", "lipTuck", "mouthSmileLeft", "mouthStretchLeft", "mouthRollUpper", "mouthShrugLower",
    ]  # fmt: skip
    for _ in range(300):
        lips = shape({name: float(rng.random()) for name in names})
        assert (lips.lower[:, 1] - lips.upper[:, 1]).min() > -0.05


@pytest.mark.parametrize("name", ["jawOpen", "mouthClose", "mouthPucker", "mouthFunnel", "lipTuck", "mouthSmileLeft"])
def test_movement_has_no_jumps(name: str, shape: Shape) -> None:
    amounts = np.linspace(0, 1, 201)
    edges = np.stack([shape({"jawOpen": 0.3, name: float(amount)}).lower for amount in amounts])
    steps = np.linalg.norm(np.diff(edges, axis=0), axis=2).max(1)
    # the steepest place is a corner as the opening's end passes it
    assert 0 < steps.max() < 0.2
