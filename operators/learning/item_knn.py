"""Item co-occurrence: who was consumed within a user's last few distinct items.

For an event on item i by a user whose r-th most recent other distinct item is j (r = 0 the newest):

    C[i, j] += w_event (1 + r)^-γ        C[j, i] += w_event (1 + r)^-γ        (γ = context_exponent)

and both rows' totals grow by the same. Every row decays by a half-life in event time and keeps its m heaviest
entries (`bounded_row`). Read as C / sqrt(total_i total_j), which is close to the cosine of Sarwar et al., "Item-based
collaborative filtering" (WWW 2001).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.kernels.bounded_row import add, admission_key, advance
from operators.kernels.prefetch import gather, prefetch, prefetch_row
from operators.learning.item_updates import COUNTED

_ROWS_AHEAD = 2
"""Rows are asked for while that many are learned before them."""


@njit(cache=True, nogil=True)
def update_neighbours(updates, dropped, rows, touched, rank_weight, half_life):  # type: ignore[no-untyped-def]
    """Learn a batch (`ItemUpdates`), row by row and in each row in order; `touched[n]` is written and has mark n + 1.

    `dropped[e]` events are passed over; `rank_weight` f32[256] is (1 + r)^-γ. A row's cells for one event are
    added in context order, so the result is the same whichever rows are touched beside it.
    """
    offset, time, target, weight = updates.offset, updates.time, updates.target, updates.weight
    context_start, context, context_rank = updates.context_start, updates.context, updates.context_rank
    items, weights, total, at = rows.neighbour_items, rows.neighbour_weights, rows.neighbour_total, rows.neighbour_at
    people, marks = rows.neighbour_people, updates.marks
    id_hash = rows.id_hash
    start, events, places = _by_row(target, weight, context_start, context, dropped, rows.mark, len(touched))
    target_hash, context_hash = gather(id_hash, target), gather(id_hash, context)
    for number in range(len(touched)):
        if number + _ROWS_AHEAD < len(touched):
            ahead = touched[number + _ROWS_AHEAD]
            prefetch(id_hash, ahead)
            prefetch(total, ahead)
            prefetch(at, ahead)
            prefetch_row(items, ahead)
            prefetch_row(weights, ahead)
            prefetch_row(people, ahead)
        row = touched[number]
        for entry in range(start[number], start[number + 1]):
            event, place = events[entry], places[entry]
            person = np.uint16(0 if marks[event] & COUNTED else 1)
            factor = weight[event] * advance(weights, total, at, row, time[event], half_life)
            if place >= 0:
                amount = factor * rank_weight[context_rank[place]]
                key = admission_key(id_hash[row], target_hash[event], offset[event])
                add(items, weights, people, row, target[event], amount, person, key)
                total[row] += amount
                continue
            for place in range(context_start[event], context_start[event + 1]):
                amount = factor * rank_weight[context_rank[place]]
                key = admission_key(id_hash[row], context_hash[place], offset[event])
                add(items, weights, people, row, context[place], amount, person, key)
                total[row] += amount


@njit(cache=True, nogil=True)
def _by_row(target, weight, context_start, context, dropped, mark, rows):  # type: ignore[no-untyped-def]
    """What each row has to learn, in order: row n has the entries start[n] to start[n + 1].

    An entry is an event and the place of the row's item in the context; the place is -1 where the item is the target
    itself, which learns the whole context.
    """
    target_mark, context_mark = gather(mark, target), gather(mark, context)
    mark_of = np.empty(len(target) + len(context), np.int32)
    event_of = np.empty(len(mark_of), np.int32)
    place_of = np.empty(len(mark_of), np.int32)
    start = np.zeros(rows + 2, np.int32)
    count = 0
    for event in range(len(target)):
        first, last = context_start[event], context_start[event + 1]
        if dropped[event] or target[event] < 0 or weight[event] <= 0.0 or first == last:
            continue
        for place in range(first - 1, last):
            marked = context_mark[place] if place >= first else target_mark[event]
            mark_of[count] = marked
            event_of[count] = event
            place_of[count] = place if place >= first else -1
            count += marked > 0
            start[marked + 1] += marked > 0
    for number in range(rows + 1):
        start[number + 1] += start[number]
    events, places = np.empty(count, np.int32), np.empty(count, np.int32)
    for entry in range(count):
        at = start[mark_of[entry]]  # of row number mark - 1: moves on to where the row after it begins
        events[at] = event_of[entry]
        places[at] = place_of[entry]
        start[mark_of[entry]] = at + 1
    return start, events, places
