"""What people put before their faces, drawn over a portrait; pictures are ``uint8 [h, w, 3] BGR``."""

from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from visavis.portrait.face_mesh import FaceMesh

Picture = NDArray[np.uint8]
Points = NDArray[np.float64]


def decoded(photo: bytes) -> Picture:
    return np.asarray(cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def png(picture: Picture) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


@cache
def _mesh() -> FaceMesh:
    return FaceMesh()


def face_points(picture: Picture) -> Points:
    """``[478, 2]`` of the largest face."""
    return _mesh().faces(np.ascontiguousarray(picture[..., ::-1]))[0].points[:, :2]


def _frame(points: Points) -> tuple[Points, Points, float]:
    """Unit vectors across and down the face, and pixels per mm."""
    across = points[473] - points[468]
    distance = float(np.linalg.norm(across))
    across = across / distance
    return across, np.array([-across[1], across[0]]), distance / 63


def _blended(picture: Picture, over: NDArray[np.floating], mask: NDArray[np.floating]) -> Picture:
    share = np.asarray(mask, np.float64)[..., None]
    return np.clip(picture * (1 - share) + over * share + 0.5, 0, 255).astype(np.uint8)


def _polygon(picture: Picture, points: Points, soft_px: float) -> NDArray[np.floating]:
    mask = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(points * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
    return cv2.GaussianBlur(mask.astype(np.float32) / 255, (0, 0), max(soft_px, 0.3))


def with_sunglasses(picture: Picture) -> Picture:
    points = face_points(picture)
    across, down, scale = _frame(points)
    result = picture
    for eye in (468, 473):
        angle = np.linspace(0, 2 * np.pi, 60)
        rim = points[eye] + scale * (
            27 * np.sign(np.cos(angle))[:, None] * np.abs(np.cos(angle))[:, None] ** 0.7 * across
            + (3 + 20 * np.sin(angle))[:, None] * down
        )
        shine = np.linspace(45, 12, picture.shape[0])[:, None, None] * np.array([1.1, 1.0, 0.9])
        result = _blended(result, np.broadcast_to(shine, picture.shape), 0.97 * _polygon(picture, rim, 0.4 * scale))
    bridge = np.stack([points[468], points[473]])
    cv2.line(result, *np.round(bridge).astype(int).tolist(), (20, 20, 20), max(1, round(2.5 * scale)), cv2.LINE_AA)
    return result


def with_spectacles(
    picture: Picture, thickness_mm: float = 2.5, colour: tuple[int, int, int] = (30, 28, 35)
) -> Picture:
    points = face_points(picture)
    across, down, scale = _frame(points)
    result = picture.copy()
    width = max(1, round(2.5 * scale))
    for eye, side in ((468, -1), (473, 1)):
        centre = points[eye] + 3 * scale * down
        angle = float(np.degrees(np.arctan2(across[1], across[0])))
        box = (float(centre[0]), float(centre[1])), (50 * scale, 40 * scale), angle
        cv2.ellipse(result, box, colour, width, cv2.LINE_AA)
        hinge, temple = centre + side * 25 * scale * across, centre + scale * (side * 48 * across - 4 * down)
        cv2.line(result, *np.round([hinge, temple]).astype(int).tolist(), colour, width, cv2.LINE_AA)
    nose = [points[468] + scale * 25 * across, points[473] - scale * 25 * across]
    cv2.line(result, *np.round(nose).astype(int).tolist(), colour, width, cv2.LINE_AA)
    return result


def with_hand(picture: Picture, seed: int = 0) -> Picture:
    """Four fingers side by side over mouth and chin, in the skin's colour."""
    points = face_points(picture)
    across, down, scale = _frame(points)
    mouth = points[[13, 14]].mean(0)
    random = np.random.default_rng(seed)
    places = points[[205, 425]].astype(int)
    cheeks = np.concatenate([picture[y - 2 : y + 3, x - 2 : x + 3].reshape(-1, 3) for x, y in places])
    skin = np.median(cheeks, axis=0)
    result = picture
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float64)
    for finger in range(4):
        centre = mouth + scale * (-16 + 15 * finger) * down
        away = ((x - centre[0]) * down[0] + (y - centre[1]) * down[1]) / (8.0 * scale)
        along = ((x - mouth[0]) * across[0] + (y - mouth[1]) * across[1]) / scale
        tip = 38 + random.uniform(-6, 6)
        mask = (np.abs(away) < 1) & (along > -90) & (along < tip - 8 * away**2)
        shade = np.clip(1.08 - 0.45 * np.abs(away) ** 3, 0, 1.1)[..., None]
        grain = random.normal(0, 2.5, picture.shape)
        result = _blended(result, skin * shade + grain, cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 0.4 * scale))
    return result


def with_mask(picture: Picture, colour: tuple[int, int, int] = (220, 195, 160)) -> Picture:
    """A medical mask with folds, from the nose to under the chin."""
    points = face_points(picture)
    _, down, scale = _frame(points)
    outline = points[[197, 50, 123, 147, 172, 150, 176, 152, 400, 379, 397, 376, 352, 280]]
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float64)
    along = ((x - points[13, 0]) * down[0] + (y - points[13, 1]) * down[1]) / scale
    folds = 1 - 0.12 * np.exp(-(((along + 6) % 14 - 7) ** 2) / 1.5)
    grain = np.random.default_rng(0).normal(0, 2.0, picture.shape)
    return _blended(picture, np.array(colour) * folds[..., None] + grain, _polygon(picture, outline, 0.5 * scale))


def with_microphone(picture: Picture) -> Picture:
    points = face_points(picture)
    _, down, scale = _frame(points)
    centre = points[[13, 14]].mean(0) + 4 * scale * down
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]].astype(np.float64)
    away = np.hypot(x - centre[0], y - centre[1]) / (27 * scale)
    grain = np.random.default_rng(0).normal(0, 9.0, picture.shape)
    mask = cv2.GaussianBlur((away < 1).astype(np.float32), (0, 0), 0.5 * scale)
    return _blended(picture, 60 * np.sqrt(np.clip(1.1 - away**2, 0.05, 1))[..., None] + grain, mask)


def blurred(picture: Picture, sigma_mm: float) -> Picture:
    scale = _frame(face_points(picture))[2]
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_mm * scale), np.uint8)


def exposed(picture: Picture, stops: float) -> Picture:
    """As if the camera had let in more (or less) light; clipped as a camera clips."""
    linear = (picture / 255.0) ** 2.2 * 2.0**stops
    return (np.clip(linear, 0, 1) ** (1 / 2.2) * 255 + 0.5).astype(np.uint8)
