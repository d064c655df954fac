"""Item co-occurrence: who was consumed within a user's last few distinct items.

For an event on item i by a user whose r-th most recent other distinct item is j (r = 0 the newest):

    C[i, j] += w_event (1 + r)^-γ        C[j, i] += w_event (1 + r)^-γ        (γ = context_exponent)

and both rows' totals grow by the same. Every row decays by a half-life in event time and keeps its m heaviest
entries (`bounded_row`). Source: `shared/research/ranking.md`, *knn_short*; the cosine-like reading
C / sqrt(total_i total_j) is that of Sarwar et al., "Item-based collaborative filtering" (WWW 2001).
"""

from __future__ import annotations

from numba import njit

from operators.learning.bounded_row import add, admission_key, advance
from operators.learning.prefetch import prefetch_row


@njit(cache=True, nogil=True)
def update_neighbours(  # type: ignore[no-untyped-def]
    offset, time, target, weight, context_start, context, context_rank, dropped, mark,
    items, weights, total, at, id_hash, rank_weight, half_life,
):  # fmt: skip
    """Learn a batch in order; only rows with mark 1 are written.

    `dropped[e]` events are passed over; `rank_weight` f32[256] is (1 + r)^-γ. A row's cells for one event are
    added in context order, so the result is the same whichever rows are marked beside it.
    """
    for event in range(len(target)):
        if event + 1 < len(target):
            _prefetch(event + 1, target, context_start, context, mark, items, weights)
        item = target[event]
        if dropped[event] or item < 0 or weight[event] <= 0.0:
            continue
        first, last = context_start[event], context_start[event + 1]
        if mark[item] and last > first:
            factor = weight[event] * advance(weights, total, at, item, time[event], half_life)
            for place in range(first, last):
                other = context[place]
                amount = factor * rank_weight[context_rank[place]]
                add(items, weights, item, other, amount, admission_key(id_hash[item], id_hash[other], offset[event]))
                total[item] += amount
        for place in range(first, last):
            other = context[place]
            if mark[other]:
                factor = weight[event] * advance(weights, total, at, other, time[event], half_life)
                amount = factor * rank_weight[context_rank[place]]
                add(items, weights, other, item, amount, admission_key(id_hash[other], id_hash[item], offset[event]))
                total[other] += amount


@njit(cache=True, nogil=True, inline="always")
def _prefetch(event, target, context_start, context, mark, items, weights):  # type: ignore[no-untyped-def]
    """Begin to load the rows that an event will change."""
    if target[event] >= 0 and mark[target[event]]:
        prefetch_row(items, target[event])
        prefetch_row(weights, target[event])
    for place in range(context_start[event], context_start[event + 1]):
        other = context[place]
        if mark[other]:
            prefetch_row(items, other)
            prefetch_row(weights, other)
