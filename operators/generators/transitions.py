"""Which item follows which: first-order transitions with backoff to earlier items of the session.

    p(j | i_0, i_1, …) = N(i_0, j) / (N(i_0) + κ) + discount κ / (N(i_0) + κ) p(j | i_1, …)

N counts "j came right after i" (decayed); κ is `transition_backoff`. An item without a row leaves all its mass to the
item before it, so the first visitors of a new item get the followers of what they saw before. The anchor is the item that
a follower most likely follows.

Reference: Rendle, Freudenthaler, Schmidt-Thieme, "Factorizing personalized Markov chains" (WWW 2010), for the
chain; Witten and Bell, "The zero-frequency problem" (1991), for the share of mass that is left to the backoff.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.select import add_evidence, best_touched


@njit(cache=True, nogil=True)
def transitions(  # type: ignore[no-untyped-def]
    history, nameable, kappa, discount, half_life, rows, scratch, gate, found, place
):
    """Followers of the items of `history`, newest first; `nameable` beside it."""
    successors, weights = rows.successor_items, rows.successor_weights
    totals, at = rows.successor_total, rows.successor_at
    count = 0
    row = np.empty(successors.shape[1], np.float32)
    mass = 1.0
    for rank in range(len(history)):
        item = history[rank]
        anchor = item if nameable[rank] else -1
        ageing = 2.0 ** (-max(0, gate.now - at[item]) / half_life)
        total = totals[item] * ageing
        share = mass * ageing / (total + kappa)
        size = 0
        for column in range(successors.shape[1]):
            if successors[item, column] < 0:
                break
            row[column] = share * weights[item, column]
            size += 1
        count = add_evidence(successors[item], row, size, anchor, scratch, count)
        mass *= discount * kappa / (total + kappa)
        if mass < 1e-4:
            break
    best_touched(scratch, count, gate, found, place)
