"""The channel between the reader of sources and a stage's agent: batches go in, groups of them come out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import faust
from mode.utils.queues import ThrowableQueue

from streams.engine.batch import Group, RecordBatch

LIVE_BATCH_RECORDS = 256
"""The most live records in a batch: small batches, so that answers leave early."""
LIVE_GROUP_RECORDS = 512
"""The most records in a group of live batches."""
MOST_GROUP_RECORDS = 16_384
"""The same of longer batches, which come while a stage catches up."""


class GroupQueue(ThrowableQueue):  # type: ignore[misc]
    """Batches that wait for the agent. ``get`` returns as many of them as may be worked on at once.

    Faust's flow control does not clear it: the engine does when partitions are revoked, and the reader of the sources
    bounds its length.
    """

    def __init__(self, app: Any) -> None:
        super().__init__(flow_control=app.flow_control)

    def _get(self) -> Group:
        """Take out the next group (``asyncio.Queue`` calls this)."""
        waiting = self._queue
        batches: list[RecordBatch] = []
        records = 0
        while waiting:
            limit = MOST_GROUP_RECORDS if len(waiting[0]) > LIVE_BATCH_RECORDS else LIVE_GROUP_RECORDS
            if batches and records + len(waiting[0]) > limit:
                break
            batches.append(waiting.popleft())
            records += len(batches[-1])
        return Group(batches)


class GroupChannel(faust.Channel):  # type: ignore[misc]
    """A channel in memory that an agent iterates over: ``async for group in groups``.

    Faust acknowledges nothing in it: a group is durable once a checkpoint covers it.
    """

    def __init__(self, app: Any, *, queue: GroupQueue | None = None, **kwargs: Any) -> None:
        super().__init__(app, queue=queue or GroupQueue(app), **kwargs)

    def clone(self, *, is_iterator: bool | None = None, **kwargs: Any) -> Any:
        """A channel with the same queue: the agent iterates over a clone."""
        return super().clone(is_iterator=is_iterator, **{**kwargs, "queue": self.queue})

    def offer(self, batches: Iterable[RecordBatch]) -> None:
        """Queue batches for the agent."""
        for batch in batches:
            self.queue.put_nowait(batch)

    def clear(self) -> None:
        """Drop what waits: it is read again after the rebalance."""
        self.queue.clear()
