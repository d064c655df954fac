"""Input of the benchmarks: a seeded stream shaped like a film shop's, or a real log in the replay format.

The synthetic stream: users and items by Zipf's law, each item in one of 20 genres, 70 % of a user's items from the
user's two genres, the rest from all; 80 % clicks, 10 % searches for a genre, 10 % purchases. Values are JSON of about
200 bytes, with times in RFC 3339.

Event times and Kafka timestamps are equal and spread evenly over a span: for a program that catches up the days before
now (`past`), inside the retention of the topics.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from schemas.kinds import Kind

USERS, ITEMS = 20_000, 5_000
USER_SKEW, ITEM_SKEW = 0.7, 0.9
OLDEST_MS, NEWEST_MS = 5 * 86_400_000, 3_600_000
"""How long before now the first and the last event lie: within a week's retention, older than any answer."""
GENRES = (
    "action", "adventure", "animation", "biography", "comedy", "crime", "documentary", "drama", "family", "fantasy",
    "history", "horror", "music", "mystery", "noir", "romance", "space", "sport", "thriller", "western",
)  # fmt: skip
_CHUNK = 50_000
_KINDS = (Kind.CLICK, Kind.SEARCH, Kind.PURCHASE)
_SHARES = (0.8, 0.1, 0.1)


class Input(NamedTuple):
    """One record to be produced."""

    kind: Kind
    key: bytes
    value: bytes
    time_ms: int


@dataclass(frozen=True, slots=True)
class Stream:
    """A source of events, the same for the same seed or log."""

    name: str
    log: Path | None = None
    users: int = USERS
    items: int = ITEMS
    seed: int = 7

    def read(self, count: int, span: tuple[int, int]) -> Iterator[Input]:
        """The first ``count`` events, spread over ``span`` (epoch ms); a shorter log is repeated for other users."""
        times = np.linspace(*span, count).astype(np.int64)
        return self._replayed(self.log, times) if self.log is not None else self._synthetic(times)

    def catalog(self) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of each item's catalogue record; nothing for a log, which has none."""
        if self.log is None:
            for item in range(self.items):
                title = f"{GENRES[item % len(GENRES)].title()} Film {item:05d} ({1950 + item % 70})"
                record = {"item_id": item_id(item), "title": title, "categories": [GENRES[item % len(GENRES)]]}
                yield item_id(item).encode(), msgspec.json.encode(record)

    def _synthetic(self, times: NDArray[np.int64]) -> Iterator[Input]:
        rng = np.random.default_rng(self.seed)
        draw = _Draw(rng, self.users, self.items)
        for start in range(0, len(times), _CHUNK):
            yield from _inputs(draw, self.seed, start, times[start : start + _CHUNK])

    def _replayed(self, log: Path, times: NDArray[np.int64]) -> Iterator[Input]:
        lines = _read_log(log)
        for number, (time_ms, text) in enumerate(zip(times.tolist(), _rfc3339(times), strict=True)):
            turn, place = divmod(number, len(lines))
            kind, value = lines[place]
            user = f"{value['user_id']}-{turn}"
            value = value | {"event_id": f"e{number}", "user_id": user, "occurred_at": text}
            yield Input(kind, user.encode(), msgspec.json.encode(value), time_ms)


def past(now_ms: int) -> tuple[int, int]:
    """The span of old events."""
    return now_ms - OLDEST_MS, now_ms - NEWEST_MS


def item_id(item: int) -> str:
    """Id of the synthetic item with this number."""
    return f"film-{item:06d}"


def mean_history(stream: Stream, first: int, last: int, most: int = 30) -> float:
    """Mean of min(earlier item events of the user, ``most``) over events first..last: how much can be learned."""
    seen: dict[bytes, int] = {}
    total = counted = 0
    for number, event in enumerate(stream.read(last, (0, 0))):
        if event.kind is Kind.SEARCH:
            continue
        before = seen.get(event.key, 0)
        seen[event.key] = before + 1
        if number >= first:
            total, counted = total + min(before, most), counted + 1
    return total / max(1, counted)


class _Draw:
    """Seeded draws of users, items and kinds, a chunk at a time."""

    def __init__(self, rng: np.random.Generator, users: int, items: int) -> None:
        self._rng, self._users, self._items = rng, users, items
        self._user_steps = _cumulative(users, USER_SKEW)
        self._item_steps = _cumulative(items, ITEM_SKEW)
        self._genre_steps = _cumulative(items // len(GENRES), ITEM_SKEW)
        self._ranks = rng.permutation(items)
        self._favourites = rng.integers(0, len(GENRES), (users, 2))

    def chunk(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """users, items, genres searched for, places in ``_KINDS``: each i64[_CHUNK]."""
        rng, count = self._rng, _CHUNK
        users = np.searchsorted(self._user_steps, rng.random(count))
        genres = self._favourites[users, rng.integers(0, 2, count)]
        own = genres + len(GENRES) * np.searchsorted(self._genre_steps, rng.random(count))
        other = self._ranks[np.searchsorted(self._item_steps, rng.random(count))]
        items = np.where(rng.random(count) < 0.7, own, other)
        return users, items, genres, rng.choice(len(_KINDS), count, p=_SHARES)


def _cumulative(count: int, skew: float) -> NDArray[np.float64]:
    """Cumulative shares of Zipf's law; the last is 1."""
    steps: NDArray[np.float64] = np.cumsum(np.arange(1, count + 1, dtype=np.float64) ** -skew)
    steps /= steps[-1]
    return steps


def _inputs(draw: _Draw, seed: int, start: int, times: NDArray[np.int64]) -> Iterator[Input]:
    users, items, genres, kinds = (column.tolist() for column in draw.chunk())
    texts = _rfc3339(times)
    for at, time_ms in enumerate(times.tolist()):
        number, user = start + at, f"user-{users[at]:07d}"
        head = f'{{"event_id":"{number:08x}-{seed:04x}-4c5d-9a3b","user_id":"{user}","occurred_at":"{texts[at]}"'
        tail = f',"session_id":"{user}-{number >> 12:05d}","locale":"en-GB"}}'
        kind = _KINDS[kinds[at]]
        if kind is Kind.SEARCH:
            body = f',"query":"{GENRES[genres[at]]} films"'
        elif kind is Kind.PURCHASE:
            body = f',"item_id":"{item_id(items[at])}","quantity":1,"price":12.5,"currency":"EUR"'
        else:
            body = f',"item_id":"{item_id(items[at])}","action":"click","position":{number % 20}'
        yield Input(kind, user.encode(), (head + body + tail).encode(), time_ms)


def _rfc3339(times: NDArray[np.int64]) -> list[str]:
    texts: list[str] = np.datetime_as_string(times.astype("datetime64[ms]"), unit="ms", timezone="UTC").tolist()
    return texts


def _read_log(path: Path) -> list[tuple[Kind, dict[str, object]]]:
    """Event lines of a replay file; raises ``ValueError`` when there are none."""
    kinds = {kind.topic: kind for kind in Kind if kind is not Kind.CATALOG}
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    records = [msgspec.json.decode(line) for line in content.splitlines()]
    events: list[tuple[Kind, dict[str, object]]] = [
        (kinds[record["topic"]], record["value"]) for record in records if record["topic"] in kinds
    ]
    if not events:
        raise ValueError(f"{path} has no events")
    return events
