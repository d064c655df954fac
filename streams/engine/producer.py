"""The producer of changelogs: sends whole record batches, idempotent, so that order holds and a retry repeats nothing.

While the broker cannot be reached, records wait for it without a time limit; ``/readyz`` says so meanwhile.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from aiokafka.errors import KafkaError, KafkaTimeoutError
from faust.transport.drivers import aiokafka as driver

from streams.engine.errors import DeliveryError, PausedTooLongError, refused

METADATA_UPDATES = 5  # a second at most
Headers = tuple[tuple[str, bytes | None], ...]


class Out(NamedTuple):
    """One record to be sent."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class Sent(NamedTuple):
    """A record batch on its way: awaiting ``future`` gives its metadata (``offset`` of its first record)."""

    topic: str
    partition: int
    future: asyncio.Future[Any]
    records: int

    async def last_offset(self) -> int:
        """Offset of its last record once the broker has it; raises :class:`DeliveryError` when it never will."""
        try:
            metadata = await self.future
        except KafkaError as exc:
            raise DeliveryError(
                refused(f"{self.topic}-{self.partition}", f"{self.records} records", f"{type(exc).__name__}: {exc}")
            ) from exc
        return int(metadata.offset) + self.records - 1


class BatchProducer(driver.Producer):  # type: ignore[misc]
    """Faust's producer with ``send_many``."""

    def _settings_extra(self) -> dict[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def on_start(self) -> None:
        """Remove aiokafka's time limit: it fails batches of a partition that is without a leader for too long."""
        await super().on_start()
        producer = self._ensure_producer()
        producer._message_accumulator._batch_ttl = math.inf
        _bound_updates(producer.client)
        _fence(producer._sender, self.app.pauses.check)

    async def send_many(self, topic: str, partition: int, records: Iterable[Out]) -> list[Sent]:
        """Queue ``records`` in order as aiokafka record batches; returns them without waiting for delivery.

        Raises :class:`DeliveryError` for a record larger than ``producer_max_batch_size``.
        """
        producer = self._ensure_producer()
        now = self.app.clock.now_ms()
        sent: list[Sent] = []
        builder, count = producer.create_batch(), 0

        async def ship() -> None:
            builder.close()
            try:
                future = await _when_there_is_room(producer, builder, topic, partition)
            except KafkaError as exc:
                raise DeliveryError(
                    f"{topic}-{partition}: cannot send ({type(exc).__name__}: {exc}); is the broker up?"
                ) from exc
            sent.append(Sent(topic, partition, future, count))

        for record in records:
            if builder.append(timestamp=now, key=record.key, value=record.value, headers=list(record.headers)) is None:
                if count:
                    await ship()
                builder, count = producer.create_batch(), 0
                if (
                    builder.append(timestamp=now, key=record.key, value=record.value, headers=list(record.headers))
                    is None
                ):
                    size = len(record.key or b"") + len(record.value or b"")
                    raise DeliveryError(
                        f"{topic}-{partition}: a record of {size} bytes is larger than a record batch may be"
                    )
            count += 1
        if count:
            await ship()
        return sent


def _bound_updates(client: Any) -> None:
    """Limit the rate of metadata requests: without a leader aiokafka's sender repeats them without a pause."""
    update, recent = client._metadata_update, deque[float](maxlen=METADATA_UPDATES)

    async def updated(*args: Any) -> Any:
        if len(recent) == METADATA_UPDATES:
            await asyncio.sleep(max(0.0, recent[0] + 1.0 - time.monotonic()))
        recent.append(time.monotonic())
        return await update(*args)

    client._metadata_update = updated


def _fence(sender: Any, check: Callable[[], object]) -> None:
    """Send nothing once ``check`` finds that the process slept past its session.

    Records that waited meanwhile would overwrite what the partitions' new owner has written since.
    """
    send = sender._send_produce_req

    async def fenced(*args: Any) -> None:
        try:
            check()
        except PausedTooLongError:
            await asyncio.Event().wait()  # never: the stage sees the same, and stops the worker
        await send(*args)

    sender._send_produce_req = fenced


async def _when_there_is_room(producer: Any, builder: Any, topic: str, partition: int) -> asyncio.Future[Any]:
    """Queue a batch; waits while the one before it still waits for the broker."""
    while True:
        try:
            future: asyncio.Future[Any] = await producer.send_batch(builder, topic, partition=partition)
        except KafkaTimeoutError:
            continue
        return future
