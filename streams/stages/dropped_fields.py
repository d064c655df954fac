"""Counts the fields that catalogue rows have lost, and says so in the log now and then."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from schemas.catalog_fields import FieldFault
from schemas.rejection import quoted
from streams.stages.context import Context

log = logging.getLogger(__name__)
EVERY = 60.0  # seconds between two lines of the log


class DroppedFields:
    """Fields that could not be read; their rows were kept without them."""

    def __init__(self, context: Context) -> None:
        self._metrics, self._clock = context.metrics, context.clock
        self._said_at = -math.inf
        self._since = 0

    def note(self, item_id: str, faults: Sequence[FieldFault]) -> None:
        """Count what the row of ``item_id`` has lost."""
        if not faults:
            return
        for fault in faults:
            self._metrics.dropped_fields.of(fault.field, fault.problem.code).add()
        self._since += len(faults)
        now = self._clock.monotonic()
        if now - self._said_at < EVERY:
            return
        log.warning(
            "catalogue row of item %s: the field %s was dropped, the row was kept: %s. Fields dropped since the last "
            "such line: %d. headwater validate FILE lists them all.",
            quoted(item_id), faults[0].field, faults[0], self._since,
        )  # fmt: skip
        self._said_at, self._since = now, 0
