"""A stage that only counts, run as a process of its own by ``test_batching.py``: the data path without a recommender.

Usage: python -m tests.integration.counter_worker BROKERS NAMESPACE STATE_DIR [WORKER_ID]
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterable, Mapping, Sequence
from pathlib import Path

import msgspec

from streams.broker.brokers import Brokers
from streams.engine import (
    BatchApp,
    BatchTable,
    Group,
    Observer,
    Outbox,
    RecordBatch,
    Row,
    StageEngine,
    States,
    create_app,
)
from streams.settings import Settings
from streams.topology import Stage


class Counts(msgspec.Struct, array_like=True):
    applied: int = -1
    count: int = 0


encode = msgspec.msgpack.Encoder().encode
decode = msgspec.msgpack.Decoder(Counts).decode


class Counter(States):
    """Counts the records of each key; each record is answered by one output that names its offset."""

    def __init__(self, app: BatchApp, settings: Settings) -> None:
        names = settings.namespace
        self.table = BatchTable(app, name="counts", changelog=f"{names}.state", partitions=2)
        app.tables.add(self.table)
        self.output = f"{names}.out"
        self.states: dict[tuple[int, bytes], Counts] = {}
        self.dirty: defaultdict[int, set[bytes]] = defaultdict(set)

    def count(self, batch: RecordBatch, outbox: Outbox) -> None:
        partition = batch.tp.partition
        missing = [key for key in {r.key for r in batch} if (partition, key) not in self.states]
        for key, raw in zip(missing, self.table.get_many(partition, missing), strict=True):
            self.states[partition, key] = Counts() if raw is None else decode(raw)
        for record in batch:
            state = self.states[partition, record.key]
            if record.offset <= state.applied:
                continue
            state.applied, state.count = record.offset, state.count + 1
            self.dirty[partition].add(record.key)
            outbox.add(self.output, partition, record.key, f"{partition}:{record.offset}".encode())

    def snapshot(self) -> Mapping[int, Sequence[Row]]:
        puts = {p: [(key, encode(self.states[p, key])) for key in sorted(keys)] for p, keys in self.dirty.items()}
        self.dirty.clear()
        return puts

    def restore(self, partitions: set[int]) -> None:
        print("restored", sorted(partitions), flush=True)

    def forget(self) -> None:
        self.states.clear()
        self.dirty.clear()


class Crash(Observer):
    """Kills the process at a step of a checkpoint, once there is something to lose."""

    def __init__(self, wanted: str | None, work: Counter) -> None:
        self.wanted, self.work = wanted, work

    def step(self, name: str) -> None:
        if name == self.wanted and self.work.states:
            os.kill(os.getpid(), signal.SIGKILL)


def counter(app: BatchApp, settings: Settings) -> StageEngine:
    work = Counter(app, settings)
    observer = Crash(os.environ.get("CRASH_POINT"), work)
    engine = StageEngine(
        app, "counter", [f"{settings.namespace}.in"], work, work.table,
        interval=settings.checkpoint_interval, observer=observer,
    )  # fmt: skip

    @app.agent(engine.groups)
    async def count(groups: AsyncIterable[Group]) -> None:
        async for group in groups:
            async with engine.turn(group) as turn:
                for batch in group:
                    work.count(batch, turn.outbox)

    return engine


async def run(brokers: str, namespace: str, state_dir: str, worker_id: str | None) -> int:
    settings = Settings(
        brokers=brokers,
        namespace=namespace,
        state_dir=Path(state_dir),
        worker_id=worker_id,
        checkpoint_interval=0.3,
        session_timeout=6.0,
        fetch_records=200,
    )
    app = create_app(settings, Stage("counter", "counts", reads=()), Brokers(brokers))
    stage = counter(app, settings)
    stopped = asyncio.Event()
    await asyncio.sleep(float(os.environ.get("LOADS_FOR", "0")))  # as a worker loads its item index
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    starting = asyncio.create_task(app.start())
    crashed = asyncio.create_task(app.wait_for_crash())
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait([crashed, waiting], return_when=asyncio.FIRST_COMPLETED)
    if stage.crashed or app.crash_reason:
        print("crashed", stage.crashed or app.crash_reason, flush=True)
        os._exit(3)
    await stage.close(5.0)
    await app.stop()
    starting.cancel()
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, stream=sys.stderr)
    sys.exit(asyncio.run(run(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else None)))
