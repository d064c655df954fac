"""The columns of item rows, each declared once.

From a declaration follow the array and its growth, what a reset puts back, the stored row (`item_codec`), the
structures that kernels get (`ItemRows`, `ItemArrays`) and the memory that an item takes.

>>> NUMBER["factors"], COLUMNS[0].width, COLUMNS[0].dtype
(0, 'factors', dtype('float32'))
>>> COLUMNS[0].rows(2, Parameters(factors=3)).tolist()
[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
"""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias, get_args, get_type_hints

import numpy as np
from numpy.typing import NDArray

from operators.state.parameters import Parameters

NEVER = 2**63 - 1
"""`expires_at` of an item that does not expire."""

CATEGORIES = 8
"""Categories of an item that reasons know; those behind are in its text only."""

Flags: TypeAlias = NDArray[np.bool_]
Floats: TypeAlias = NDArray[np.float32]
Numbers: TypeAlias = NDArray[np.int32]
Times: TypeAlias = NDArray[np.int64]
Counts: TypeAlias = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Column:
    """How a column is kept; the type of its numbers is that of its annotation."""

    width: int | str | None = None
    """Numbers in a row, or the field of `Parameters` that says how many; None: a single one."""
    empty: int = 0
    """What a row holds of which nothing is known."""
    place: int = -1
    """Place in the stored row, -1: not stored. A new column takes the next free place; rows that were stored before it
    are read as `empty`."""
    weights_of: str = ""
    """The column with the items that these are the weights of. It is stored with this one, by id, and has no place."""
    beside: str = ""
    """The column of weights beside which this one says more of the same items; stored in the same order."""
    ranked: bool = False
    """Whether kernels of ranking get it; those of learning get all columns."""
    of_id: bool = False
    """Whether it says something about the id, which a reset leaves as it is."""
    name: str = ""
    dtype: np.dtype[Any] | None = None

    def shape(self, parameters: Parameters) -> tuple[int, ...]:
        """Of one row."""
        if self.width is None:
            return ()
        return (self.width if isinstance(self.width, int) else int(getattr(parameters, self.width)),)

    def rows(self, count: int, parameters: Parameters) -> NDArray[Any]:
        """That many empty rows."""
        return np.full((count, *self.shape(parameters)), self.empty, self.dtype)


