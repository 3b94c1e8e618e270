"""Audio to mouth track: a small causal network and the shaping of what it says into a mouth."""

from visavis.speech.features import SAMPLE_RATE_HZ as SPEECH_RATE_HZ
from visavis.speech.network import LOOK_AHEADS_MS
from visavis.speech.stream import HOP_MS, HOP_S, MouthStream, mouth_track

__all__ = ["HOP_MS", "HOP_S", "LOOK_AHEADS_MS", "SPEECH_RATE_HZ", "MouthStream", "mouth_track"]
