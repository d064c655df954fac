"""MovieLens-100k as a replay file: real people, real films, real order.

Each film is a catalogue line ("Toy Story (1995)", genres in lower case). Each rating is one event: 4 and 5 count as a
purchase, 1 to 3 as a click with action ``rate`` and the rating as its value. Events are in time order; ratings of the
same second stay in the data set's order. The set has no searches.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headwater.importers.fetch import ML_100K, Progress, fetch_ml_100k
from headwater.importers.replay_file import ReplayLine, write_replay_file
from streams.topology import CATALOG_ITEMS, CLICK, PURCHASE

PURCHASE_FROM = 4
_UNKNOWN = ("unknown", "unkonwn")  # as the data set writes it


def write_replay(cache_dir: Path, path: Path | None = None, progress: Progress = lambda line: None) -> Path:
    """The gzipped replay file, by default ``ml-100k.jsonl.gz`` in the cache; made once, the same bytes every time.

    Fetches the data set when the cache lacks it; raises :class:`~streams.errors.FetchError`.
    """
    target = path if path is not None else cache_dir / f"{ML_100K}.jsonl.gz"
    if target.exists():
        return target
    return write_replay_file(convert(fetch_ml_100k(cache_dir, progress)), target)


def convert(folder: Path) -> Iterator[ReplayLine]:
    """Lines of a replay file from the data set's folder: the catalogue (1,682), then events (100,000) in time order."""
    for row in _rows(folder / "ml-100k.item"):
        yield _catalog_line(row)
    ratings = sorted(_rows(folder / "ml-100k.inter"), key=lambda row: int(row["timestamp"]))
    for row in ratings:
        yield _event_line(row)


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a RecBole table: tab-separated, header fields written ``name:type``."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.reader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        names = [field.split(":")[0] for field in next(reader)]
        for row in reader:
            yield dict(zip(names, row, strict=True))


def _catalog_line(row: dict[str, str]) -> ReplayLine:
    title, year = row["movie_title"], row["release_year"]
    value = {
        "item_id": row["item_id"],
        "title": f"{title} ({year})" if year.isdigit() else title,
        "categories": [genre.lower() for genre in row["class"].split() if genre.lower() not in _UNKNOWN],
        "locale": "en",
    }
    return {"topic": CATALOG_ITEMS.suffix, "value": value}


def _event_line(row: dict[str, str]) -> ReplayLine:
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
