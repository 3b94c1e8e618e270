"""Metrics for Prometheus; a dashboard for Grafana is in docs/grafana.json."""

from __future__ import annotations

from collections.abc import Iterable

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from visavis.api.dependencies import ServicesDep
from visavis.store import Agent, Session

router = APIRouter(tags=["health"])

SESSION_GAUGES = {
    "fps": "Frames handed to the encoder per second.",
    "bitrate_bps": "Sent picture and sound, in bit/s.",
    "round_trip_ms": "To the LiveKit server.",
    "latency_ms": "From sound arriving at the session to it, or its lips, leaving.",
    "audio_queue_ms": "Sound that was handed over and has not left.",
}
SESSION_COUNTERS = {
    "frames_rendered": "Frames that were drawn.",
    "frames_repeated": "Ticks without a new frame.",
    "ticks_late": "Ticks for whose frame there was no time.",
}
_LABELS = ("session_id", "agent_id", "room")


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(services: ServicesDep) -> Response:
    """Of agents, and of every running session."""
    agents = await services.agents.all()
    sessions = await services.sessions.newest(limit=500, live=True)
    registry = CollectorRegistry()
    registry.register(_Snapshot(agents, sessions, services.sessions.capacity))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


class _Snapshot(Collector):
    def __init__(self, agents: list[Agent], sessions: list[Session], capacity: int) -> None:
        self._agents = agents
        self._sessions = sessions
        self._capacity = capacity

    def collect(self) -> Iterable[Metric]:
        """Everything, as it is now."""
        by_status = GaugeMetricFamily("visavis_agents", "Agents by status.", labels=["status"])
        for status in ("processing", "ready", "failed"):
            by_status.add_metric([status], sum(agent.status == status for agent in self._agents))
        yield by_status
        by_state = GaugeMetricFamily("visavis_sessions", "Running sessions by state.", labels=["state"])
        for state in ("joining", "connected", "reconnecting", "leaving"):
            by_state.add_metric([state], sum(session.state == state for session in self._sessions))
        yield by_state
        yield GaugeMetricFamily("visavis_sessions_max", "Sessions this machine may hold.", value=self._capacity)
        for name, text in SESSION_GAUGES.items():
            gauge = GaugeMetricFamily(f"visavis_session_{name}", text, labels=_LABELS)
            for session, value in self._values(name):
                gauge.add_metric(_labels(session), value)
            yield gauge
        for name, text in SESSION_COUNTERS.items():
            counter = CounterMetricFamily(f"visavis_session_{name}", text, labels=_LABELS)
            for session, value in self._values(name):
                counter.add_metric(_labels(session), value)
            yield counter
        restarts = CounterMetricFamily("visavis_session_restarts", "Crashes survived.", labels=_LABELS)
        for session in self._sessions:
            restarts.add_metric(_labels(session), session.restarts)
        yield restarts

    def _values(self, name: str) -> Iterable[tuple[Session, float]]:
        for session in self._sessions:
            value = (session.stats or {}).get(name)
            if value is not None:
                yield session, float(value)


def _labels(session: Session) -> list[str]:
    return [session.session_id, session.agent_id, session.room_name]
