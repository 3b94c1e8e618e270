"""Text to sound, in a process of its own."""

from visavis.voice.engine import MAX_TEXT_CHARS, AudioChunk, Voice
from visavis.voice.host import VoiceHost

__all__ = ["MAX_TEXT_CHARS", "AudioChunk", "Voice", "VoiceHost"]
