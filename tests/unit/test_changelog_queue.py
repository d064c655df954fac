"""Recovery's queue hands out nothing that was fetched before the last seek, whenever it came in."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from faust.types import TP
from mode.utils.queues import FlowControlEvent

from streams.engine import RecordBatch
from streams.engine.changelog_queue import ChangelogQueue


def event(first: int, seeks: int) -> Any:
    records = [SimpleNamespace(offset=offset) for offset in range(first, first + 10)]
    return SimpleNamespace(value=RecordBatch(TP("states", 0), records, origin=seeks))


def test_a_batch_that_waited_through_a_seek_is_passed_over() -> None:
    """It waits for flow control, which empties the queue and lets it in behind that."""
    asyncio.run(put_through_a_seek())


async def put_through_a_seek() -> None:
    app: Any = SimpleNamespace(
        flow_control=FlowControlEvent(initially_suspended=False), consumer=SimpleNamespace(seeks=1)
    )
    queue = ChangelogQueue(app, maxsize=4)
    await queue.put(event(0, 1))
    assert (await queue.get()).value.first == 0

    app.flow_control.suspend()
    late = asyncio.create_task(queue.put(event(10, 1)))
    await asyncio.sleep(0)
    app.consumer.seeks = 2  # the seek, back to 0
    app.flow_control.resume()
    await late
    await queue.put(event(0, 2))
    assert queue.qsize() == 2
    got = await asyncio.wait_for(queue.get(), 5)
    assert (got.value.first, got.value.origin) == (0, 2)
    assert queue.empty()
