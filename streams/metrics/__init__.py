"""Typed metrics of a worker: declarations, series, and the labels' closed sets."""

from streams.metrics.definitions import Metrics
from streams.metrics.labels import (
    ComparedList,
    EventOutcome,
    ModelFailure,
    ModelHealth,
    Step,
    known_topic,
)
from streams.metrics.series import Age, Counter, Gauge, Histogram

__all__ = [
    "Age",
    "ComparedList",
    "Counter",
    "EventOutcome",
    "Gauge",
    "Histogram",
    "Metrics",
    "ModelFailure",
    "ModelHealth",
    "Step",
    "known_topic",
]
