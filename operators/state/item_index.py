"""The item index: what is known of every item, as dense arrays that kernels read and write."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.kernels.counter_rng import fill_gaussian
from operators.kernels.stable_hash import stable_hash
from operators.state.encoded_ids import ItemNames
from operators.state.item_columns import (
    CATEGORIES,
    COLUMNS,
    NEVER,
    ItemArrays,
    ItemColumns,
    all_columns,
    ranked_columns,
)
from operators.state.parameters import Parameters
from operators.text.index import TextIndex
from operators.text.search_index import SearchIndex
from schemas.placeholders import usable_title
from schemas.vector_sizes import VectorSizes

if TYPE_CHECKING:
    from schemas.records import CatalogItem

_INITIAL_CAPACITY = 256
MAX_ABSENT = 50_000
"""Ids that are remembered as deleted though nothing is known of them, about 150 bytes each; the oldest go first."""
_RESET = [(number, column.empty) for number, column in enumerate(COLUMNS) if not column.of_id]
_strings = msgspec.msgpack.Decoder(list[str])


class ItemIndex(ItemColumns):
    """Rows of items by dense number: a number is given at first sight and is private to this process.

    The arrays (`ItemColumns`) have `capacity` rows, of which the first `size` are in use. **They are replaced when they
    grow**: read them from the index at each use, after the last `intern` that could add an item.

    - `rows`: all arrays as one argument of kernels; `arrays()`: those for ranking
    - `ids`, `names`, `lookup`: ids by number, the same encoded, and numbers by id
    - `catalog`: records by number, None where there is none; `text`: how alike their titles and categories are;
      `search`: what can be found by them
    - `absent`: ids of which nothing is known but that they were deleted, with the time of that; they have no row
    - `vector_sizes`: components of the vectors of the catalogue, by their name
    - `generation`: counts how often the arrays were replaced
    - `version`: counts changes, so that whoever caches something derived knows how old it is: interactions that
      were learned, and rows that came from the catalogue or another process; `resets`: those that went

    >>> index = ItemIndex(Parameters())
    >>> index.intern("film"), index.intern("book"), index.intern("film")
    (0, 1, 0)
    >>> index.factors.shape, index.size, bool(index.deleted[1])
    ((256, 32), 2, False)
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
        self.search = SearchIndex()
        self.absent: dict[str, int] = {}
        self.vector_sizes = VectorSizes()
        self.generation = 0
        self.version = 0
        self.resets = 0
        self._category_numbers: dict[str, int] = {}
        self._category_sizes: list[int] = []
        for column in COLUMNS:
            setattr(self, column.name, column.rows(_INITIAL_CAPACITY, parameters))
        self.rows = all_columns(self)

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
        return ranked_columns(self)

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

    def withdraw(self, item_id: str) -> int:
        """Make the item unavailable until its next catalogue record; what is known of it stays.

        One of which nothing is known is marked as deleted instead.
        """
        row = self.intern(item_id)
        if self.is_blank(row):
            self.set_record(row, None, deleted=True)
        elif not self.deleted[row]:
            self.withdrawn[row] = True
            self.set_available(row)
            self.version += 1
        return row

    def expect_deleted(self, item_id: str, time_ms: int) -> None:
        """Remember that an item of which nothing is known was deleted: should it turn up, it is."""
        row = self.lookup.get(item_id)
        if row is None:
            self.absent.pop(item_id, None)  # it goes to the end
            self.absent[item_id] = time_ms
            if len(self.absent) > MAX_ABSENT:
                del self.absent[next(iter(self.absent))]
        elif self.is_blank(row):
            self.set_record(row, None, deleted=True)
            self.deleted_at[row] = time_ms

    def set_available(self, item: int) -> None:
        """Put together from record and flags whether the item may be recommended."""
        record = self.catalog[item]
        self.available[item] = not (self.deleted[item] or self.withdrawn[item]) and (record is None or record.available)

    def set_record(self, item: int, record: CatalogItem | None, *, deleted: bool) -> None:
        """Put the catalogue side of a row into the given state: a record, deleted, or neither."""
        if record is self.catalog[item] and deleted == self.deleted[item]:
            return
        former, self.catalog[item] = self.catalog[item], record
        self.deleted[item] = deleted
        self.deleted_at[item] = 0
        self.cataloged[item] = record is not None
        self.version += 1
        self.withdrawn[item] = False
        self.set_available(item)
        self.expires_at[item] = NEVER if record is None or record.expires_at is None else record.expires_at
        self.titled[item] = record is not None and usable_title(record.title) is not None
        for number in self.category_ids[item]:
            if number >= 0:
                self._category_sizes[number] -= 1
        self.category_ids[item] = -1
        if record is None:
            self.text.remove(item)
            self.search.remove(item)
        else:
            numbers = self._category_numbers
            known = [numbers.setdefault(name, len(numbers)) for name in dict.fromkeys(record.categories[:CATEGORIES])]
            self.category_ids[item, : len(known)] = known
            self._category_sizes.extend([0] * (len(numbers) - len(self._category_sizes)))
            for number in known:
                self._category_sizes[number] += 1
            words = record.title, record.categories, record.locale
            if former is None or words != (former.title, former.categories, former.locale):
                title = record.title if self.titled[item] else ""
                self.text.add(item, " ".join((title, *record.categories)))
                self.search.add(item, title, *words[1:])
            if record.vectors:
                self.vector_sizes.note(record)

    def category_number(self, name: str) -> int:
        """Number of a category, -1 where no item has had it.

        >>> ItemIndex(Parameters()).category_number("tea")
        -1
        """
        return self._category_numbers.get(name, -1)

    def category_numbers(self, name: str) -> list[int]:
        """Numbers of the categories with this name in any case."""
        folded = name.casefold()
        return [number for known, number in self._category_numbers.items() if known.casefold() == folded]

    def category_sizes(self) -> NDArray[np.int64]:
        """i64[c]: how many items of the catalogue are in each category, by number."""
        return np.array(self._category_sizes, np.int64)

    def is_blank(self, item: int) -> bool:
        """Whether nothing is known of the item: its row is as `intern` and `reset` give it."""
        return not (self.learned[item] or self.cataloged[item] or self.deleted[item])

    def reset(self, item: int) -> None:
        """Put the row back to what `intern` gives for an unknown item (its number and partition stay)."""
        self.set_record(item, None, deleted=False)
        for number, empty in _RESET:
            self.rows[number][item] = empty
        self.reset_factors(item)
        self.version += 1
        self.resets += 1

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
        deleted_at = self.absent.pop(item_id, None)
        if deleted_at is not None:
            self.set_record(item, None, deleted=True)
            self.deleted_at[item] = deleted_at
        return item

    def reset_factors(self, item: int) -> None:
        """Give the row the factors of an item that nobody has touched."""
        scale = self.parameters.initial_scale / self.parameters.factors**0.5
        fill_gaussian(self.id_hash[item], scale, self.factors[item])

    def _grow(self) -> None:
        self.generation += 1
        del self.rows  # or no old array would go before all new ones are there
        for column in COLUMNS:
            array = getattr(self, column.name)
            grown = column.rows(2 * len(array), self.parameters)
            grown[: len(array)] = array
            setattr(self, column.name, grown)
        self.rows = all_columns(self)
