"""Where sessions run: processes of this machine, forked from a warm template. See docs/processes.md."""

from visavis.placement.channel import Sound
from visavis.placement.host import Refusal, SessionHost, default_max_sessions
from visavis.placement.running import RunningSession
from visavis.placement.speech import Piece, Speech
from visavis.placement.streams import RunningStream

__all__ = [
    "Piece",
    "Refusal",
    "RunningSession",
    "RunningStream",
    "SessionHost",
    "Sound",
    "Speech",
    "default_max_sessions",
]
