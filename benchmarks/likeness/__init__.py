"""How like a person, and how like the photo, an avatar is: figures of the drawn picture.

    python -m benchmarks.likeness [--portraits FILES] [--output out/likeness]

What each figure means stands in docs/likeness.md. Contact sheets show what figures miss: benchmarks/sheets.py.
"""
