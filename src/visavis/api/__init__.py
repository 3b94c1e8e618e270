"""The HTTP API: FastAPI over :mod:`visavis.service`."""

from visavis.api.app import create_app

__all__ = ["create_app"]
