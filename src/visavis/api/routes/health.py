"""Health: whether the process answers, and whether it can work."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter, Response

from visavis import __version__
from visavis.api.dependencies import ServicesDep
from visavis.api.schemas import Health, Places, Readiness

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="The process answers")
async def healthz() -> Health:
    """Asks nothing of anything else."""
    return Health(version=__version__)


@router.get("/readyz", summary="It works, and takes sessions", responses={503: {"model": Readiness}})
async def readyz(services: ServicesDep, response: Response) -> Readiness:
    """Asks the database, and the LiveKit server where its key is configured.

    503 where one of them does not answer, and while visavis is stopping. A full machine answers 200 with the status
    `full`: its clients must still reach it.
    """
    checks = await services.readiness()
    sessions = services.sessions
    refusal = sessions.refusal
    status: Literal["ready", "full", "stopping", "not_ready"] = "full" if refusal else "ready"
    if not all(checks.values()):
        status = "not_ready"
    if refusal == "stopping":
        status = "stopping"
    response.status_code = 503 if status in {"not_ready", "stopping"} else 200
    return Readiness(
        status=status,
        checks=checks,
        sessions=Places(
            running=sessions.running + services.streams.running,
            max=sessions.capacity,
            strain=round(sessions.strain, 3),
            accepting=refusal is None,
            refusal=refusal,
        ),
    )
