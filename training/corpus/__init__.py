"""The corpus the mouth network is trained on: speech of many voices, and when each of its sounds is heard.

One folder per source: 16 kHz mono FLAC files and ``index.jsonl``, a line per utterance (:mod:`training.corpus.shelf`).
``python -m training.corpus`` makes it. SOURCES.md tells where everything is from and under which licence.
"""
