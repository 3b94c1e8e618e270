"""What has been warmed up need not be compiled any more, whatever is drawn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

DRAW_ALL_KINDS = """
import pkgutil, sys
from importlib import import_module
from visavis.avatar import Avatar
from visavis.face import VISEMES, face_state, viseme_controls
from visavis.render import Renderer, kernels
from visavis.render.warm_up import warm_up

def compiled():
    modules = [import_module(f"visavis.render.kernels.{item.name}") for item in pkgutil.iter_modules(kernels.__path__)]
    functions = {id(f): f for module in modules for f in vars(module).values() if hasattr(f, "signatures")}
    return {f.__name__: len(f.signatures) for f in functions.values()}

warm_up()
before = compiled()
avatar = Avatar.load(sys.argv[1])
for width_px, height_px in ((128, 128), (256, 256), (512, 512), (640, 360), (360, 640)):
    renderer = Renderer(avatar, width_px, height_px)
    for viseme in VISEMES:
        moved = {"headYaw": 5, "eyeLookUpLeft": 0.5, "eyeBlinkRight": 0.4}
        renderer.render(face_state({**viseme_controls(viseme), **moved}))
after = compiled()
assert before["draw_eye"] and before["draw_interior"], before
assert after == before, {name: after[name] for name in after if after[name] != before[name]}
"""


def test_a_session_compiles_nothing(ada_avatar_path: Path) -> None:
    command = [sys.executable, "-c", DRAW_ALL_KINDS, str(ada_avatar_path)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=110)
    assert result.returncode == 0, result.stderr
