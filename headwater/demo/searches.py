"""Searches for the demo: the data set has none, so some are derived from its ratings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from headwater.importers.replay_file import ReplayLine
from streams.topology import CATALOG_ITEMS, SEARCH

SEARCH_EVERY = 20


def with_searches(lines: Iterable[ReplayLine]) -> Iterator[ReplayLine]:
    """The lines with a search for the film's first genre before every 20th rating.

    Nobody typed these searches: whoever shows figures made with them must say so.
    """
    genres: dict[str, str] = {}
    ratings = 0
    for line in lines:
        value = line["value"]
        if line["topic"] == CATALOG_ITEMS.suffix:
            genres[value["item_id"]] = next(iter(value["categories"]), "")
        else:
            ratings += 1
            query = genres.get(value["item_id"])
            if ratings % SEARCH_EVERY == 0 and query:
                search = {
                    "event_id": f"search-{value['event_id']}",
                    "user_id": value["user_id"],
                    "query": query,
                    "occurred_at": value["occurred_at"],
                }
                yield {"topic": SEARCH.suffix, "value": search}
        yield line
