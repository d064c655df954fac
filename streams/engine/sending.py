"""Sends the outputs of a stage by librdkafka, in its threads; a checkpoint awaits their delivery.

Sending is idempotent and in order within a partition. While the broker cannot be reached, records wait for it without
a time limit; ``/readyz`` says so meanwhile.

Changelogs are not sent this way: records that wait in librdkafka while the process sleeps leave it when it wakes, also
after its session. For outputs that is harmless: a repeated record has the same id, an item update the same offset.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.broker.brokers import Brokers
from streams.clock import Clock
from streams.engine.errors import DeliveryError, refused
from streams.engine.outbox import Outbox
from streams.engine.producer import Out

log = logging.getLogger(__name__)

MOST_UNDER_WAY = 10_000
"""Records on their way; with more the stage waits."""
MOST_KIBIBYTES = 32 << 10
LOOK_SECONDS = 0.002


class Delivery:
    """The delivery that one checkpoint awaits: how many records are on their way, and the first failure."""

    def __init__(self) -> None:
        self.under_way = 0
        self.failure: DeliveryError | None = None

    def __bool__(self) -> bool:
        return bool(self.under_way or self.failure)

    def seen(self, error: KafkaError | None, message: Message) -> None:
        """librdkafka's report on one record."""
        self.under_way -= 1
        if error is not None and self.failure is None:
            self.failure = DeliveryError(refused(f"{message.topic()}-{message.partition()}", "a record", error.str()))


class Sending:
    """Sends records in the order of ``put``."""

    def __init__(self, brokers: Brokers, name: str, on_sent: Callable[[float], None], clock: Clock) -> None:
        """``name`` is this client's in the broker's log; ``on_sent`` gets the seconds that each hand-over took."""
        self._producer = Producer(_configuration(brokers, name), logger=log)
        self._on_sent, self._clock = on_sent, clock
        self._waiting: deque[tuple[str, int, Out]] = deque()
        self._delivery = Delivery()

    def __bool__(self) -> bool:
        """Whether there is anything that a checkpoint has to await."""
        return bool(self._waiting or self._delivery)

    def put(self, outbox: Outbox) -> None:
        """Take all records out of ``outbox``."""
        for (topic, partition), records in outbox.records.items():
            self._waiting.extend((topic, partition, record) for record in records)
        outbox.records.clear()
        self._send()

    async def room(self) -> None:
        """Wait while too much is under way; raises :class:`DeliveryError`."""
        self.check()
        while self._waiting:
            await asyncio.sleep(LOOK_SECONDS)
            self._send()
            self.check()

    async def flush(self) -> Delivery:
        """Hand over all that was put; returns what was sent since the last ``flush``. Raises :class:`DeliveryError`."""
        await self.room()
        taken, self._delivery = self._delivery, Delivery()
        return taken

    async def delivered(self, delivery: Delivery) -> None:
        """Wait until the broker has all of it; raises :class:`DeliveryError` when it never will."""
        while delivery.under_way and delivery.failure is None:
            self._producer.poll(0)
            if delivery.under_way:
                await asyncio.sleep(LOOK_SECONDS)
        if delivery.failure is not None:
            raise delivery.failure

    def forget(self) -> None:
        """Drop what waits: the partitions may belong to other workers now."""
        self._waiting.clear()
        self._producer.purge(in_queue=True, in_flight=False, blocking=False)
        self._delivery = Delivery()

    def check(self) -> None:
        """Raises :class:`DeliveryError` when the broker has refused a record."""
        self._producer.poll(0)
        if self._delivery.failure is not None:
            raise self._delivery.failure

    def _send(self) -> None:
        started = self._clock.monotonic()
        waiting, produce, delivery = self._waiting, self._producer.produce, self._delivery
        try:
            while waiting:
                topic, partition, (key, value, headers) = waiting[0]
                produce(topic, value, key, partition, delivery.seen, headers=list(headers) if headers else None)
                delivery.under_way += 1
                waiting.popleft()
        except BufferError:
            pass  # `room` waits
        except KafkaException as exc:
            delivery.failure = DeliveryError(refused(f"{topic}-{partition}", "a record", exc.args[0].str()))
        self._on_sent(self._clock.monotonic() - started)


def _configuration(brokers: Brokers, name: str) -> dict[str, Any]:
    return brokers.librdkafka() | {
        "client.id": f"{name}.outputs",
        "enable.idempotence": True,
        "linger.ms": 0,
        "message.timeout.ms": 0,  # for ever
        "message.max.bytes": 4 << 20,
        "queue.buffering.max.messages": MOST_UNDER_WAY,
        "queue.buffering.max.kbytes": MOST_KIBIBYTES,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1_000,
        "log_level": 2,  # the worker itself says that a broker cannot be reached
    }
