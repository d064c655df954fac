"""``headwater worker`` with one fault, which starts once the file named by TEST_FAULT_MARK exists.

TEST_FAULT is one of:

- ``agent``: the task of the profiles agent ends with an exception.
- ``compute``: its work on a batch ends with an exception.
- ``hang``: its work on a batch never ends.
- ``block``: the event loop stands still for two minutes.
- ``freeze``: the process stops itself while user states wait to be sent to their changelog.
- ``unsent``: user states wait to be sent for as long as the mark exists.
- ``slow``: states are recovered a few at a time while the mark exists.
- ``early``: a fetch of changelogs waits for seconds, and recovery waits a little before it takes what comes.
- ``late``: partitions are assigned with a delay.
- ``sought``: a recovery ends between the two halves of the next rebalance.
- ``full``: the worker's disk takes no file above 100 kB.
- ``pause``: partition 1 of the clicks is never fetched again.
- ``ahead``: the clock of its machine is ten minutes ahead.

Everything else is the real program.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from confluent_kafka import TopicPartition
from faust.tables.recovery import Recovery

from headwater.cli.main import main
from streams.clock import Clock
from streams.engine.consumer import BatchConsumer, BatchConsumerThread
from streams.engine.groups import GroupQueue
from streams.engine.producer import BatchProducer
from streams.engine.source import SourceReader
from streams.engine.store import RocksStore
from streams.stages.profiles import Profiles
from streams.topology import CLICK, USER_STATE

PAUSED = 1
AHEAD = 600  # seconds
MARK = Path(os.environ.get("TEST_FAULT_MARK", "/"))


class InjectedError(RuntimeError):
    """The fault."""


def due() -> bool:
    """Whether the fault is to come now."""
    return MARK.is_file()


def agent() -> None:
    """The task that Faust runs for the agent ends with an exception."""
    getting = GroupQueue.get

    async def failing(self: GroupQueue) -> Any:
        waiting = asyncio.ensure_future(getting(self))
        while not (waiting.done() or due()):
            await asyncio.wait({waiting}, timeout=0.1)
        if due():
            raise InjectedError("the agent's task ends here")
        return waiting.result()

    GroupQueue.get = failing


def compute() -> None:
    """The next batch cannot be worked on."""
    working = Profiles.read

    def failing(self: Profiles, *args: Any) -> Any:
        if due():
            raise InjectedError("the batch ends here")
        return working(self, *args)

    Profiles.read = failing  # type: ignore[method-assign]


def hang() -> None:
    """The next batch is never done, while the event loop turns."""
    working = Profiles.answer

    async def hanging(self: Profiles, *args: Any) -> None:
        if due():
            await asyncio.Event().wait()
        await working(self, *args)

    Profiles.answer = hanging  # type: ignore[method-assign]


def freeze() -> None:
    """SIGSTOP at the worst moment: the states are handed to the producer, and nothing of them has left the process."""
    sending = BatchProducer.send_many
    done: list[str] = []

    async def freezing(self: BatchProducer, topic: str, *args: Any) -> Any:
        sent = await sending(self, topic, *args)
        if topic.endswith(USER_STATE.suffix) and due() and not done:
            done.append(topic)
            os.kill(os.getpid(), signal.SIGSTOP)
        return sent

    BatchProducer.send_many = freezing  # type: ignore[method-assign]


def unsent() -> None:
    """Checkpoints wait before their changelog."""
    sending = BatchProducer.send_many

    async def waiting(self: BatchProducer, topic: str, *args: Any) -> Any:
        while topic.endswith(USER_STATE.suffix) and due():  # noqa: ASYNC110 - a file is asked for
            await asyncio.sleep(0.1)
        return await sending(self, topic, *args)

    BatchProducer.send_many = waiting  # type: ignore[method-assign]


def slow() -> None:
    """Recovery takes some tenths of a second for every few batches."""
    applying = RocksStore.apply_changelog_batch

    def dawdling(self: RocksStore, *args: Any, **kwargs: Any) -> None:
        if due():
            time.sleep(0.3)
        applying(self, *args, **kwargs)

    RocksStore.apply_changelog_batch = dawdling  # type: ignore[method-assign]


def early() -> None:
    """A rebalance comes while an earlier fetch waits; records arrive before recovery goes on."""
    fetching, seeking = BatchConsumerThread.getmany, Recovery._seek_offsets

    async def waiting(self: BatchConsumerThread, active: Any, timeout: float) -> Any:
        return await fetching(self, active, 4.0 if due() else timeout)

    async def sought(self: Recovery, *args: Any) -> None:
        await seeking(self, *args)
        if due():
            await asyncio.sleep(0.5)

    BatchConsumerThread.getmany = waiting
    Recovery._seek_offsets = sought


def late() -> None:
    """The partitions come seconds after those of before were taken."""
    assigning = BatchConsumer.on_partitions_assigned

    async def delayed(self: BatchConsumer, *args: Any, **kwargs: Any) -> None:
        if due():
            await asyncio.sleep(3.0)
        await assigning(self, *args, **kwargs)

    BatchConsumer.on_partitions_assigned = delayed


def sought() -> None:
    """A recovery that has sought its offsets ends between the two halves of the next rebalance."""
    seeking, revoking = BatchConsumer.perform_seek, BatchConsumer.on_partitions_revoked
    taken: dict[BatchConsumer, asyncio.Event] = {}

    async def delayed(self: BatchConsumer) -> None:
        await seeking(self)
        if due():
            taken[self] = asyncio.Event()
            await taken[self].wait()

    async def revoked(self: BatchConsumer, tps: Any) -> None:
        await revoking(self, tps)
        if self in taken:
            taken[self].set()

    BatchConsumer.perform_seek = delayed  # type: ignore[method-assign]
    BatchConsumer.on_partitions_revoked = revoked  # type: ignore[method-assign]
    late()


def full() -> None:
    """No file grows above 100 kB, as on a full disk: states of a few thousand users do not fit."""
    if due():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))


def block() -> None:
    """The event loop stands still."""
    on_tick(lambda stage: time.sleep(120))


def pause() -> None:
    """One partition is left out of every fetch."""

    sorting = SourceReader._sorted

    def paused(self: SourceReader, messages: list[Any]) -> Any:
        if due():
            names = [place for place in self._names if place[0].endswith(CLICK.suffix) and place[1] == PAUSED]
            self._consumer.pause([TopicPartition(*place) for place in names])
        return sorting(self, messages)

    SourceReader._sorted = paused  # type: ignore[method-assign]


def ahead() -> None:
    """A wall clock that somebody has set wrong."""
    right = Clock.time_ns

    def wrong(self: Clock) -> int:
        return right(self) + (AHEAD * 1_000_000_000 if due() else 0)

    Clock.time_ns = wrong  # type: ignore[method-assign]


def on_tick(fault: Callable[[Profiles], None]) -> None:
    """Have ``fault`` done once, from the event loop."""
    tick, done = Profiles.tick, []

    def ticked(self: Profiles) -> None:
        tick(self)
        if due() and not done:
            done.append(self)
            fault(self)

    Profiles.tick = ticked  # type: ignore[method-assign]


if __name__ == "__main__":
    faults = (agent, compute, hang, freeze, unsent, slow, early, late, sought, full, block, pause, ahead)
    next(fault for fault in faults if fault.__name__ == os.environ["TEST_FAULT"])()
    main()
