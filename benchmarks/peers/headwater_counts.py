"""The update of one user on Headwater's batching layer: a checkpointed stage without a recommender.

As in the worker, states stay decoded in memory, the changelog and RocksDB get each changed state once per checkpoint
(every second), states name the offset that they contain, and the garbage collector is tuned. Unlike the worker's,
its cache has no bound.

Usage: python -m benchmarks.peers.headwater_counts BROKERS NAMESPACE FOLDER
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterable, Mapping, Sequence
from pathlib import Path

import msgspec
import uvloop

from benchmarks.peers.user_counts import RECENT, Click, Counts
from streams.broker.brokers import Brokers
from streams.engine import BatchApp, BatchTable, Group, RecordBatch, Row, StageEngine, States, create_app
from streams.settings import Settings
from streams.topology import CLICK, USER_STATE, Stage

NAME = "counts"
encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Counts).decode
decode_click = msgspec.json.Decoder(Click).decode


class Clicks(States):
    """Counts the clicks of each user."""

    def __init__(self, app: BatchApp, settings: Settings) -> None:
        self.table = BatchTable(
            app,
            name="users",
            changelog=USER_STATE.name(settings.namespace),
            partitions=settings.user_partitions,
            rocksdb_cache_bytes=settings.rocksdb_cache_bytes,
        )
        app.tables.add(self.table)
        self._states: defaultdict[int, dict[bytes, Counts]] = defaultdict(dict)
        self._dirty: defaultdict[int, list[tuple[bytes, Counts]]] = defaultdict(list)
        self._latest: dict[int, int] = {}  # partition -> last offset worked on
        self._clean: dict[int, int] = {}  # partition -> last offset in the checkpoint before

    def count(self, batch: RecordBatch) -> None:
        """Take a batch into its users' states."""
        partition = batch.tp.partition
        states, dirty = self._states[partition], self._dirty[partition]
        clean = self._clean.get(partition, -1)
        for record in batch:
            key, offset = record.key, record.offset
            state = states.get(key)
            if state is None:
                state = states[key] = self._read(partition, key)
                dirty.append((key, state))
            elif state.applied <= clean:  # its first change since the last checkpoint
                dirty.append((key, state))
            if offset <= state.applied:
                continue
            click = decode_click(record.value)
            state.applied = offset
            state.count += 1
            actions, action = state.actions, click.action
            try:
                actions[action] += 1
            except KeyError:
                actions[action] = 1
            recent = state.recent
            recent.append(click.item_id)
            if len(recent) > RECENT:
                del recent[0]
        self._latest[partition] = batch.last

    def _read(self, partition: int, key: bytes) -> Counts:
        (raw,) = self.table.get_many(partition, [key])
        return Counts() if raw is None else decode(raw)

    def snapshot(self) -> Mapping[int, Sequence[Row]]:
        puts = {
            partition: [(key, encode(state)) for key, state in dirty]
            for partition, dirty in self._dirty.items()
            if dirty
        }
        self._dirty.clear()
        self._clean.update(self._latest)
        return puts

    def restore(self, partitions: set[int]) -> None:
        """States are read when they are needed."""

    def forget(self) -> None:
        for kept in (self._states, self._dirty, self._latest, self._clean):
            kept.clear()


def counts(app: BatchApp, settings: Settings) -> StageEngine:
    """Declare the agent on ``app``."""
    work, topic = Clicks(app, settings), CLICK.name(settings.namespace)
    engine = StageEngine(app, NAME, [topic], work, work.table, interval=settings.checkpoint_interval)

    @app.agent(engine.groups)
    async def count(groups: AsyncIterable[Group]) -> None:
        async for group in groups:
            async with engine.turn(group):
                for batch in group:
                    work.count(batch)

    return engine


async def serve(brokers: str, namespace: str, folder: Path) -> None:
    """Run until SIGTERM; raises what crashed the app."""
    settings = Settings(brokers=brokers, namespace=namespace, state_dir=folder / "state")
    app = create_app(settings, Stage(NAME, "counts clicks", reads=(CLICK,)), Brokers(brokers))
    stage = counts(app, settings)
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await app.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    waiting = [asyncio.create_task(stopped.wait()), asyncio.create_task(app.wait_for_crash())]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if (reason := stage.crashed or app.crash_reason) is not None:
        logging.getLogger(__name__).error("crashed", exc_info=reason)
        os._exit(3)
    await stage.close(5.0)
    await app.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    uvloop.install()
    asyncio.run(serve(sys.argv[1], sys.argv[2], Path(sys.argv[3])))
