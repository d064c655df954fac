"""Typed metrics of a worker: declarations, series, and the labels' closed sets."""

from streams.metrics.definitions import Metrics
from streams.metrics.labels import (
    PARTITION,
    ComparedList,
    EventOutcome,
    ModelFailure,
    ModelHealth,
    Step,
    TooOldCause,
    known_topic,
)
from streams.metrics.registry import Label

__all__ = [
    "PARTITION",
    "ComparedList",
    "EventOutcome",
    "Label",
    "Metrics",
    "ModelFailure",
    "ModelHealth",
    "Step",
    "TooOldCause",
    "known_topic",
]
