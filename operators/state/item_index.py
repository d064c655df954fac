"""The item index: what is known of every item, as dense arrays that kernels read and write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.kernels.counter_rng import fill_gaussian
from operators.kernels.stable_hash import stable_hash
from operators.state.encoded_ids import ItemNames
from operators.state.parameters import Parameters
from operators.text.index import TextIndex

if TYPE_CHECKING:
    from schemas.records import CatalogItem

NEVER = 2**63 - 1
"""`expires_at` of an item that does not expire."""

CATEGORIES = 8
"""Categories of an item that reasons know; those behind are in its text only."""

_INITIAL_CAPACITY = 256
_strings = msgspec.msgpack.Decoder(list[str])
_Array = TypeVar("_Array", bound=NDArray[np.generic])


class ItemArrays(NamedTuple):
    """What ranking reads of the index; see `ItemIndex` for the arrays."""

    factors: NDArray[np.float32]
    neighbour_items: NDArray[np.int32]
    neighbour_weights: NDArray[np.float32]
    neighbour_total: NDArray[np.float32]
    neighbour_at: NDArray[np.int64]
    successor_items: NDArray[np.int32]
    successor_weights: NDArray[np.float32]
    successor_total: NDArray[np.float32]
    successor_at: NDArray[np.int64]
    interactions: NDArray[np.float32]
    available: NDArray[np.bool_]
    expires_at: NDArray[np.int64]
    deleted: NDArray[np.bool_]
    cataloged: NDArray[np.bool_]
    titled: NDArray[np.bool_]
    category_ids: NDArray[np.int32]


class ItemIndex:
    """Rows of items by dense number: a number is given at first sight and is private to this process.

    Arrays have `capacity` rows, of which the first `size` are in use. **They are replaced when they grow**: read
    them from the index at each use, after the last `intern` that could add an item. All times are epoch
    milliseconds. Masses and weights are decayed lazily: each is as of the row's own time (`*_at`), and
    `decay` carries it to another time.

    - `factors` f32[capacity, k]: small Gaussian vectors, a function of the id, until learned
    - `neighbour_items` i32[capacity, m] (-1 empty, entries contiguous from 0, unordered), `neighbour_weights` f32,
      `neighbour_total` f32[capacity] (of all pairs, also those that found no room), `neighbour_at` i64
    - `successor_items` i32[capacity, t], `successor_weights`, `successor_total`, `successor_at`: the same for
      "next item" counts
    - `popularity` f32 decayed mass at `popularity_at` i64; `interactions` f32 undecayed mass; `repeats` f32 mass of
      interactions by users who had consumed the item before
    - `applied` i64: last item-updates offset in the row (-1 none); `partition` i16; `learned` bool: the row
      contains at least one update; `id_hash` u64
    - `deleted_at` i64: when the item was deleted, where that is known
    - `catalog` list of records or None, `available` bool (also True for items that no catalogue row names),
      `expires_at` i64 (`NEVER`), `deleted` bool, `cataloged` bool (a catalogue record is there),
      `titled` bool (with a title that is not blank);
      `category_ids` i32[capacity, `CATEGORIES`]: numbers of its first categories, -1 behind; `text`: titles and categories
    - `generation`: counts how often the arrays were replaced
    - `version`: counts changes, so that whoever caches something derived knows how old it is: interactions that
      were learned, and rows that came from the catalogue or another process; `resets`: those that went
    """

    def __init__(self, parameters: Parameters, partition_of: Callable[[bytes], int] | None = None) -> None:
        """`partition_of`: item partition of a UTF-8 key (below 32768); None: one partition, number 0."""
        self.parameters = parameters
        self.partition_of = partition_of
        self.ids: list[str] = []
        self.names = ItemNames()
        self.lookup: dict[str, int] = {}
        self.catalog: list[CatalogItem | None] = []
        self.text = TextIndex()
        self.generation = 0
        self.version = 0
        self.resets = 0
        rows = _INITIAL_CAPACITY
        self.factors = np.zeros((rows, parameters.factors), np.float32)
        self.neighbour_items = np.full((rows, parameters.neighbours), -1, np.int32)
        self.neighbour_weights = np.zeros((rows, parameters.neighbours), np.float32)
        self.neighbour_total = np.zeros(rows, np.float32)
        self.neighbour_at = np.zeros(rows, np.int64)
        self.successor_items = np.full((rows, parameters.successors), -1, np.int32)
        self.successor_weights = np.zeros((rows, parameters.successors), np.float32)
        self.successor_total = np.zeros(rows, np.float32)
        self.successor_at = np.zeros(rows, np.int64)
        self.popularity = np.zeros(rows, np.float32)
        self.popularity_at = np.zeros(rows, np.int64)
        self.interactions = np.zeros(rows, np.float32)
        self.repeats = np.zeros(rows, np.float32)
        self.applied = np.full(rows, -1, np.int64)
        self.partition = np.zeros(rows, np.int16)
        self.learned = np.zeros(rows, np.bool_)
        self.id_hash = np.zeros(rows, np.uint64)
        self.available = np.ones(rows, np.bool_)
        self.expires_at = np.full(rows, NEVER, np.int64)
        self.deleted = np.zeros(rows, np.bool_)
        self.deleted_at = np.zeros(rows, np.int64)
        self.cataloged = np.zeros(rows, np.bool_)
        self.titled = np.zeros(rows, np.bool_)
        self.category_ids = np.full((rows, CATEGORIES), -1, np.int32)
        self._category_numbers: dict[str, int] = {}
        self.mark = np.zeros(rows, np.int32)  # scratch of the kernels, all 0 between calls

    @property
    def size(self) -> int:
        """Items known, in catalogue or not."""
        return len(self.ids)

    @property
    def capacity(self) -> int:
        """Rows of the arrays."""
        return len(self.applied)

    def arrays(self) -> ItemArrays:
        """What kernels of ranking read; to be asked again when `generation` has changed."""
        return ItemArrays(
            self.factors, self.neighbour_items, self.neighbour_weights, self.neighbour_total, self.neighbour_at,
            self.successor_items, self.successor_weights, self.successor_total, self.successor_at,
            self.interactions, self.available, self.expires_at, self.deleted, self.cataloged, self.titled,
            self.category_ids,
        )  # fmt: skip

    def intern(self, item_id: str) -> int:
        """The item's dense number; an unknown item gets the next one and an unlearned row."""
        item = self.lookup.get(item_id)
        return self._append(item_id) if item is None else item

    def intern_encoded(self, ids: msgspec.Raw) -> NDArray[np.int32]:
        """`intern` of each id of a MessagePack array of strings; without an object for each where all are known.

        Raises `msgspec.DecodeError` for anything else.
        """
        items = self.names.find(ids)
        return np.array([*map(self.intern, _strings.decode(ids))], np.int32) if items is None else items

    def set_catalog(self, item: CatalogItem) -> int:
        """Store a catalogue record in place of the former one; what was learned of the item stays."""
        row = self.intern(item.item_id)
        self.set_record(row, item, deleted=False)
        return row

    def delete(self, item_id: str) -> int:
        """Mark as deleted and forget the catalogue record; what was learned stays, for a later return."""
        row = self.intern(item_id)
        self.set_record(row, None, deleted=True)
        return row

    def set_record(self, item: int, record: CatalogItem | None, *, deleted: bool) -> None:
        """Put the catalogue side of a row into the given state: a record, deleted, or neither."""
        if record is self.catalog[item] and deleted == self.deleted[item]:
            return
        self.catalog[item] = record
        self.deleted[item] = deleted
        self.deleted_at[item] = 0
        self.cataloged[item] = record is not None
        self.version += 1
        self.available[item] = not deleted if record is None else record.available
        self.expires_at[item] = NEVER if record is None or record.expires_at is None else record.expires_at
        self.titled[item] = record is not None and bool(record.title.strip())
        self.category_ids[item] = -1
        if record is None:
            self.text.remove(item)
        else:
            numbers = self._category_numbers
            known = [numbers.setdefault(name, len(numbers)) for name in record.categories[:CATEGORIES]]
            self.category_ids[item, : len(known)] = known
            self.text.add(item, " ".join((record.title, *record.categories)))

    def is_blank(self, item: int) -> bool:
        """Whether nothing is known of the item: its row is as `intern` and `reset` give it."""
        return not (self.learned[item] or self.cataloged[item] or self.deleted[item])

    def reset(self, item: int) -> None:
        """Put the row back to what `intern` gives for an unknown item (its number and partition stay)."""
        self.neighbour_items[item] = -1
        self.successor_items[item] = -1
        for array in (
            self.neighbour_weights, self.neighbour_total, self.neighbour_at, self.successor_weights,
            self.successor_total, self.successor_at, self.popularity, self.popularity_at, self.interactions,
            self.repeats, self.learned,
        ):  # fmt: skip
            array[item] = 0
        self.applied[item] = -1
        self.version += 1
        self.resets += 1
        self.set_record(item, None, deleted=False)
        self.reset_factors(item)

    def _append(self, item_id: str) -> int:
        item = len(self.ids)
        if item == self.capacity:
            self._grow()
        self.ids.append(item_id)
        self.names.append(item_id)
        self.lookup[item_id] = item
        self.catalog.append(None)
        self.id_hash[item] = stable_hash(item_id)
        if self.partition_of is not None:
            self.partition[item] = self.partition_of(item_id.encode())
        self.reset_factors(item)
        return item

    def reset_factors(self, item: int) -> None:
        """Give the row the factors of an item that nobody has touched."""
        scale = self.parameters.initial_scale / self.parameters.factors**0.5
        fill_gaussian(self.id_hash[item], scale, self.factors[item])

    def _grow(self) -> None:
        self.generation += 1
        for name, empty in _EMPTY.items():
            setattr(self, name, _doubled(getattr(self, name), empty))


_EMPTY: dict[str, int] = {
    "factors": 0, "neighbour_items": -1, "neighbour_weights": 0, "neighbour_total": 0, "neighbour_at": 0,
    "successor_items": -1, "successor_weights": 0, "successor_total": 0, "successor_at": 0, "popularity": 0,
    "popularity_at": 0, "interactions": 0, "repeats": 0, "applied": -1, "partition": 0, "learned": 0, "id_hash": 0,
    "available": 1, "expires_at": NEVER, "deleted": 0, "deleted_at": 0, "cataloged": 0, "titled": 0, "category_ids": -1, "mark": 0,
}  # fmt: skip


def _doubled(array: _Array, empty: int) -> _Array:
    grown = np.full((2 * len(array), *array.shape[1:]), empty, array.dtype)
    grown[: len(array)] = array
    return grown  # type: ignore[return-value]
