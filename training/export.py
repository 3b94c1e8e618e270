"""From what was learnt to the file that the package ships."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.network import DILATIONS, Parameters
from visavis.speech.network import LOOK_AHEADS_MS


def export(parameters: Parameters, file: Path) -> None:
    """Write the weights as :mod:`visavis.speech.network` reads them: float16, what only learning needs left out."""
    arrays = {}
    for index, ((weights, bias), dilation) in enumerate(zip(parameters["layers"], (1, *DILATIONS), strict=True)):
        arrays[f"w{index}"] = np.asarray(weights, np.float16)
        arrays[f"b{index}"] = np.asarray(bias, np.float16)
        arrays[f"d{index}"] = np.asarray(dilation)
    for look_ahead_ms in LOOK_AHEADS_MS:
        for name, array in zip(("w0", "b0", "w1", "b1"), parameters["heads"][str(look_ahead_ms)], strict=True):
            arrays[f"h{look_ahead_ms}_{name}"] = np.asarray(array, np.float16)
    file.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(file, **arrays)
