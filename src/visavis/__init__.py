"""visavis gives a LiveKit room a face: a portrait photo that speaks, lip-synced, on ordinary CPUs."""

__version__ = "0.1.0"
