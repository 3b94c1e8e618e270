"""The HTTP API: FastAPI over :mod:`visavis.service`."""

from visavis.api.app import open_app

__all__ = ["open_app"]
