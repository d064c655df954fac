"""Outputs on their way: order, what waits for a broker that is away, refusals."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from headwater.local_kafka.broker import LocalKafka
from streams.clock import Clock
from streams.engine import Outbox
from streams.engine.errors import DeliveryError
from streams.engine.sending import MOST_UNDER_WAY, Sending


def made(kafka: LocalKafka, topic: str, **config: str) -> None:
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1, config=config)])[topic].result(30)


def outbox(topic: str, *values: bytes) -> Outbox:
    filled = Outbox()
    for value in values:
        filled.add(topic, 0, b"key", value)
    return filled


def values(kafka: LocalKafka, topic: str, wanted: int) -> list[bytes]:
    """The first ``wanted`` of a topic, and whatever comes within a second behind them."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    found: list[bytes] = []
    while (message := consumer.poll(20 if len(found) < wanted else 1)) is not None:
        if message.error() is None:
            found.append(message.value() or b"")
    consumer.close()
    return found


def run(kafka: LocalKafka, scenario: Callable[[Sending], Awaitable[None]]) -> None:
    async def running() -> None:
        await scenario(Sending(kafka.brokers, "test", lambda seconds: None, Clock()))

    asyncio.run(running())


def test_in_order_and_awaited(kafka: LocalKafka, namespace: str) -> None:
    made(kafka, namespace)

    async def scenario(sending: Sending) -> None:
        first = outbox(namespace, b"0", b"1")
        sending.put(first)
        assert not first and sending
        sending.put(outbox(namespace, *(b"%d" % n for n in range(2, 500))))
        delivery = await sending.flush()
        await sending.delivered(delivery)
        assert not delivery and not sending
        await sending.delivered(await sending.flush())  # nothing

    run(kafka, scenario)
    assert values(kafka, namespace, 500) == [b"%d" % n for n in range(500)]


def test_a_refusal_reaches_everybody_who_waits(kafka: LocalKafka, namespace: str) -> None:
    made(kafka, namespace, **{"max.message.bytes": "200"})

    async def scenario(sending: Sending) -> None:
        sending.put(outbox(namespace, b"x" * 1_000))
        delivery = await sending.flush()
        with pytest.raises(DeliveryError, match=f"{namespace}-0.*max.message.bytes"):
            await asyncio.wait_for(sending.delivered(delivery), 20)
        sending.put(outbox(namespace, b"x" * 1_000))
        with pytest.raises(DeliveryError, match="Nothing behind them was acknowledged"):
            async with asyncio.timeout(20):
                while True:
                    await sending.room()
                    await asyncio.sleep(0.01)

    run(kafka, scenario)


def test_a_record_larger_than_any_request_is_refused(kafka: LocalKafka, namespace: str) -> None:
    made(kafka, namespace)

    async def scenario(sending: Sending) -> None:
        sending.put(outbox(namespace, b"x" * (5 << 20)))
        with pytest.raises(DeliveryError, match=f"{namespace}-0"):
            await sending.room()

    run(kafka, scenario)


def test_a_broker_that_is_away_makes_the_stage_wait_and_loses_nothing(
    fragile_kafka: LocalKafka, namespace: str
) -> None:
    many = [b"%d" % n for n in range(MOST_UNDER_WAY + 1_000)]
    made(fragile_kafka, namespace)

    async def scenario(sending: Sending) -> None:
        sending.put(outbox(namespace, b"first"))
        await sending.delivered(await sending.flush())
        fragile_kafka.stop()
        sending.put(outbox(namespace, *many))
        room = asyncio.create_task(sending.room())
        await asyncio.sleep(1.0)
        assert not room.done()
        await asyncio.to_thread(fragile_kafka.start)
        await asyncio.wait_for(room, 60)
        await asyncio.wait_for(sending.delivered(await sending.flush()), 60)

    run(fragile_kafka, scenario)
    assert values(fragile_kafka, namespace, len(many) + 1) == [b"first", *many]


def test_what_is_forgotten_is_not_sent(fragile_kafka: LocalKafka, namespace: str) -> None:
    made(fragile_kafka, namespace)

    async def scenario(sending: Sending) -> None:
        sending.put(outbox(namespace, b"mine"))
        await sending.delivered(await sending.flush())
        fragile_kafka.stop()
        await asyncio.sleep(0.5)
        sending.put(outbox(namespace, b"another owner's"))
        sending.forget()
        assert not sending
        await asyncio.to_thread(fragile_kafka.start)
        sending.put(outbox(namespace, b"mine again"))
        await asyncio.wait_for(sending.delivered(await sending.flush()), 60)

    run(fragile_kafka, scenario)
    assert values(fragile_kafka, namespace, 2) == [b"mine", b"mine again"]
