"""Typed metrics of a worker: declarations, series, and the labels' closed sets."""

from streams.metrics.definitions import Metrics
from streams.metrics.labels import (
    EventOutcome,
    ModelFailure,
    ModelState,
    Ranker,
    Stage,
    Step,
    Table,
    known_topic,
)
from streams.metrics.recording import RecordingMetrics
from streams.metrics.series import Age, Counter, Gauge, Histogram

__all__ = [
    "Age",
    "Counter",
    "EventOutcome",
    "Gauge",
    "Histogram",
    "Metrics",
    "ModelFailure",
    "ModelState",
    "Ranker",
    "RecordingMetrics",
    "Stage",
    "Step",
    "Table",
    "known_topic",
]
