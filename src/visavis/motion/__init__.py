"""Life between words: blinks, gaze, head, brows and breath; seeded and deterministic. See docs/motion.md."""

from visavis.motion.life import Motion, MotionLimits
from visavis.motion.prosody import SILENCE_DB

__all__ = ["SILENCE_DB", "Motion", "MotionLimits"]
