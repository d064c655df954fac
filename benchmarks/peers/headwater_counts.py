"""The per-user update on Headwater's batching layer: a checkpointed stage without a recommender.

As in the worker: states stay decoded in memory, the changelog and RocksDB see each changed one once a checkpoint (a second),
states name the offset that they contain, the garbage collector is tuned. Unlike the worker's, its cache has no bound.

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
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import uvloop

from benchmarks.peers.user_counts import RECENT, Click, Counts
from streams.batching import BatchApp, BatchTable, CheckpointedStage, Outbox, RecordBatch
from streams.batching.app import create_app
from streams.batching.store import Item
from streams.settings import Settings
from streams.topics import CLICK, USER_STATE

NAME = "counts"
encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Counts).decode
decode_click = msgspec.json.Decoder(Click).decode


class CountStage(CheckpointedStage):
    """Counts the clicks of each user."""

    def __init__(self, app: BatchApp, settings: Settings) -> None:
        table = BatchTable(
            app,
            name="users",
            changelog=USER_STATE.name(settings.namespace),
            partitions=settings.user_partitions,
            rocksdb_cache_bytes=settings.rocksdb_cache_bytes,
        )
        app.tables.add(table)
        self._states: defaultdict[int, dict[bytes, Counts]] = defaultdict(dict)
        self._dirty: defaultdict[int, set[bytes]] = defaultdict(set)
        super().__init__(
            app,
            NAME,
            [CLICK.name(settings.namespace)],
            table,
            interval=settings.checkpoint_interval,
            session_timeout=settings.session_timeout,
        )

    async def compute(self, batches: Sequence[RecordBatch], outbox: Outbox) -> None:
        for batch in batches:
            partition = batch.tp.partition
            states = self._load(partition, {record.key for record in batch})
            for record in batch:
                state, offset = states[record.key], record.offset
                if offset <= state.applied:
                    continue
                click = decode_click(record.value)
                state.applied = offset
                state.count += 1
                action = click.action
                state.actions[action] = state.actions.get(action, 0) + 1
                recent = state.recent
                recent.append(click.item_id)
                if len(recent) > RECENT:
                    del recent[0]

    def _load(self, partition: int, keys: set[bytes]) -> dict[bytes, Counts]:
        assert self.table is not None
        states = self._states[partition]
        missing = list(keys - states.keys())
        for key, raw in zip(missing, self.table.get_many(partition, missing), strict=True):
            states[key] = Counts() if raw is None else decode(raw)
        self._dirty[partition] |= keys
        return states

    def snapshot(self) -> Mapping[int, Sequence[Item]]:
        puts = {
            partition: [(key, encode(self._states[partition][key])) for key in keys]
            for partition, keys in self._dirty.items()
            if keys
        }
        self._dirty.clear()
        return puts

    def restore(self, partitions: set[int]) -> None:
        """States are read when they are needed."""

    def forget(self) -> None:
        self._states.clear()
        self._dirty.clear()


async def serve(brokers: str, namespace: str, folder: Path) -> None:
    """Run until SIGTERM; raises what crashed the app."""
    settings = Settings(brokers=brokers, namespace=namespace, state_dir=folder / "state")
    app = create_app(settings, NAME, brokers)
    stage = CountStage(app, settings)
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await app.start()
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    waiting = [asyncio.create_task(stopped.wait()), asyncio.create_task(app._crashed.wait())]
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
