"""The item side of learning: all learners over one batch, restricted to the rows that may be written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.kernels.prefetch import AHEAD, prefetch
from operators.learning.copurchases import update_copurchases
from operators.learning.item_knn import update_neighbours
from operators.learning.item_updates import ItemUpdates
from operators.learning.matrix_factorization import item_step
from operators.learning.popularity import update_popularity
from operators.learning.transitions import update_successors
from operators.state.item_index import ItemIndex


def rank_weights(exponent: float) -> NDArray[np.float32]:
    """f32[256]: (1 + r) ** -exponent for rank r.

    >>> rank_weights(1.0)[[0, 1, 3]].tolist()
    [1.0, 0.5, 0.25]
    """
    return ((1.0 + np.arange(256)) ** -exponent).astype(np.float32)


def apply_updates(
    index: ItemIndex, updates: ItemUpdates, rank_weight: NDArray[np.float32], partition: int | None = None,
    message_offset: int = -1, fence: Mapping[int, int] | None = None,
) -> NDArray[np.int32]:  # fmt: skip
    """Learn the batch into the index's rows; returns the distinct rows that were touched, in order of first touch.

    - `partition`: only rows of this item partition (None: all rows);
    - `message_offset` ≥ 0: rows that contain this item-updates message already are left alone, the others get it as
      their `applied`;
    - `fence[source]`: events of that source up to this offset were learned before and are dropped;
    - what only refers to an item (it is in a user's history, or was drawn as a negative) teaches its row as long as the
      row is there and not deleted: that does not make one, and keeps none that is about to be removed.

    Rows do not read each other, so rows learned from split messages equal those learned from the whole.
    """
    p = index.parameters
    dropped = np.zeros(updates.size, np.bool_)
    if fence:
        for source in set(updates.source.tolist()):
            dropped |= (updates.source == source) & (updates.offset <= fence.get(source, -1))
    touched = np.empty(2 * updates.size + len(updates.context) + len(updates.sgd_item), np.int32)
    count, positive = _learn(
        updates, dropped, touched, index.rows, rank_weight, -1 if partition is None else partition, message_offset,
        p.item_learning_rate, p.regularization, p.max_norm, p.neighbour_half_life, p.successor_half_life,
        p.popularity_half_life,
    )  # fmt: skip
    index.version += positive
    return touched[:count].copy()


@njit(cache=True, nogil=True)
def _learn(  # type: ignore[no-untyped-def]
    updates, dropped, touched, rows, rank_weight, partition, message_offset, learning_rate, regularization, max_norm,
    neighbour_half_life, successor_half_life, popularity_half_life,
):  # fmt: skip
    """Returns how many rows were touched, and how many events count for their item."""
    count, positive = _mark_rows(updates, dropped, touched, rows, partition, message_offset)
    update_popularity(updates, dropped, rows, popularity_half_life)
    update_neighbours(updates, dropped, rows, touched[:count], rank_weight, neighbour_half_life)
    update_successors(updates, dropped, rows, successor_half_life)
    update_copurchases(updates, dropped, rows)
    item_step(updates, dropped, rows, learning_rate, regularization, max_norm)
    mark, learned, applied = rows.mark, rows.learned, rows.applied
    for place in range(count):
        row = touched[place]
        mark[row] = 0
        learned[row] = True
        if message_offset >= 0:
            applied[row] = message_offset
    return count, positive


@njit(cache=True, nogil=True)
def _mark_rows(updates, dropped, touched, rows, partition, message_offset):  # type: ignore[no-untyped-def]
    """Mark and list the rows that learn something; returns how many they are, and how many events count for their item.

    Arrays are taken out of the structures before the loop: in it numba would count references at each use.
    """
    target, weight, marks = updates.target, updates.weight, updates.marks
    previous, context = updates.previous, updates.context
    context_start, sgd_start, sgd_item = updates.context_start, updates.sgd_start, updates.sgd_item
    row_partition, applied, mark = rows.partition, rows.applied, rows.mark
    learned, cataloged, deleted = rows.learned, rows.cataloged, rows.deleted
    count = 0
    positive = 0
    for event in range(len(target)):
        if dropped[event]:
            continue
        if target[event] >= 0 and (weight[event] > 0.0 or marks[event] > 0):
            positive += 1
            count = _mark(target[event], row_partition, applied, partition, message_offset, mark, touched, count)
            for place in range(context_start[event], context_start[event + 1]):
                if place + AHEAD < len(context):
                    _prefetch(context[place + AHEAD], row_partition, applied, cataloged, mark)
                other = context[place]
                if mark[other] or not _mine(other, row_partition, partition):
                    continue
                if _learns(other, learned, cataloged, deleted):
                    count = _mark(other, row_partition, applied, partition, message_offset, mark, touched, count)
            last = previous[event]
            if last >= 0 and _learns(last, learned, cataloged, deleted):
                count = _mark(last, row_partition, applied, partition, message_offset, mark, touched, count)
        for place in range(sgd_start[event], sgd_start[event + 1]):
            other = sgd_item[place]
            if other == target[event] or _learns(other, learned, cataloged, deleted):
                count = _mark(other, row_partition, applied, partition, message_offset, mark, touched, count)
    return count, positive


@njit(cache=True, nogil=True, inline="always")
def _mark(row, row_partition, applied, partition, message_offset, mark, touched, count):  # type: ignore[no-untyped-def]
    """Mark the row as writable, once, where partition and `applied` allow it; returns the count of marked rows.

    The mark is one more than the row's place in `touched`.
    """
    if (
        mark[row] == 0
        and _mine(row, row_partition, partition)
        and (message_offset < 0 or applied[row] < message_offset)
    ):
        touched[count] = row
        count += 1
        mark[row] = count
    return count


@njit(cache=True, nogil=True, inline="always")
def _mine(row, row_partition, partition):  # type: ignore[no-untyped-def]
    return partition < 0 or row_partition[row] == partition


@njit(cache=True, nogil=True, inline="always")
def _prefetch(row, row_partition, applied, cataloged, mark):  # type: ignore[no-untyped-def]
    """Begin to load what decides whether a row is marked."""
    prefetch(row_partition, row)
    prefetch(applied, row)
    prefetch(cataloged, row)
    prefetch(mark, row)


@njit(cache=True, nogil=True, inline="always")
def _learns(row, learned, cataloged, deleted):  # type: ignore[no-untyped-def]
    """Whether the row learns from what only refers to its item."""
    return cataloged[row] or (learned[row] and not deleted[row])
