"""The channel between the reader of sources and a stage's agent: batches go in, groups of them come out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import faust
from mode.utils.queues import ThrowableQueue

from streams.engine.batch import Group, RecordBatch

LIVE_BATCH_RECORDS = 256
"""Records of one partition that move together while they are live, so that answers leave early."""
LIVE_GROUP_RECORDS = 512
MOST_GROUP_RECORDS = 16_384
"""Of batches that are longer than live ones: of a stage that catches up."""


class GroupQueue(ThrowableQueue):  # type: ignore[misc]
    """Batches that wait; whoever asks gets as many of them as may be worked on at once.

    It is not under Faust's flow control: the stage empties it when partitions are given up, and the reader of sources
    bounds what waits in it.
    """

    def __init__(self, app: Any) -> None:
        super().__init__(flow_control=app.flow_control)

    def _get(self) -> Group:
        """``asyncio.Queue`` takes the next element out with this."""
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

    Nothing of it is acknowledged by Faust: a group is durable once a checkpoint covers it.
    """

    def __init__(self, app: Any, *, queue: GroupQueue | None = None, **kwargs: Any) -> None:
        super().__init__(app, queue=queue or GroupQueue(app), **kwargs)

    def clone(self, *, is_iterator: bool | None = None, **kwargs: Any) -> Any:
        """The agent iterates over a clone: all of them have one queue."""
        return super().clone(is_iterator=is_iterator, **{**kwargs, "queue": self.queue})

    def offer(self, batches: Iterable[RecordBatch]) -> None:
        """Let batches wait for the agent."""
        for batch in batches:
            self.queue.put_nowait(batch)

    def clear(self) -> None:
        """Forget what waits: it comes again."""
        self.queue.clear()
