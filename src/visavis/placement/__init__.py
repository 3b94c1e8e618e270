"""Where sessions run: processes of this machine, forked from a warm template. See docs/processes.md."""

from visavis.placement.channel import Sound
from visavis.placement.host import RunningSession, SessionHost, default_max_sessions
from visavis.placement.streams import RunningStream

__all__ = ["RunningSession", "RunningStream", "SessionHost", "Sound", "default_max_sessions"]
