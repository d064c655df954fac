"""The same learning as a plain Faust program, written as Faust's documentation writes programs.

``async for event in stream``, one event at a time; a ``Table`` of users (dictionaries as JSON, RocksDB, changelog)
that is read and written for every event. What the items have to learn goes through a topic keyed by item to a second
agent with a table of items.

Where there is a choice, it favours this program, so that its figure is an upper bound of plain Faust's:

* Every event makes one message to the items, keyed by its item, which one agent applies as a whole. The item table
  gets one write per event, though an event changes the rows of some twenty items (``--rows all`` writes each of
  them, which is what it would take to lose nothing).
* Item rows are read from the process's memory, never from the table (this works for a single process only).
* JSON by msgspec, uvloop, no web server, commits once a second; records are decoded by the same ``schemas.parse``.

Usage: python -m benchmarks.plain_faust BROKERS NAMESPACE FOLDER [--rows all]
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faust
import uvloop
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from benchmarks.json_values import item_value, use_fast_json, user_state, user_value
from headwater.cli.terminal import load_settings
from operators import ItemIndex, Parameters, Recommender, UserState
from operators.learning.item_updates import unpack
from schemas.parse import parse
from schemas.rejection import Rejection
from streams.broker.update_messages import source_number
from streams.settings import Settings
from streams.topology import EVENTS, ITEM_UPDATES

GROUP = "plain"


def make_app(brokers: str, namespace: str, folder: Path) -> Any:
    """An app without agents."""
    return faust.App(
        f"{namespace}.{GROUP}",
        broker=f"kafka://{brokers}",
        store="rocksdb://",
        datadir=str(folder / "state"),
        autodiscover=False,
        web_enabled=False,
        topic_disable_leader=True,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        logging_config=None,
    )


def add_agents(app: Any, namespace: str, settings: Settings, *, all_rows: bool) -> None:
    """The program: users learn and tell items, items learn."""
    parameters = Parameters()
    index = ItemIndex(parameters)
    recommender = Recommender(parameters, index, seed=7)
    topics = {topic.name(namespace): (kind, topic.source_number) for kind, topic in EVENTS.items()}
    events = app.topic(*topics, key_type=str, value_serializer="raw")
    updates = app.topic(ITEM_UPDATES.name(namespace), key_type=str, value_serializer="raw")
    users = app.Table("users", partitions=settings.user_partitions)
    items = app.Table("items", partitions=settings.item_partitions)

    @app.agent(events)  # type: ignore[untyped-decorator]
    async def learn(stream: Any) -> None:
        async for received in stream.events():
            message = received.message
            kind, number = topics[message.topic]
            event: Any = parse(kind, received.value, now_ms=time.time_ns() // 1_000_000)
            if isinstance(event, Rejection):
                raise ValueError(f"{message.topic} offset {message.offset}: {event}")
            user_id = event.user_id
            value = users.get(user_id)
            if value is None:
                state = UserState.fresh(user_id, parameters)
            else:
                state = user_state(user_id, value, index, parameters)
            source = source_number(0, number, message.partition)
            recommender.observe(state, event, event.occurred_at, source, message.offset)
            learned = recommender.flush()
            users[user_id] = user_value(state, index)
            if learned is not None:
                await updates.send(key=event.item_id, value=learned.split(index, 1)[0])

    @app.agent(updates)  # type: ignore[untyped-decorator]
    async def learn_items(stream: Any) -> None:
        async for item_id, payload in stream.items():
            touched = recommender.apply(unpack(payload, index))
            rows = touched.tolist() if all_rows else [index.intern(item_id)]
            for row in rows:
                items[index.ids[row]] = item_value(index, row)


def create_changelogs(brokers: str, namespace: str, tables: Mapping[str, int]) -> None:
    """Changelog topics by partitions, made before Faust starts: it may read one that it just made as having none."""
    config = {"cleanup.policy": "compact"}
    names = {f"{namespace}.{GROUP}-{table}-changelog": partitions for table, partitions in tables.items()}
    admin = AdminClient({"bootstrap.servers": brokers})
    made = admin.create_topics([NewTopic(name, count, 1, config=config) for name, count in names.items()])
    for future in made.values():
        future.result(30.0)
    while not names.keys() <= admin.list_topics(timeout=10.0).topics.keys():
        time.sleep(0.1)


async def serve(app: Any) -> None:
    """Run until SIGTERM; raises what crashed the app."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await app.start()
    waiting = [asyncio.create_task(stopped.wait()), asyncio.create_task(app._crashed.wait())]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    if app.crash_reason is not None:
        raise app.crash_reason
    await app.stop()


def main() -> None:
    """Command line of the peer."""
    parser = argparse.ArgumentParser()
    parser.add_argument("brokers")
    parser.add_argument("namespace")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", choices=("target", "all"), default="target")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    use_fast_json()
    settings = load_settings()
    partitions = {"users": settings.user_partitions, "items": settings.item_partitions}
    create_changelogs(arguments.brokers, arguments.namespace, partitions)
    app = make_app(arguments.brokers, arguments.namespace, arguments.folder)
    add_agents(app, arguments.namespace, settings, all_rows=arguments.rows == "all")
    uvloop.install()
    asyncio.run(serve(app))


if __name__ == "__main__":
    main()
