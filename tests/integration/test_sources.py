"""Reading sources: a bound on what waits, ends behind markers, silence once stopped."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from itertools import pairwise

from confluent_kafka import Producer
from faust.types import TP

from headwater.local_kafka.broker import LocalKafka
from streams.clock import Clock
from streams.engine.pace import FAST, LOOK_SECONDS
from streams.engine.source import AT_ONCE, Fetched, SourceReader
from tests.integration.test_sending import made

MANY = 40_000
Deliver = Callable[[SourceReader, Fetched], None]


class Deliveries:
    """Everything that readers have handed over."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.end: int | None = None

    def add(self, _reader: SourceReader, fetched: Fetched) -> None:
        assert fetched.failure is None
        for tp, run in fetched.runs.items():
            assert all(later.offset > earlier.offset for earlier, later in pairwise(run)), tp
            self.offsets.extend(record.offset for record in run)
        self.end = next(iter(fetched.ends.values()), self.end)

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - of a broker
                await asyncio.sleep(0.05)


def fill(kafka: LocalKafka, topic: str, records: int, **config: str) -> Producer:
    made(kafka, topic)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "queue.buffering.max.messages": MANY, **config})
    if config:
        producer.init_transactions(30)
        producer.begin_transaction()
    for n in range(records):
        producer.produce(topic, b"%d" % n)
    assert producer.flush(30) == 0
    return producer


def reading(kafka: LocalKafka, topic: str, start: int | None, most: int, deliver: Deliver) -> SourceReader:
    return SourceReader(kafka.brokers, "group", {TP(topic, 0): start}, deliver, most, Clock())


def test_no_more_is_read_than_may_wait(kafka: LocalKafka, namespace: str) -> None:
    fill(kafka, namespace, MANY)
    most = 1_000

    async def scenario() -> None:
        found = Deliveries()
        reader = reading(kafka, namespace, None, most, found.add)
        await found.until(lambda: len(found.offsets) > most)
        await asyncio.sleep(1.5)
        assert len(found.offsets) <= most + AT_ONCE + 1
        taken = 0
        while len(found.offsets) < MANY:
            reader.taken(len(found.offsets) - taken)
            taken = len(found.offsets)
            await found.until(lambda: len(found.offsets) > taken)  # noqa: B023 - awaited at once
        assert found.offsets == list(range(MANY))
        reader.stop()

    asyncio.run(scenario())


def test_ends_lie_behind_transaction_markers(kafka: LocalKafka, namespace: str) -> None:
    producer = fill(kafka, namespace, 3, **{"transactional.id": namespace})

    async def scenario() -> None:
        found = Deliveries()
        reader = reading(kafka, namespace, None, 1_000, found.add)
        await asyncio.sleep(1.5)
        assert not found.offsets, "the transaction is open"
        await asyncio.to_thread(producer.commit_transaction, 30)
        await found.until(lambda: found.end == 4)
        assert found.offsets == [0, 1, 2]
        reader.stop()
        behind = Deliveries()
        reader = reading(kafka, namespace, 3, 1_000, behind.add)  # on the marker
        await behind.until(lambda: behind.end == 4)
        assert not behind.offsets
        reader.stop()

    asyncio.run(scenario())


def test_the_pace_changes_with_the_rate_and_nothing_is_lost_or_read_twice(kafka: LocalKafka, namespace: str) -> None:
    """Slow, fast, slow: the broker holds records back while many come, and only then."""
    made(kafka, namespace)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "linger.ms": 0})

    async def send(rate: int, seconds: float) -> int:
        started, sent = time.monotonic(), 0
        while (passed := time.monotonic() - started) < seconds:
            while sent < rate * passed:
                producer.produce(namespace, b"x" * 100)
                sent += 1
            producer.poll(0)
            await asyncio.sleep(0.001)
        return sent

    async def scenario() -> None:
        found = Deliveries()
        reader = SourceReader(
            kafka.brokers, "group", {TP(namespace, 0): None}, found.add, 1_000_000, Clock(), wait=0.002
        )
        clients, holders, sent = [reader._consumer, reader._other], [], 0
        for rate in (50, 3 * FAST, 50):
            sent += await send(rate, 2.5 * LOOK_SECONDS)
            holders.append(clients.index(reader._consumer))
        await found.until(lambda: len(found.offsets) >= sent)
        await asyncio.sleep(1.0)
        assert found.offsets == list(range(sent))
        assert holders == [0, 1, 0]
        reader.stop()

    asyncio.run(scenario())


def test_a_stopped_reader_delivers_nothing_more(kafka: LocalKafka, namespace: str) -> None:
    producer = fill(kafka, namespace, 10)

    async def scenario() -> None:
        found = Deliveries()
        reader = reading(kafka, namespace, 4, 1_000, found.add)
        await found.until(lambda: found.offsets == list(range(4, 10)))
        reader.stop()
        producer.produce(namespace, b"later")
        assert producer.flush(30) == 0
        await asyncio.sleep(1.0)
        assert found.offsets == list(range(4, 10))

    asyncio.run(scenario())
