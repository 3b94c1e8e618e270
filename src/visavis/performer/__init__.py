"""One avatar in action: audio in, a steady stream of (frame, its audio) out. See docs/clocks.md.

    performer = Performer(avatar)
    performer.push_audio(pcm, 24_000)
    performer.end_segment()
    tick = performer.next_tick()  # one frame and exactly its audio; never blocks

No threads, no clock, no I/O: whoever calls :meth:`Performer.next_tick` decides when a tick is due
(:func:`paced_ticks` does it in real time).
"""

from visavis.performer.core import Performer, PerformerStats, Tick
from visavis.performer.pacing import Clock, paced_ticks
from visavis.performer.screen import FRAME_BUFFERS
from visavis.speech.phones import Phone

__all__ = ["FRAME_BUFFERS", "Clock", "Performer", "PerformerStats", "Phone", "Tick", "paced_ticks"]
