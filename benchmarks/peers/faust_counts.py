"""The per-user update as a plain Faust program: one event at a time, one table write an event.

In its favour: dictionaries in place of Faust's records, JSON by msgspec, uvloop, no web server, commits once a second.

Usage: python -m benchmarks.peers.faust_counts BROKERS NAMESPACE FOLDER
"""

from __future__ import annotations

import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

import msgspec
import uvloop

from benchmarks.json_values import use_fast_json
from benchmarks.peers.user_counts import RECENT, Counts
from benchmarks.plain_faust import make_app, serve
from streams.cli.console import load_settings
from streams.topics import CLICK


def decode(value: bytes) -> Counts:
    """A state in the changelog."""
    return Counts(**msgspec.json.decode(value))


def add_agent(app: Any, namespace: str) -> None:
    """The program."""
    topic = app.topic(CLICK.name(namespace), key_type=str, value_serializer="json")
    users = app.Table("users", partitions=load_settings().user_partitions)

    @app.agent(topic)  # type: ignore[untyped-decorator]
    async def count(stream: Any) -> None:
        async for user_id, click in stream.items():
            user = users.get(user_id) or {"count": 0, "actions": {}, "recent": []}
            user["count"] += 1
            action = click["action"]
            user["actions"][action] = user["actions"].get(action, 0) + 1
            user["recent"] = [*user["recent"], click["item_id"]][-RECENT:]
            users[user_id] = user


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    use_fast_json()
    plain = make_app(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
    add_agent(plain, sys.argv[2])
    uvloop.install()
    asyncio.run(serve(plain))