class ItemColumns:
    """One row an item. Times are epoch milliseconds.

    Masses and weights are decayed when they are read or written: each is as of the time in the `*_at` column beside it.
    """

    factors: Annotated[Floats, Column("factors", place=4, ranked=True)]
    """Vector of matrix factorisation: a function of the id (`ItemIndex.reset_factors`) until the row is learned."""
    neighbour_items: Annotated[Numbers, Column("neighbours", -1, ranked=True)]
    """Items consumed together with this one: without gaps from place 0 on, in no order, -1 behind them."""
    neighbour_weights: Annotated[Floats, Column("neighbours", place=6, weights_of="neighbour_items", ranked=True)]
    neighbour_people: Annotated[Counts, Column("neighbours", place=18, beside="neighbour_weights", ranked=True)]
    """Distinct users who had both, at least: counted since the item is in the row."""
    neighbour_total: Annotated[Floats, Column(place=7, ranked=True)]
    """Weight of all pairs, also of those that found no room in the row."""
    neighbour_at: Annotated[Times, Column(place=8, ranked=True)]
    successor_items: Annotated[Numbers, Column("successors", -1, ranked=True)]
    """Items consumed directly after this one, as `neighbour_items`."""
    successor_weights: Annotated[Floats, Column("successors", place=9, weights_of="successor_items", ranked=True)]
    successor_people: Annotated[Counts, Column("successors", place=19, beside="successor_weights", ranked=True)]
    """Distinct users who went on to it directly, at least."""
    successor_total: Annotated[Floats, Column(place=10, ranked=True)]
    successor_at: Annotated[Times, Column(place=11, ranked=True)]
    copurchase_items: Annotated[Numbers, Column("copurchases", -1, ranked=True)]
    """Items bought by those who bought this one, as `neighbour_items`."""
    copurchase_people: Annotated[Floats, Column("copurchases", place=20, weights_of="copurchase_items", ranked=True)]
    """Distinct users who bought both, at least."""
    popularity: Annotated[Floats, Column(place=12, ranked=True)]
    """Decayed mass of `interactions`."""
    popularity_at: Annotated[Times, Column(place=13, ranked=True)]
    interactions: Annotated[Floats, Column(place=14, ranked=True)]
    """Distinct users who took the item and did not rate it low."""
    repeats: Annotated[Floats, Column(place=15, ranked=True)]
    """Those of them who came back to it on another occasion."""
    buyers: Annotated[Floats, Column(place=21)]
    """Distinct users who bought it."""
    rebuyers: Annotated[Floats, Column(place=22, ranked=True)]
    """Those of them who bought it again on another occasion."""
    rebuy_log_ms: Annotated[Floats, Column(place=23)]
    """Sum of log2 of the milliseconds between their first two purchases."""
    applied: Annotated[Times, Column(empty=-1, place=3)]
    """Offset of the last item-updates message that is in the row."""
    learned: Annotated[Flags, Column(place=2)]
    """The row contains at least one update."""
    partition: Annotated[NDArray[np.int16], Column(of_id=True)]
    """Item partition of the id."""
    id_hash: Annotated[NDArray[np.uint64], Column(of_id=True)]
    """`stable_hash` of the id."""
    available: Annotated[Flags, Column(empty=1, ranked=True)]
    """May be recommended, as far as the catalogue says; also true where there is no record."""
    expires_at: Annotated[Times, Column(empty=NEVER, ranked=True)]
    deleted: Annotated[Flags, Column(place=1, ranked=True)]
    deleted_at: Annotated[Times, Column(place=16)]
    """When the item was deleted, where that is known."""
    withdrawn: Annotated[Flags, Column(place=17)]
    """The last catalogue row was refused: not available until a good one comes."""
    cataloged_at: Annotated[Times, Column(place=24, ranked=True)]
    """When the catalogue first had the item, 0 where that is not known."""
    cataloged: Annotated[Flags, Column(ranked=True)]
    """There is a catalogue record."""
    titled: Annotated[Flags, Column(ranked=True)]
    """There is one with a title that is not blank."""
    category_ids: Annotated[Numbers, Column(CATEGORIES, -1, ranked=True)]
    """Numbers of the first categories (numbered by `ItemIndex`), -1 behind."""
    mark: Annotated[Numbers, Column()]
    """Scratch of kernels, all 0 between calls."""


def _declared(kind: Any, name: str) -> Column:
    column: Column
    array, column = get_args(kind)  # of Annotated[NDArray[type], column]
    return replace(column, name=name, dtype=np.dtype(get_args(get_args(array)[1])[0]))


COLUMNS: tuple[Column, ...] = tuple(
    _declared(kind, name) for name, kind in get_type_hints(ItemColumns, include_extras=True).items()
)
NUMBER: dict[str, int] = {column.name: number for number, column in enumerate(COLUMNS)}
"""Of each column in `COLUMNS` and `ItemRows`."""
_ranked = [column.name for column in COLUMNS if column.ranked]
_all_of, _ranked_of = attrgetter(*NUMBER), attrgetter(*_ranked)

if TYPE_CHECKING:

    class ItemRows(ItemColumns, tuple[NDArray[Any], ...]):
        """All columns, as one argument for kernels of learning."""

    class ItemArrays(ItemColumns, tuple[NDArray[Any], ...]):
        """The columns for ranking, as one argument for its kernels."""

else:
    ItemRows = namedtuple("ItemRows", NUMBER)
    ItemArrays = namedtuple("ItemArrays", _ranked)


def all_columns(of: ItemColumns) -> ItemRows:
    """The arrays as one structure."""
    return ItemRows(*_all_of(of))


def ranked_columns(of: ItemColumns) -> ItemArrays:
    """The arrays for ranking as one structure."""
    return ItemArrays(*_ranked_of(of))


def item_bytes(parameters: Parameters) -> dict[str, int]:
    """Memory that an item takes, by column."""
    return {column.name: column.rows(1, parameters).nbytes for column in COLUMNS}
