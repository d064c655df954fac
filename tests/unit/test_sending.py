"""Outputs on their way: order, what waits together, failures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from streams.batching.outbox import Outbox
from streams.batching.producer import Out, Sent
from streams.batching.sending import MOST_WAITING, Sending


class SlowProducer:
    """Takes a batch whenever ``free`` is set, and keeps it."""

    def __init__(self) -> None:
        self.batches: list[list[bytes | None]] = []
        self.free = asyncio.Event()
        self.refuses: Exception | None = None

    async def send_many(self, topic: str, partition: int, records: Iterable[Out]) -> list[Sent]:
        await self.free.wait()
        if self.refuses:
            raise self.refuses
        self.batches.append([record.value for record in records])
        return [Sent(topic, partition, asyncio.get_running_loop().create_future(), len(self.batches[-1]))]


def outbox(*values: bytes) -> Outbox:
    made = Outbox()
    for value in values:
        made.add("topic", 0, None, value)
    return made


async def sending(producer: SlowProducer) -> tuple[Sending, asyncio.Task[None]]:
    async def get() -> SlowProducer:
        return producer

    made = Sending(get, lambda seconds: None)  # type: ignore[arg-type]
    return made, asyncio.create_task(made.run())


def test_what_waits_for_the_broker_travels_together_in_order() -> None:
    async def scenario() -> None:
        producer = SlowProducer()
        queue, task = await sending(producer)
        first = outbox(b"a")
        queue.put(first)
        assert not first and queue
        await asyncio.sleep(0)
        queue.put(outbox(b"b"))
        queue.put(outbox(b"c", b"d"))
        flushed = asyncio.create_task(queue.flush())
        await asyncio.sleep(0.01)
        assert not flushed.done()
        producer.free.set()
        assert [sent.records for sent in await flushed] == [1, 3]
        assert producer.batches == [[b"a"], [b"b", b"c", b"d"]]
        assert not queue and await queue.flush() == []
        task.cancel()

    asyncio.run(scenario())


def test_a_refusal_reaches_everybody_who_waits() -> None:
    async def scenario() -> None:
        producer = SlowProducer()
        producer.refuses = RuntimeError("too large")
        queue, task = await sending(producer)
        queue.put(outbox(*[b"x"] * MOST_WAITING))
        waiting = [asyncio.create_task(queue.flush()), asyncio.create_task(queue.room())]
        producer.free.set()
        for waiter in (*waiting, task):
            with pytest.raises(RuntimeError, match="too large"):
                await waiter
        with pytest.raises(RuntimeError, match="too large"):
            await queue.flush()

    asyncio.run(scenario())


def test_too_much_makes_the_stage_wait() -> None:
    async def scenario() -> None:
        producer = SlowProducer()
        queue, task = await sending(producer)
        queue.put(outbox(b"first"))
        await asyncio.sleep(0)
        queue.put(outbox(*[b"x"] * MOST_WAITING))
        room = asyncio.create_task(queue.room())
        await asyncio.sleep(0.01)
        assert not room.done()
        producer.free.set()
        await room
        task.cancel()

    asyncio.run(scenario())


def test_what_is_forgotten_is_not_sent() -> None:
    async def scenario() -> None:
        producer = SlowProducer()
        queue, task = await sending(producer)
        queue.put(outbox(b"a"))
        await asyncio.sleep(0)
        queue.put(outbox(b"another owner's"))
        queue.forget()
        producer.free.set()
        await queue.flush()
        assert producer.batches == [[b"a"]]
        task.cancel()

    asyncio.run(scenario())
