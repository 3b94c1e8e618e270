"""Imported once by the template that session processes are forked from: everything slow happens here.

No thread and no SDK runtime is started: both would not survive the fork.
"""

from __future__ import annotations

import gc
import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one process a session: its threads would only fight

import numpy as np
from livekit.rtc._ffi_client import get_ffi_lib

from visavis.performer import Performer
from visavis.placement.worker import run_worker
from visavis.render.warm_up import warm_up
from visavis.speech import MouthStream

__all__ = ["Performer", "run_worker"]

get_ffi_lib()
warm_up()
MouthStream().push(np.zeros(1600, np.float32))
gc.collect()
gc.freeze()
