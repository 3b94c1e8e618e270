"""Metrics for Prometheus; a dashboard for Grafana is in docs/grafana.json.

What carries a session's labels is of running sessions only: there are never more series than sessions may run. What
is counted since the start carries no name, room or id.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from visavis.api.dependencies import ServicesDep
from visavis.service import Services
from visavis.service.tally import Histogram
from visavis.store import Agent, Session

router = APIRouter(tags=["health"])

SESSION_GAUGES = {
    "fps": "Frames handed to the encoder per second.",
    "bitrate_bps": "Sent picture and sound, in bit/s.",
    "available_bps": "What the transport thinks it may send, in bit/s.",
    "packet_loss": "Share of the sent packets that the server missed, 0 to 1.",
    "round_trip_ms": "To the LiveKit server and back.",
    "latency_ms": "From sound arriving at the session to it, with its lips, leaving: the last utterance.",
    "latency_p50_ms": "The same, median of the last minute.",
    "latency_p95_ms": "The same, 95th percentile of the last minute.",
    "strain": "Share of the last seconds' ticks without time to draw, 0 to 1.",
    "audio_queue_ms": "Sound that was handed over and has not left.",
    "speaking": "1 while the agent is heard.",
}
SESSION_COUNTERS = {
    "frames_rendered": "Frames that were drawn.",
    "frames_repeated": "Ticks without a new frame.",
    "ticks_late": "Ticks for whose frame there was no time.",
    "segments_played": "Utterances that were played to their end.",
    "segments_interrupted": "Utterances that were interrupted.",
}
LIMITS = ("network", "cpu", "unwatched")
REFUSALS = ("count", "strain", "stopping")
_LABELS = ("session_id", "agent_id", "room")


@router.get("/metrics", summary="Metrics for Prometheus", response_class=Response)
async def metrics(services: ServicesDep) -> Response:
    """Of agents, of every session that runs here, and of what happened since the start."""
    agents = await services.agents.all()
    registry = CollectorRegistry()
    registry.register(_Snapshot(agents, services.sessions.here, services))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)


@dataclass(frozen=True, slots=True, eq=False)
class _Snapshot(Collector):
    agents: list[Agent]
    sessions: list[Session]
    services: Services

    def collect(self) -> Iterable[Metric]:
        """Everything, as it is now."""
        yield from self._machine()
        yield from self._each_session()
        yield from self._since_the_start()

    def _machine(self) -> Iterable[Metric]:
        service = self.services.sessions
        statuses = ("processing", "ready", "failed")
        yield _by("visavis_agents", "Agents by status.", "status", statuses, [agent.status for agent in self.agents])
        states = ("joining", "connected", "reconnecting", "leaving")
        found = [session.state for session in self.sessions]
        yield _by("visavis_sessions", "Sessions that run here, by state.", "state", states, found)
        yield GaugeMetricFamily("visavis_streams", "Open streams.", value=self.services.streams.running)
        yield GaugeMetricFamily("visavis_sessions_max", "Sessions this machine may hold.", value=service.capacity)
        yield GaugeMetricFamily(
            "visavis_strain",
            "Share of the ticks of the last 10 s without time to draw.",
            value=service.strain,
        )
        refusal = [service.refusal] if service.refusal else []
        yield _by("visavis_refusing", "1 while no session would be let in, by why.", "reason", REFUSALS, refusal)

    def _each_session(self) -> Iterable[Metric]:
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
        limited = GaugeMetricFamily(
            "visavis_session_limited", "1 while the picture is not full, by why.", labels=(*_LABELS, "reason")
        )
        restarts = CounterMetricFamily("visavis_session_restarts", "Crashes survived.", labels=_LABELS)
        for session in self.sessions:
            reason = (session.stats or {}).get("rung_reason", "")
            for limit in LIMITS:
                limited.add_metric([*_labels(session), limit], float(reason == limit))
            restarts.add_metric(_labels(session), session.restarts)
        yield limited
        yield restarts

    def _since_the_start(self) -> Iterable[Metric]:
        tally = self.services.sessions.tally
        ended = CounterMetricFamily("visavis_sessions_ended", "Sessions that ended.", labels=("state", "reason"))
        for labels, count in tally.ended.items():
            ended.add_metric(labels, count)
        yield ended
        refused = CounterMetricFamily("visavis_joins_refused", "Joins that failed, by code.", labels=("code",))
        for code, count in tally.refused.items():
            refused.add_metric([code], count)
        yield refused
        segments = CounterMetricFamily("visavis_segments", "Utterances, by how they ended.", labels=("outcome",))
        for outcome in ("played", "interrupted"):
            segments.add_metric([outcome], tally.segments[outcome])
        yield segments
        yield CounterMetricFamily("visavis_crashes", "Deaths of sessions' processes.", value=tally.crashes)
        yield _histogram("visavis_join_seconds", "From the request to the published picture.", tally.join_s)
        yield _histogram(
            "visavis_comeback_seconds",
            "From the death of a session's process to its successor's published picture.",
            tally.comeback_s,
        )
        yield _histogram(
            "visavis_latency_seconds",
            "From an utterance's first sound arriving at its session to it, with its lips, leaving.",
            tally.latency_s,
        )

    def _values(self, name: str) -> Iterable[tuple[Session, float]]:
        for session in self.sessions:
            value = (session.stats or {}).get(name)
            if value is not None:
                yield session, float(value)


def _by(name: str, text: str, label: str, values: Iterable[str], found: Sequence[str]) -> Metric:
    """How many are found of each of the values there can be."""
    family = GaugeMetricFamily(name, text, labels=(label,))
    for value in values:
        family.add_metric([value], found.count(value))
    return family


def _histogram(name: str, text: str, histogram: Histogram) -> Metric:
    family = HistogramMetricFamily(name, text)
    so_far, buckets = 0, []
    for bound, count in zip((*histogram.bounds, float("inf")), histogram.counts, strict=True):
        so_far += count
        buckets.append(("+Inf" if bound == float("inf") else str(float(bound)), float(so_far)))
    family.add_metric([], buckets, histogram.sum)
    return family


def _labels(session: Session) -> list[str]:
    return [session.session_id, session.agent_id, session.room_name]
