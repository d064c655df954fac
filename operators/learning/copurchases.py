"""Purchases: which items were bought by the same people, and which are bought again, after how long.

A user counts once for a pair, when the second of the two is bought, and once for an item that is bought again. A row
keeps its m largest counts; what takes another's place begins at 1, so that no count is more than the people behind it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.kernels.bounded_row import admission_key
from operators.kernels.counter_rng import uniform
from operators.learning.item_updates import BOUGHT, REBOUGHT


@njit(cache=True, nogil=True)
def update_copurchases(updates, dropped, rows):  # type: ignore[no-untyped-def]
    """Learn a batch (`ItemUpdates`) in order; only marked rows are written. `dropped[e]` events are passed over."""
    target, marks, interval, offset = updates.target, updates.marks, updates.interval, updates.offset
    context_start, context = updates.context_start, updates.context
    mark, id_hash, buyers, rebuyers, log_ms = rows.mark, rows.id_hash, rows.buyers, rows.rebuyers, rows.rebuy_log_ms
    items, people = rows.copurchase_items, rows.copurchase_people
    for event in range(len(target)):
        item = target[event]
        if dropped[event] or item < 0:
            continue
        if marks[event] & REBOUGHT and mark[item]:
            rebuyers[item] += 1.0
            log_ms[item] += np.log2(max(np.float32(1.0), interval[event]))
        if not marks[event] & BOUGHT:
            continue
        if mark[item]:
            buyers[item] += 1.0
        for place in range(context_start[event], context_start[event + 1]):
            other = context[place]
            if mark[item]:
                _count(items, people, item, other, admission_key(id_hash[item], id_hash[other], offset[event]))
            if mark[other]:
                _count(items, people, other, item, admission_key(id_hash[other], id_hash[item], offset[event]))


@njit(cache=True, nogil=True)
def _count(items, people, row, item, key):  # type: ignore[no-untyped-def]
    """One more in the row's entry for `item`; `key` (u64) decides on admission to a full row, as in `bounded_row`."""
    width = items.shape[1]
    least = 0
    for column in range(width):
        if items[row, column] == item:
            people[row, column] += 1.0
            return
        if items[row, column] < 0:
            items[row, column] = item
            people[row, column] = 1.0
            return
        if people[row, column] < people[row, least]:
            least = column
    if uniform(key) * (people[row, least] + 1.0) < 1.0:
        items[row, least] = item
        people[row, least] = 1.0
