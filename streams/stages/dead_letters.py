"""Dead letters: a refused record goes to a topic of its own, with the reason; a guard watches how many they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from schemas.rejection import TYPED, Rejection
from streams.engine import Group, Outbox, RecordBatch
from streams.stages.refusal_guard import RefusalGuard
from streams.topology import DEAD_LETTERS, SEARCH

KEPT_BYTES = 900 << 10  # the dead letter itself has to fit a record batch of 1 MiB
KEPT_HEADER_BYTES = 64 << 10

Header = tuple[str, bytes | None]


class DeadLetters:
    """Sends refused records of one stage on, and counts all of its records for the guard."""

    def __init__(self, stage: str, namespace: str, partitions: int, *, rate: float) -> None:
        """``rate``: the share of refused records beyond which the stage stops, 0 to 1."""
        self.stage, self.partitions = stage, partitions
        self.topic = DEAD_LETTERS.name(namespace)
        self.guard = RefusalGuard(stage, rate, self.topic)
        self.accepted = self.guard.accepted
        self._typed = SEARCH.name(namespace)

    def refuse(self, outbox: Outbox, topic: str, partition: int, record: Any, rejection: Rejection) -> None:
        """Put the dead letter of ``record`` into ``outbox``; ``guard.reached`` says when they have become too many."""
        value = record.value or b""
        given = record.headers or ()
        kept = sum(len(name.encode()) + len(content or b"") for name, content in given) <= KEPT_HEADER_BYTES
        headers: list[Header] = list(given) if kept else []
        headers += self._own(topic, partition, record, rejection)
        if not kept:
            headers.append(("headers-left-out", str(len(given)).encode()))
        key = record.key if record.key is None else record.key[:4096]
        outbox.add(self.topic, partition % self.partitions, key, value[:KEPT_BYTES], tuple(headers))
        if topic == self._typed and rejection.code in TYPED:
            self.guard.accepted()
        else:
            self.guard.refused(f"{topic}-{partition} offset {record.offset}", rejection)

    def _own(self, topic: str, partition: int, record: Any, rejection: Rejection) -> Sequence[Header]:
        """The headers that say where the record was and why it was refused, behind its own."""
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
        size = len(record.value or b"")
        if record.value is None:
            headers.append(("null-value", b"true"))
        if size > KEPT_BYTES:
            headers += [("truncated", b"true"), ("original-length", str(size).encode())]
        return headers


class Refuses:
    """What the states of a stage that refuses records tell its engine."""

    dead: DeadLetters

    def expect(self, waiting: int) -> None:
        """At most ``waiting`` records wait in the sources of a new assignment; 0: they are worked off."""
        self.dead.guard.expect(waiting)

    def unless_stopped(self, group: Group) -> Iterator[RecordBatch]:
        """The batches of a group, up to the one with which too many records were refused."""
        for batch in group:
            yield batch
            if self.dead.guard.reached is not None:
                group.end_with(batch)
                return

    def must_stop(self) -> BaseException | None:
        """Too many records were refused: the stage stops behind them."""
        return self.dead.guard.reached
