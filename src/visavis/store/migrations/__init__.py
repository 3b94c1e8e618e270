"""Alembic migrations; they run at every start, each once."""
