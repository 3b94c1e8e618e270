"""What routes are given."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from visavis.service import Services


def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]
"""The open service."""
