"""Records that work on a group produces, collected by topic and partition."""

from __future__ import annotations

from collections import defaultdict

from streams.engine.producer import Headers, Out


class Outbox:
    """What is to be sent, in order within each (topic, partition)."""

    __slots__ = ("records",)

    def __init__(self) -> None:
        self.records: defaultdict[tuple[str, int], list[Out]] = defaultdict(list)

    def add(self, topic: str, partition: int, key: bytes | None, value: bytes | None, headers: Headers = ()) -> None:
        self.records[topic, partition].append(Out(key, value, headers))

    def __bool__(self) -> bool:
        return bool(self.records)
