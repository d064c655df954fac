"""A filled shop of any size, made without learning it event by event, for the benchmarks of scale and memory.

Users have full context (30 distinct items) and learned factors. Items have full rows of neighbours and successors;
who is in them follows Zipf's law. A stream would lead to the same shop, but at a million items that takes a hundred
million events.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.events import GENRES, ITEM_SKEW, USER_SKEW, item_id
from operators import ItemIndex, Parameters, UserState
from schemas.records import CatalogItem, Click
from streams.broker.partitioning import partition_of

ITEM_PARTITIONS = 4
HISTORY = 30
NOW_MS = 1_790_000_000_000
_SPACING_MS = 600_000
_WORDS = 2_000


def zipf(rng: np.random.Generator, count: int, most: int, skew: float) -> NDArray[np.int32]:
    """``count`` draws from 0..most-1, number r about as often as (r + 1) ** -skew, for a skew below 1."""
    ranks = most * rng.random(count) ** (1.0 / (1.0 - skew))
    return np.minimum(ranks.astype(np.int32), most - 1)


def title(item: int) -> str:
    """Four words: two of a vocabulary of 2,000, the number, the year."""
    return f"Tale{item * 7919 % _WORDS} of Place{item * 104_729 % _WORDS} {item:07d} ({1950 + item % 70})"


def index_of(items: int, seed: int = 7) -> ItemIndex:
    """An index of ``items`` catalogued items with learned rows."""
    parameters = Parameters()
    index = ItemIndex(parameters, lambda key: partition_of(key, ITEM_PARTITIONS))
    for item in range(items):
        index.set_catalog(CatalogItem(item_id(item), title(item), categories=(GENRES[item % len(GENRES)],)))
    rng = np.random.default_rng(seed)
    ranked = rng.permutation(items).astype(np.int32)  # popular items are anywhere in memory
    rows = (
        (index.neighbour_items, index.neighbour_weights, index.neighbour_total, index.neighbour_at),
        (index.successor_items, index.successor_weights, index.successor_total, index.successor_at),
    )
    for number, (others, weights, totals, at) in enumerate(rows):
        _fill_rows(others[:items], weights[:items], totals[:items], ranked, ITEM_SKEW, seed + number)
        at[:items] = NOW_MS
    index.interactions[ranked] = np.maximum(1.0, 10_000.0 * np.arange(1, items + 1) ** -ITEM_SKEW)
    index.popularity[:items] = index.interactions[:items]
    index.popularity_at[:items] = NOW_MS
    index.learned[:items] = True
    index.version += items
    return index


def users_of(index: ItemIndex, users: int, seed: int = 7) -> list[UserState]:
    """``users`` states with ``HISTORY`` distinct items each."""
    rng = np.random.default_rng(seed)
    ranked = rng.permutation(index.size).astype(np.int32)
    made = []
    for first in range(0, users, 10_000):
        count = min(10_000, users - first)
        popular = ranked[zipf(rng, count * 2 * HISTORY, index.size, ITEM_SKEW)].reshape(count, -1)
        anything = rng.integers(
            0, index.size, (count, HISTORY), dtype=np.int32
        )  # where there are repetitions among them
        drawn = np.concatenate((popular, anything), axis=1)
        factors = rng.normal(0.0, 0.2, (count, index.parameters.factors)).astype(np.float32)
        made.extend(_user(first + n, drawn[n], factors[n], index.parameters) for n in range(count))
    return made


def _user(number: int, drawn: NDArray[np.int32], factors: NDArray[np.float32], parameters: Parameters) -> UserState:
    state = UserState.fresh(f"user-{number:07d}", parameters)
    items = list(dict.fromkeys(drawn.tolist()))[:HISTORY]
    state.factors[:] = factors
    state.recent_items = array("i", items)
    state.recent_times = array("q", range(NOW_MS, NOW_MS - len(items) * _SPACING_MS, -_SPACING_MS))
    state.recent_actions = array("B", bytes(len(items)))
    state.consumed = dict.fromkeys(reversed(items), 1)
    state.clicks = state.learned = len(items)
    return state


def clicks(users: Sequence[UserState], items: int, count: int, seed: int) -> Iterator[tuple[UserState, Click, int]]:
    """Events of Zipf's users on Zipf's items, with their times."""
    rng = np.random.default_rng(seed)
    order, ranked = rng.permutation(len(users)), rng.permutation(items)
    whose = order[zipf(rng, count, len(users), USER_SKEW)].tolist()
    what = ranked[zipf(rng, count, items, ITEM_SKEW)].tolist()
    for number, (user, item) in enumerate(zip(whose, what, strict=True)):
        time_ms = NOW_MS + number
        yield users[user], Click(f"{seed}-{number}", users[user].user_id, item_id(item), time_ms), time_ms


@njit(nogil=True)
def _fill_rows(others, weights, totals, ranked, skew, seed):  # type: ignore[no-untyped-def]
    """Distinct others in each row, drawn by Zipf's law, with falling weights."""
    np.random.seed(seed)
    rows, width = others.shape
    mark = np.full(rows, -1, np.int32)
    for row in range(rows):
        mark[row] = row
        for column in range(width):
            while True:
                drawn = ranked[min(int(rows * np.random.random() ** (1.0 / (1.0 - skew))), rows - 1)]
                if mark[drawn] != row:
                    break
                if np.random.random() < 0.5:
                    drawn = np.random.randint(rows)
                    if mark[drawn] != row:
                        break
            mark[drawn] = row
            others[row, column] = drawn
            weights[row, column] = 5.0 / (1.0 + column)
            totals[row] += weights[row, column]
