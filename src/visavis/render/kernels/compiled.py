"""How the per-frame functions are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile on first use, keep the result on disk, run without the GIL."""
    return cast(Function, numba.njit(cache=True, fastmath=True, nogil=True)(function))


@kernel
def smoothstep(low: float, high: float, x: float) -> float:
    """0 below ``low``, 1 above ``high``, C1 between."""
    t = (x - low) / (high - low)
    t = min(1.0, max(0.0, t))
    return t * t * (3 - 2 * t)
