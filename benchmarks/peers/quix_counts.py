"""The update of one user in Quix Streams: state in RocksDB with a changelog topic, a checkpoint a second.

Usage: python -m benchmarks.peers.quix_counts BROKERS NAMESPACE FOLDER
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.peers.user_counts import RECENT, Counts
from streams.topology import CLICK

GROUP = "quix"


def decode(value: bytes) -> Counts:
    """A state in the changelog."""
    return Counts(**msgspec.json.decode(value))


def count(click: Any, state: Any) -> None:
    """Update the user of a click."""
    user = state.get("user") or {"count": 0, "actions": {}, "recent": []}
    user["count"] += 1
    action = click["action"]
    user["actions"][action] = user["actions"].get(action, 0) + 1
    user["recent"].append(click["item_id"])
    if len(user["recent"]) > RECENT:
        del user["recent"][0]
    state.set("user", user)


def main(brokers: str, namespace: str, folder: Path) -> None:
    """Run until SIGTERM."""
    from quixstreams import Application

    app = Application(
        broker_address=brokers,
        consumer_group=f"{namespace}.{GROUP}",
        auto_offset_reset="earliest",
        commit_interval=1.0,
        state_dir=folder / "state",
        loglevel="ERROR",
    )
    clicks = app.topic(CLICK.name(namespace), key_deserializer="str", value_deserializer="json")
    app.dataframe(clicks).update(count, stateful=True)
    app.run()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
