"""Health: whether the process answers, and whether it can work."""

from __future__ import annotations

from fastapi import APIRouter, Response

from visavis import __version__
from visavis.api.dependencies import ServicesDep
from visavis.api.schemas import Health, Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="The process answers")
async def healthz() -> Health:
    """Asks nothing of anything else."""
    return Health(version=__version__)


@router.get("/readyz", summary="Sessions can be started", responses={503: {"model": Readiness}})
async def readyz(services: ServicesDep, response: Response) -> Readiness:
    """Asks the database, and the LiveKit server where its key is configured."""
    checks = await services.readiness()
    is_ready = all(checks.values())
    response.status_code = 200 if is_ready else 503
    return Readiness(status="ready" if is_ready else "not_ready", checks=checks)
