"""The item side of learning: all learners over one batch, restricted to the rows that may be written."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.kernels.prefetch import AHEAD, prefetch
from operators.learning.item_knn import update_neighbours
from operators.learning.item_updates import ItemUpdates
from operators.learning.matrix_factorization import item_step
from operators.learning.popularity import update_popularity
from operators.learning.transitions import update_successors
from operators.state.item_index import ItemIndex


def rank_weights(exponent: float) -> NDArray[np.float32]:
    """f32[256]: (1 + r) ** -exponent for rank r."""
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
    - what only refers to an item (it is in a user's history, or was drawn as a negative) teaches its row as long as it is
      there and not deleted: that does not make one, and keeps none that is about to be removed.

    Rows do not read each other, so rows learned from split messages equal those learned from the whole.
    """
    p = index.parameters
    dropped = np.zeros(len(updates), np.bool_)
    if fence:
        for source in set(updates.source.tolist()):
            dropped |= (updates.source == source) & (updates.offset <= fence.get(source, -1))
    touched = np.empty(2 * len(updates) + len(updates.context) + len(updates.sgd_item), np.int32)
    count, positive = _learn(
        updates.offset, updates.time, updates.target, updates.weight, updates.repeat, updates.previous,
        updates.context_start, updates.context, updates.context_rank, updates.user_factors,
        updates.sgd_start, updates.sgd_item, updates.sgd_coefficient, dropped, touched,
        index.factors, index.neighbour_items, index.neighbour_weights, index.neighbour_total, index.neighbour_at,
        index.successor_items, index.successor_weights, index.successor_total, index.successor_at,
        index.popularity, index.popularity_at, index.interactions, index.repeats, index.applied, index.partition,
        index.learned, index.cataloged, index.deleted, index.id_hash, index.mark, rank_weight,
        -1 if partition is None else partition, message_offset, p.item_learning_rate, p.regularization, p.max_norm, p.neighbour_half_life,
        p.successor_half_life, p.popularity_half_life,
    )  # fmt: skip
    index.version += positive
    return touched[:count].copy()


@njit(cache=True, nogil=True)
def _learn(  # type: ignore[no-untyped-def]
    offset, time, target, weight, repeat, previous, context_start, context, context_rank, user_factors,
    sgd_start, sgd_item, sgd_coefficient, dropped, touched,
    factors, neighbour_items, neighbour_weights, neighbour_total, neighbour_at,
    successor_items, successor_weights, successor_total, successor_at,
    popularity, popularity_at, interactions, repeats, applied, row_partition,
    learned, cataloged, deleted, id_hash, mark, rank_weight, partition,
    message_offset, learning_rate, regularization, max_norm, neighbour_half_life,
    successor_half_life, popularity_half_life,
):  # fmt: skip
    """Returns how many rows were touched, and how many events count for their item."""
    count = 0
    positive = 0
    for event in range(len(target)):
        if dropped[event]:
            continue
        if target[event] >= 0 and weight[event] > 0.0:
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
            own = weight[event] <= 0.0 or other == target[event]  # an event that pushes away has no other example
            if own or _learns(other, learned, cataloged, deleted):
                count = _mark(other, row_partition, applied, partition, message_offset, mark, touched, count)
    update_popularity(
        time, target, weight, repeat, dropped, mark, popularity, popularity_at, interactions, repeats,
        popularity_half_life,
    )  # fmt: skip
    update_neighbours(
        offset, time, target, weight, context_start, context, context_rank, dropped, mark, touched[:count],
        neighbour_items, neighbour_weights, neighbour_total, neighbour_at, id_hash, rank_weight, neighbour_half_life,
    )  # fmt: skip
    update_successors(
        offset, time, target, weight, previous, dropped, mark, successor_items, successor_weights,
        successor_total, successor_at, id_hash, successor_half_life,
    )  # fmt: skip
    item_step(
        user_factors, sgd_start, sgd_item, sgd_coefficient, dropped, mark, factors, learning_rate, regularization,
        max_norm,
    )  # fmt: skip
    for place in range(count):
        row = touched[place]
        mark[row] = 0
        learned[row] = True
        if message_offset >= 0:
            applied[row] = message_offset
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
