"""The second way in, measured: voices that tell what they say when, against an aligner that only hears them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from training.corpus.alignment import align
from training.metrics import Case
from visavis.media import Resampler, to_float
from visavis.speech.articulation import articulation_track
from visavis.speech.features import HOP_SAMPLES, SAMPLE_RATE_HZ
from visavis.speech.phones import Phone
from visavis.voice.engine import Voice
from visavis.voice.espeak import EspeakVoice
from visavis.voice.hibari import HibariVoice

VOICES: Final[Mapping[str, Voice]] = {"English (Hibari)": HibariVoice(), "English (espeak-ng)": EspeakVoice()}
SENTENCES: Final = (
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It's easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "The box was thrown beside the parked truck.",
    "The hogs were fed chopped corn and garbage.",
    "Four hours of steady work faced us.",
    "A large size in stockings is hard to sell.",
    "The boy was there when the sun rose.",
    "A rod is used to catch pink salmon.",
    "The source of the huge river is the clear spring.",
    "Kick the ball straight and follow through.",
    "Help the woman get back to her feet.",
    "A pot of tea helps to pass the evening.",
    "Smoky fires lack flame and heat.",
    "The soft cushion broke the man's fall.",
    "The salt breeze came across from the sea.",
    "The girl at the booth sold fifty bonds.",
)
"""The first twenty of the Harvard sentences (IEEE 1969), in which English's sounds are as frequent as in talk."""


def cases(voice: Voice) -> list[Case]:
    """What a voice says of its own sounds, as the face shows it, beside what the aligner heard."""
    found = []
    for sentence in SENTENCES:
        for chunk in voice.synthesise(sentence, language="en", voice=None):
            assert chunk.phones is not None
            resampler = Resampler(chunk.sample_rate_hz, SAMPLE_RATE_HZ)
            heard = np.concatenate((resampler.push(to_float(chunk.pcm)), resampler.flush()))
            aligned = align((heard * 32767).astype(np.int16), sentence, "en-us")
            if aligned is None or not aligned.is_sound:
                continue
            phones = tuple(Phone(*times) for times in aligned.phones)
            row_count = len(heard) // HOP_SAMPLES + 1
            found.append(
                Case(phones, articulation_track(phones, row_count), articulation_track(chunk.phones, row_count))
            )
    return found
