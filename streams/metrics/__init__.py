"""Typed metrics of a worker: declarations, series, and the labels' closed sets."""

from streams.metrics.definitions import Metrics
from streams.metrics.labels import (
    PARTITION,
    EventOutcome,
    ModelFailure,
    ModelState,
    Ranker,
    Stage,
    Step,
    Table,
    known_topic,
)
from streams.metrics.registry import Definition, Label

__all__ = [
    "PARTITION",
    "Definition",
    "EventOutcome",
    "Label",
    "Metrics",
    "ModelFailure",
    "ModelState",
    "Ranker",
    "Stage",
    "Step",
    "Table",
    "known_topic",
]
