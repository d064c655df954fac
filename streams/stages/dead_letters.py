"""Dead letters: a refused record goes to a topic of its own with the reason, and too many of them stop the worker."""

from __future__ import annotations

from collections import deque
from typing import Any

from schemas.rejection import Rejection
from streams.engine import Outbox
from streams.errors import StreamError
from streams.topology import DEAD_LETTERS

KEPT_BYTES = 900 << 10  # the dead letter itself has to fit a record batch of 1 MiB
WINDOW = 1_000


class TooManyRejectionsError(StreamError):
    """So many records were refused that not they, but the producer or this worker must be wrong."""


class DeadLetters:
    """Sends refused records of one stage on, and watches their share over the last 1,000 records."""

    def __init__(self, stage: str, namespace: str, partitions: int, *, rate: float, minimum: int) -> None:
        self.stage, self.partitions = stage, partitions
        self.topic = DEAD_LETTERS.name(namespace)
        self.rate, self.minimum = rate, minimum
        self._seen = 0
        self._refused: deque[int] = deque()
        """Numbers (in order of arrival, from 0) of the refused ones among the last records."""

    def accepted(self) -> None:
        """Count a record that was not refused."""
        self._seen += 1

    def refuse(self, outbox: Outbox, topic: str, partition: int, record: Any, rejection: Rejection) -> None:
        """Put the dead letter of ``record`` into ``outbox``.

        Raises :class:`TooManyRejectionsError` when more than the set share of the last 1,000 records was refused.
        """
        value = record.value or b""
        headers = [
            ("source-topic", topic.encode()),
            ("source-partition", str(partition).encode()),
            ("source-offset", str(record.offset).encode()),
            ("stage", self.stage.encode()),
            ("reason", rejection.code.value.encode()),
            ("message", rejection.message.encode("utf-8", "replace")),
        ]
        if rejection.hint:
            headers.append(("hint", rejection.hint.encode("utf-8", "replace")))
        if record.value is None:
            headers.append(("null-value", b"true"))
        if len(value) > KEPT_BYTES:
            headers += [("truncated", b"true"), ("original-length", str(len(value)).encode())]
        key = record.key if record.key is None else record.key[:4096]
        outbox.add(self.topic, partition % self.partitions, key, value[:KEPT_BYTES], tuple(headers))
        self._refused.append(self._seen)
        self._seen += 1
        while self._refused[0] < self._seen - WINDOW:
            self._refused.popleft()
        refused, seen = len(self._refused), min(self._seen, WINDOW)
        if refused >= self.minimum and refused > self.rate * seen:
            raise TooManyRejectionsError(
                f"stage {self.stage}: {refused} of the last {seen} records were refused, the last one "
                f"({topic}-{partition} offset {record.offset}) because of {rejection.code.value}: {rejection.message}. "
                "The worker stops instead of emptying the topic into the dead letters. Fix the producer and skip or "
                "remove its records, or raise HEADWATER_DEAD_LETTER_RATE, then start the worker again."
            )
