"""First-order transitions: what was consumed directly after what.

For an event on item i whose user's last item was h: N[h, i] += w_event; read as N[h, i] / total_h, with a backoff
to other items where h has no row. Rows decay by a half-life in event time and keep their t heaviest entries.
Source: Rendle et al., "Factorizing personalized Markov chains" (WWW 2010), 4.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.kernels.bounded_row import add, admission_key, advance
from operators.kernels.prefetch import prefetch_row
from operators.learning.item_updates import COUNTED, LOW

_ROWS_AHEAD = 8


@njit(cache=True, nogil=True)
def update_successors(updates, dropped, rows, half_life):  # type: ignore[no-untyped-def]
    """Learn a batch (`ItemUpdates`) in order; only marked rows are written. `dropped[e]` events are passed over."""
    offset, time, target, weight = updates.offset, updates.time, updates.target, updates.weight
    previous, mark, id_hash = updates.previous, rows.mark, rows.id_hash
    items, weights, total, at = rows.successor_items, rows.successor_weights, rows.successor_total, rows.successor_at
    people, marks = rows.successor_people, updates.marks
    for event in range(len(target)):
        if event + _ROWS_AHEAD < len(target) and previous[event + _ROWS_AHEAD] >= 0:
            prefetch_row(items, previous[event + _ROWS_AHEAD])
            prefetch_row(weights, previous[event + _ROWS_AHEAD])
        row, item = previous[event], target[event]
        if dropped[event] or row < 0 or item < 0 or weight[event] <= 0.0 or not mark[row]:
            continue
        amount = weight[event] * advance(weights, total, at, row, time[event], half_life)
        key = admission_key(id_hash[row], id_hash[item], offset[event])
        person = np.uint16(0 if marks[event] & (COUNTED | LOW) else 1)
        add(items, weights, people, row, item, amount, person, key)
        total[row] += amount
