"""MovieLens-100k as a replay file: real people, real films, real order.

Each film is a catalogue line ("Toy Story (1995)", genres in lower case). Each rating is one event: 4 and 5 count as a
purchase, 1 to 3 as a click with action ``rate`` and the rating as its value. Events are in time order; ratings of the
same second stay in the data set's order. The set has no searches; :func:`with_searches` derives some for the demo.
"""

from __future__ import annotations

import csv
import gzip
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from headwater.importers.fetch import ML_100K, Progress, fetch_ml_100k
from streams.topology import CATALOG_ITEMS, CLICK, PURCHASE, SEARCH

PURCHASE_FROM = 4
SEARCH_EVERY = 20
_UNKNOWN = ("unknown", "unkonwn")  # as the data set writes it

Line = dict[str, Any]


def write_replay(cache_dir: Path, path: Path | None = None, progress: Progress = lambda line: None) -> Path:
    """The gzipped replay file, by default ``ml-100k.jsonl.gz`` in the cache; made once, the same bytes every time.

    Fetches the data set when the cache lacks it; raises :class:`~streams.errors.FetchError`.
    """
    target = path if path is not None else cache_dir / f"{ML_100K}.jsonl.gz"
    if target.exists():
        return target
    folder = fetch_ml_100k(cache_dir, progress)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f"{target.name}.{os.getpid()}.partial")
    with partial.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as file:
        for line in replay_lines(folder):
            file.write(json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
    partial.replace(target)
    return target


def replay_lines(folder: Path) -> Iterator[Line]:
    """Catalogue lines (1,682), then events (100,000) in time order."""
    for row in _rows(folder / "ml-100k.item"):
        yield _catalog_line(row)
    ratings = sorted(_rows(folder / "ml-100k.inter"), key=lambda row: int(row["timestamp"]))
    for row in ratings:
        yield _event_line(row)


def with_searches(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines with a search for the film's first genre before every 20th rating.

    These searches are derived, nobody typed them: whoever shows figures made with them must say so.
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


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a RecBole table: tab-separated, header fields written ``name:type``."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = [field.split(":")[0] for field in next(reader)]
        for row in reader:
            yield dict(zip(names, row, strict=True))


def _catalog_line(row: dict[str, str]) -> Line:
    title, year = row["movie_title"], row["release_year"]
    value = {
        "item_id": row["item_id"],
        "title": f"{title} ({year})" if year.isdigit() else title,
        "categories": [genre.lower() for genre in row["class"].split() if genre.lower() not in _UNKNOWN],
        "locale": "en",
    }
    return {"topic": CATALOG_ITEMS.suffix, "value": value}


def _event_line(row: dict[str, str]) -> Line:
    rating = int(row["rating"])
    value: dict[str, Any] = {
        "event_id": f"{ML_100K}-{row['user_id']}-{row['item_id']}",
        "user_id": row["user_id"],
        "item_id": row["item_id"],
        "occurred_at": int(row["timestamp"]) * 1000,
    }
    if rating >= PURCHASE_FROM:
        return {"topic": PURCHASE.suffix, "value": value}
    return {"topic": CLICK.suffix, "value": value | {"action": "rate", "value": rating}}
