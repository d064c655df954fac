"""Outputs between a stage and the producer: work goes on while the broker is busy, and what waits meanwhile travels together.

aiokafka has one request a broker on its way; a batch for a partition waits until the one before it has left. A stage that
waited for that after each group would compute half of the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from streams.batching.outbox import Outbox
from streams.batching.producer import BatchProducer, Sent

MOST_WAITING = 2_048
"""Records; more make the stage wait."""


class Sending:
    """Sends in order what is ``put``, by a task of its own (``run``)."""

    def __init__(self, producer: Callable[[], Awaitable[BatchProducer]], on_sent: Callable[[float], None]) -> None:
        """``on_sent`` is told the seconds that each hand-over to the producer took."""
        self._producer, self._on_sent = producer, on_sent
        self._waiting, self._records = Outbox(), 0
        self._sent: list[Sent] = []
        self._busy = False
        self._failure: BaseException | None = None
        self._more, self._room, self._done = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._room.set()
        self._done.set()

    def __bool__(self) -> bool:
        """Whether there is anything that a checkpoint has to await."""
        return bool(self._sent or self._busy or self._waiting)

    def put(self, outbox: Outbox) -> None:
        """Take over what is in ``outbox``, which is empty afterwards."""
        for place, records in outbox.records.items():
            self._waiting.records[place].extend(records)
            self._records += len(records)
        outbox.records.clear()
        if self._waiting:
            self._more.set()
            self._done.clear()
        if self._records >= MOST_WAITING:
            self._room.clear()

    async def room(self) -> None:
        """Wait while too much waits; raises what ``run`` raised."""
        await self._room.wait()
        self._check()

    async def flush(self) -> list[Sent]:
        """Wait until the producer has all that was put; returns what is on its way since the last time.

        Raises what ``run`` raised.
        """
        await self._done.wait()
        self._check()
        sent, self._sent = self._sent, []
        return sent

    def forget(self) -> None:
        """Drop what waits: it belongs to partitions that may be others' now."""
        self._waiting, self._records, self._sent = Outbox(), 0, []
        self._room.set()
        if not self._busy:
            self._done.set()

    async def run(self) -> None:
        """Task of the stage; raises :class:`DeliveryError`."""
        try:
            while True:
                await self._more.wait()
                self._more.clear()
                await self._send()
        except Exception as exc:
            self._failure = exc
            self._room.set()
            self._done.set()
            raise

    async def _send(self) -> None:
        outbox, self._waiting, self._records = self._waiting, Outbox(), 0
        self._busy = True
        self._room.set()
        started = time.perf_counter()
        producer = await self._producer()
        for (topic, partition), records in outbox.records.items():
            self._sent.extend(await producer.send_many(topic, partition, records))
        self._on_sent(time.perf_counter() - started)
        self._busy = False
        if not self._waiting:
            self._done.set()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
