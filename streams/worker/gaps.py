"""Says which offsets were gone before this worker could read them: one warning and a count for each cut of a log."""

from __future__ import annotations

import logging

from faust.types import TP

from streams.engine import Gap
from streams.metrics import Metrics
from streams.topology import LOGS

log = logging.getLogger(__name__)


class Gaps:
    """Two readers may find the same cut (a table's recovery and the item index): it counts once."""

    def __init__(self, metrics: Metrics, namespace: str) -> None:
        self._metrics = metrics
        self._topics = {topic.name(namespace): topic for topic in LOGS}
        self._told: dict[TP, int] = {}
        """By partition: up to where gaps have been counted."""

    def see(self, gap: Gap) -> None:
        """Warn of the part of a gap that is new, and count it."""
        tp, first = gap.tp, max(gap.first, self._told.get(gap.tp, 0))
        missing = gap.end - first
        if missing <= 0:
            return
        self._told[tp] = gap.end
        self._metrics.missing_offsets.of(self._topics[tp.topic], tp.partition).add(missing)
        log.warning(
            "%s-%d: %d offsets are missing, %d to %d: the log was cut (by its retention, or by hand) before they were "
            "read. The worker goes on with what is left. Keep topics for longer than workers may be away, and "
            "changelogs compacted, not deleted (docs/operations.md, Cut logs).",
            tp.topic, tp.partition, missing, first, gap.end - 1,
        )  # fmt: skip
