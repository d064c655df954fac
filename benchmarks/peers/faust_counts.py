"""The update of one user as a plain Faust program: one event at a time, one table write per event.

It is written as in Faust's documentation: a ``Record``, a ``Table``, Faust's JSON and the standard event loop.
``tuned`` is as fast as possible without another way to move records: dictionaries, JSON by msgspec, uvloop.

Usage: python -m benchmarks.peers.faust_counts BROKERS NAMESPACE FOLDER plain|tuned
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

import faust
import msgspec
import uvloop

from benchmarks.json_values import use_fast_json
from benchmarks.peers.user_counts import RECENT, Counts
from benchmarks.plain_faust import create_changelogs, make_app, serve
from headwater.cli.terminal import load_settings
from streams.topology import CLICK


class Click(faust.Record, serializer="json"):  # type: ignore[misc]
    """A click as it travels."""

    event_id: str
    user_id: str
    occurred_at: str
    item_id: str
    action: str
    position: int
    session_id: str
    locale: str


def decode(value: bytes) -> Counts:
    """A state in the changelog."""
    return Counts(**msgspec.json.decode(value))


def updated(user: dict[str, Any] | None, action: str, item_id: str) -> dict[str, Any]:
    """The user with one more click."""
    user = user or {"count": 0, "actions": {}, "recent": []}
    user["count"] += 1
    user["actions"][action] = user["actions"].get(action, 0) + 1
    user["recent"] = [*user["recent"], item_id][-RECENT:]
    return user


def add_agent(app: Any, namespace: str) -> None:
    """The program."""
    topic = app.topic(CLICK.name(namespace), key_type=str, value_type=Click)
    users = app.Table("users", partitions=load_settings().user_partitions)

    @app.agent(topic)  # type: ignore[untyped-decorator]
    async def count(clicks: Any) -> None:
        async for click in clicks:
            users[click.user_id] = updated(users.get(click.user_id), click.action, click.item_id)


def add_tuned_agent(app: Any, namespace: str) -> None:
    """The program, tuned."""
    topic = app.topic(CLICK.name(namespace), key_type=str, value_serializer="json")
    users = app.Table("users", partitions=load_settings().user_partitions)

    @app.agent(topic)  # type: ignore[untyped-decorator]
    async def count(clicks: Any) -> None:
        async for user_id, click in clicks.items():
            users[user_id] = updated(users.get(user_id), click["action"], click["item_id"])


def main(brokers: str, namespace: str, folder: Path, form: str) -> None:
    """Run until SIGTERM."""
    create_changelogs(brokers, namespace, {"users": load_settings().user_partitions})
    app = make_app(brokers, namespace, folder)
    if form == "tuned":
        use_fast_json()
        uvloop.install()
        add_tuned_agent(app, namespace)
    else:
        add_agent(app, namespace)
    asyncio.run(serve(app))


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), sys.argv[4])
