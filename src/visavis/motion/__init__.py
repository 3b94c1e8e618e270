"""Life between words: blinks, gaze, head, brows, breath, emotions and gestures; seeded. See docs/motion.md."""

from visavis.motion.curves import soft_limit
from visavis.motion.eyes import turn_eyes_by
from visavis.motion.life import Motion, MotionLimits
from visavis.motion.prosody import SILENCE_DB

__all__ = ["SILENCE_DB", "Motion", "MotionLimits", "soft_limit", "turn_eyes_by"]
