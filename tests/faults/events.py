"""Real events mixed with made-up ones of the kinds that the data sets lack."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

Line = dict[str, Any]
SEARCH_EVERY, IMPRESSION_EVERY, HIDE_EVERY = 20, 25, 50
CATALOG = "catalog.items.v1"


class Mixed(NamedTuple):
    """Replay lines: the catalogue, and events in their order."""

    catalog: list[Line]
    events: list[Line]


def mixed(lines: Iterable[Line], count: int) -> Mixed:
    """The first ``count`` events, with a search before every 20th real one, an impression behind every 25th and a
    hidden
    item behind every 50th. Every event has an id of its own."""
    catalog: list[Line] = []
    events: list[Line] = []
    last: list[str] = []
    real = 0
    for line in lines:
        value = line["value"]
        if line["topic"] == CATALOG:
            catalog.append(line)
            continue
        real += 1
        last = [value["item_id"], *last[:4]]
        if real % SEARCH_EVERY == 0:
            events.append(_made("search", real, value, query=f"something like {value['item_id']}"))
        events.append(line)
        if real % IMPRESSION_EVERY == 0:
            events.append(_made("impression", real, value, item_ids=list(dict.fromkeys(last))))
        if real % HIDE_EVERY == 0:
            events.append(_made("click", real, value, item_id=last[-1], action="hide"))
    assert len(events) >= count, f"only {len(events)} events"
    return Mixed(catalog, events[:count])


def _made(kind: str, number: int, like: dict[str, Any], **fields: Any) -> Line:
    value = {"event_id": f"made-{kind}-{number}", "user_id": like["user_id"], "occurred_at": like["occurred_at"]}
    return {"topic": f"events.{kind}.v1", "value": value | fields}


def many_users(lines: Mixed, count: int) -> list[Line]:
    """One click each, of users who do nothing else."""
    like = next(line for line in lines.events if line["topic"] == "events.click.v1")
    return [like | {"value": like["value"] | {"event_id": f"many-{n}", "user_id": f"many-{n}"}} for n in range(count)]
