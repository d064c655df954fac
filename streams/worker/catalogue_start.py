"""Holds the first answers back until the catalogue that was there at the start is in the item index.

Rows go through two stages, which may run in other workers: *catalog* checks them, *items* merges them. So the committed
offsets of both groups are looked at, then the index's own reading. Where the catalog stage has committed all rows, as
at most starts, nothing is waited for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from confluent_kafka import IsolationLevel, KafkaException
from confluent_kafka.admin import AdminClient
from faust.types import TP

from streams.broker.brokers import Brokers
from streams.broker.group_offsets import committed
from streams.broker.partition_ends import partition_ends
from streams.errors import BrokerError
from streams.stages.context import Context
from streams.topology import CATALOG, CATALOG_ITEMS, ITEM_STATE, ITEM_UPDATES, ITEMS, Stage, Topic
from streams.worker.index_reader import IndexReader

T = TypeVar("T")
log = logging.getLogger(__name__)
PAUSE = 0.2
TIMEOUT = 10.0


class CatalogueStart:
    """One wait, at the start of a worker that answers events."""

    def __init__(
        self, brokers: Brokers, admin: AdminClient, context: Context, reader: IndexReader, say: Callable[[str], None]
    ) -> None:
        """``say`` is told in words what is waited for."""
        self._brokers, self._admin, self._context, self._reader, self._say = brokers, admin, context, reader, say
        self._patience = context.settings.catalog_wait

    async def wait(self) -> str:
        """Return when the rows are in the index, or when nothing has moved for ``HEADWATER_CATALOG_WAIT``: in words."""
        if not self._patience:
            return "is not waited for (HEADWATER_CATALOG_WAIT)"
        rows = await self._insist(lambda: self._ends(CATALOG_ITEMS))
        if await self._insist(lambda: self._wait(rows)):
            return "what was there at the start is read"
        return "what was there at the start was not read in time (HEADWATER_CATALOG_WAIT)"

    async def _insist(self, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Ask again while the broker does not answer."""
        while True:
            try:
                return await ask()
            except (KafkaException, BrokerError) as exc:
                self._say(f"the broker does not say how far the catalogue is read: {exc}")
                await asyncio.sleep(TIMEOUT / 10)

    async def _wait(self, rows: dict[TP, int]) -> bool:
        if not await self._left(CATALOG, CATALOG_ITEMS, rows):
            return True
        if not await self._worked_off(CATALOG, CATALOG_ITEMS, rows):
            return False
        if not await self._worked_off(ITEMS, ITEM_UPDATES, await self._ends(ITEM_UPDATES)):
            return False
        await self._reader.reach(await self._ends(ITEM_STATE))
        return True

    async def _worked_off(self, stage: Stage, topic: Topic, ends: dict[TP, int]) -> bool:
        least, moved_at = 0, self._context.clock.monotonic()
        while left := await self._left(stage, topic, ends):
            now = self._context.clock.monotonic()
            if not least or left < least:
                least, moved_at = left, now
            self._say(f"{left} records of {topic.suffix} are not worked on yet by stage {stage.name}")
            if now - moved_at > self._patience:
                log.warning(
                    "%d records of %s have waited for stage %s for %.0f s: does a worker run it? Events are answered "
                    "from now on, with a catalogue that is not complete (HEADWATER_CATALOG_WAIT)",
                    left, topic.suffix, stage.name, self._patience,
                )  # fmt: skip
                return False
            await asyncio.sleep(PAUSE)
        return True

    async def _ends(self, topic: Topic) -> dict[TP, int]:
        name, count = self._context.topic(topic), topic.partitions(self._context.settings)
        places = [(name, partition) for partition in range(count)]
        isolation = IsolationLevel.READ_COMMITTED
        return await asyncio.to_thread(partition_ends, self._admin, places, TIMEOUT, isolation)

    async def _left(self, stage: Stage, topic: Topic, ends: dict[TP, int]) -> int:
        """Records before ``ends`` that the stage has not committed."""
        if not any(ends.values()):
            return 0
        group = stage.group(self._context.settings.namespace)
        name, count = self._context.topic(topic), topic.partitions(self._context.settings)
        done = await asyncio.to_thread(committed, self._brokers, group, name, count)
        return sum(max(0, end - done.get(tp.partition, 0)) for tp, end in ends.items())
