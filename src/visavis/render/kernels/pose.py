"""From the head's rest to its pose, and from the canvas to the screen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavis.render.kernels.compiled import kernel

F32 = NDArray[np.float32]


def rotation(yaw_deg: float, pitch_deg: float, roll_deg: float) -> NDArray[np.float64]:
    """Turn in the head frame (x right, y down, z to the viewer): roll after yaw after pitch.

    +yaw turns the nose to image right, +pitch nods down, +roll tilts clockwise in the image.
    """
    yaw, pitch, roll = np.radians([yaw_deg, pitch_deg, roll_deg])
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    about_z = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


@kernel
def pose_and_project(
    rest: F32, weight: F32, pivot: F32, turn: F32, shift: F32, camera: F32, view: F32, posed: F32, screen: F32
) -> None:
    """Turn and shift each point by its head weight, project it, and place it on the screen.

    ``posed`` gets canvas x, y and depth z; ``screen`` pixels of the frame. Weak perspective:
    ``xy = c + (xy - c) (D - z_rest) / (D - z)`` with the camera at distance D in front of the head.
    ``camera``: centre x, y and distance D; ``view``: scale, offset x, offset y.
    """
    cx = camera[0]
    cy = camera[1]
    distance = camera[2]
    for i in range(rest.shape[0]):
        a = rest[i, 0] - pivot[0]
        b = rest[i, 1] - pivot[1]
        c = rest[i, 2] - pivot[2]
        h = weight[i]
        x = rest[i, 0] + h * (turn[0, 0] * a + turn[0, 1] * b + turn[0, 2] * c - a + shift[0])
        y = rest[i, 1] + h * (turn[1, 0] * a + turn[1, 1] * b + turn[1, 2] * c - b + shift[1])
        z = rest[i, 2] + h * (turn[2, 0] * a + turn[2, 1] * b + turn[2, 2] * c - c + shift[2])
        f = (distance - rest[i, 2]) / (distance - z)
        x = cx + (x - cx) * f
        y = cy + (y - cy) * f
        posed[i, 0] = x
        posed[i, 1] = y
        posed[i, 2] = z
        screen[i, 0] = (x + np.float32(0.5)) * view[0] - np.float32(0.5) + view[1]
        screen[i, 1] = (y + np.float32(0.5)) * view[0] - np.float32(0.5) + view[2]


@kernel
def pose_normals(posed: F32, triangles: NDArray[np.int32], normals: F32) -> None:
    """Unit vertex normals of the posed mesh, weighted by triangle area."""
    normals[:] = 0
    for i in range(triangles.shape[0]):
        a = triangles[i, 0]
        b = triangles[i, 1]
        c = triangles[i, 2]
        e0 = posed[b, 0] - posed[a, 0]
        e1 = posed[b, 1] - posed[a, 1]
        e2 = posed[b, 2] - posed[a, 2]
        f0 = posed[c, 0] - posed[a, 0]
        f1 = posed[c, 1] - posed[a, 1]
        f2 = posed[c, 2] - posed[a, 2]
        n0 = e1 * f2 - e2 * f1
        n1 = e2 * f0 - e0 * f2
        n2 = e0 * f1 - e1 * f0
        for k in (a, b, c):
            normals[k, 0] += n0
            normals[k, 1] += n1
            normals[k, 2] += n2
    for i in range(normals.shape[0]):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2) + np.float32(1e-6)
        normals[i, 0] /= length
        normals[i, 1] /= length
        normals[i, 2] /= length


@kernel
def relight(normals: F32, light: F32, rest_shade: F32, head_weight: F32, base_gain: F32, texture_and_gain: F32) -> None:
    """Gain of each vertex: the light changes as the head turns (by 25 % at most, at 55 % strength), the skin folds."""
    for i in range(normals.shape[0]):
        shade = light[0] + normals[i, 0] * light[1] + normals[i, 1] * light[2] + normals[i, 2] * light[3]
        change = max(shade, np.float32(0.25)) / rest_shade[i] - np.float32(1.0)
        change = min(np.float32(0.25), max(np.float32(-0.25), change))
        texture_and_gain[i, 2] = (1 + np.float32(0.55) * change * head_weight[i]) * (1 + base_gain[i])
