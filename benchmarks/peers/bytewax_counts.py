"""The update of one user in Bytewax: Kafka source, ``stateful_map``, recovery store (SQLite), an epoch a second.

In its favour: JSON by msgspec, and states as they are (no copy per event). It is less durable than the others:
states and offsets are pickled into SQLite files on the local disk, an epoch at a time, and nowhere else.

Usage: python -m benchmarks.peers.bytewax_counts BROKERS NAMESPACE FOLDER
"""

from __future__ import annotations

import logging
import pickle
import sqlite3
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.feed import Offsets
from benchmarks.peers.user_counts import RECENT, Click, Counts, Users
from streams.topology import CLICK

RECOVERY, DATABASE = "recovery", "part-0.sqlite3"
_LAST = """
SELECT state_key, ser_change FROM snaps AS one WHERE step_id = ? AND ser_change IS NOT NULL AND snap_epoch =
(SELECT max(snap_epoch) FROM snaps WHERE step_id = one.step_id AND state_key = one.state_key)
"""
SOURCE, COUNT = "counts.clicks", "counts.count.stateful_flat_map.stateful.stateful_batch"

decode = msgspec.json.Decoder(Click).decode


def count(state: Counts | None, click: Click) -> tuple[Counts, None]:
    """Update the user of a click."""
    if state is None:
        state = Counts()
    state.count += 1
    state.actions[click.action] = state.actions.get(click.action, 0) + 1
    state.recent.append(click.item_id)
    if len(state.recent) > RECENT:
        del state.recent[0]
    return state, None


def durable(folder: Path) -> Offsets:
    """The offsets in its recovery store: Bytewax commits to no consumer group."""
    offsets: Offsets = {}
    for key, value in _snapshots(folder, SOURCE):
        partition, topic = key.split("-", 1)
        offsets[topic, int(partition)] = max(0, value)
    return offsets


def users(folder: Path) -> Users:
    """The states in its recovery store."""
    return dict(_snapshots(folder, COUNT))


def _snapshots(folder: Path, step: str) -> list[tuple[str, Any]]:
    path = folder / RECOVERY / DATABASE
    if not path.exists():
        return []
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10.0)) as database:
        if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'snaps'").fetchone() is None:
            return []  # it is just being made
        return [(key, pickle.loads(value)) for key, value in database.execute(_LAST, (step,))]


def main(brokers: str, namespace: str, folder: Path) -> None:
    """Run until SIGTERM."""
    import bytewax.operators as op
    from bytewax.connectors.kafka import KafkaSource
    from bytewax.dataflow import Dataflow
    from bytewax.outputs import DynamicSink, StatelessSinkPartition
    from bytewax.recovery import RecoveryConfig, init_db_dir
    from bytewax.run import cli_main

    class Nothing(StatelessSinkPartition):  # type: ignore[misc,type-arg]
        def write_batch(self, items: list[Any]) -> None:
            """Results are not wanted."""

    class NoSink(DynamicSink):  # type: ignore[misc,type-arg]
        def build(self, step_id: str, worker_index: int, worker_count: int) -> Nothing:
            return Nothing()

    flow = Dataflow("counts")
    records = op.input("clicks", flow, KafkaSource([brokers], [CLICK.name(namespace)], batch_size=5_000))
    clicks = op.map("decode", records, lambda record: (record.key.decode(), decode(record.value)))
    op.output("out", op.stateful_map("count", clicks, count), NoSink())
    store = folder / RECOVERY
    store.mkdir(parents=True, exist_ok=True)
    init_db_dir(store, 1)
    config = RecoveryConfig(str(store))
    cli_main(flow, epoch_interval=timedelta(seconds=1), recovery_config=config)


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
