"""Which item follows which: first-order transitions with backoff to earlier items of the session.

    p(j | i_0, i_1, …) = N(i_0, j) / (N(i_0) + κ) + discount κ / (N(i_0) + κ) p(j | i_1, …)

N counts "j came right after i" (decayed); κ is `Tuning.backoff`. An item that nobody left leaves all its mass to the
item before it, so the first visitors of a new item get the followers of what they saw before. The anchor is the item
that a follower most likely follows.

Reference: Rendle, Freudenthaler, Schmidt-Thieme, "Factorizing personalized Markov chains" (WWW 2010), for the
chain; Witten and Bell, "The zero-frequency problem" (1991), for the share of mass that is left to the backoff.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from operators.generators.generator import Generator
from operators.generators.select import add_evidence, best_touched
from schemas.recommendation import ReasonKind


class Tuning(NamedTuple):
    """`history`: last distinct items whose followers are looked up.

    `backoff` (κ): counts that the items before the last one are worth; `discount`: what is kept of that at each step.
    """

    history: int = 5
    backoff: float = 1.0
    discount: float = 0.5


@njit(cache=True, nogil=True)
def transitions(view, tuning, place):  # type: ignore[no-untyped-def]
    """Followers of the last items of the history."""
    rows, gate, scratch = view.rows, view.gate, view.scratch
    half_life, kappa = view.half_lives.successors, tuning.backoff
    history, nameable = view.history[: tuning.history], view.nameable
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
        mass *= tuning.discount * kappa / (total + kappa)
        if mass < 1e-4:
            break
    best_touched(scratch, count, gate, view.found, place)


GENERATOR = Generator("transitions", ReasonKind.NEXT_IN_SEQUENCE, transitions, Tuning())
