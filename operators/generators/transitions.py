"""Which item follows which: first-order transitions with backoff to earlier items of the session.

Reference: Rendle, Freudenthaler, Schmidt-Thieme, "Factorizing personalized Markov chains" (WWW 2010), for the
chain; Witten and Bell, "The zero-frequency problem" (1991), for the share of mass that is left to the backoff.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.base import NO_CANDIDATES, Candidates, UserView
from operators.generators.select import add_evidence, best_touched


class Transitions:
    """p(j | i_0, i_1, …) = N(i_0, j) / (N(i_0) + κ) + discount κ / (N(i_0) + κ) p(j | i_1, …)

    N counts "j came right after i" (decayed); κ is `transition_backoff`. An item without a row leaves all its
    mass to the item before it, so the first visitors of a new item get the followers of what they saw before.
    """

    name = "transitions"

    def generate(self, view: UserView, limit: int) -> Candidates:
        """Followers of the last items; the anchor is the item they most likely follow."""
        p, index, workspace = view.parameters, view.index, view.workspace
        history = view.history[: p.transition_history]
        if len(history) == 0:
            return NO_CANDIDATES
        items, scores, anchors = _transitions(
            history, view.anchor_allowed, p.transition_backoff, p.transition_discount, index.successor_items,
            index.successor_weights, index.successor_total, index.successor_at, view.now_ms,
            p.successor_half_life, workspace.scores, workspace.best, workspace.anchors, workspace.touched,
            view.gate, limit,
        )  # fmt: skip
        return Candidates(items, scores, anchors)


@njit(cache=True, nogil=True)
def _transitions(  # type: ignore[no-untyped-def]
    history, anchor_allowed, kappa, discount, successors, weights, totals, at, now, half_life, accumulated, best,
    anchors, touched, gate, limit,
):  # fmt: skip
    count = 0
    row = np.empty(successors.shape[1], np.float32)
    mass = 1.0
    for rank in range(len(history)):
        item = history[rank]
        anchor = item if anchor_allowed[rank] else -1
        ageing = 2.0 ** (-max(0, now - at[item]) / half_life)
        total = totals[item] * ageing
        share = mass * ageing / (total + kappa)
        size = 0
        for column in range(successors.shape[1]):
            if successors[item, column] < 0:
                break
            row[column] = share * weights[item, column]
            size += 1
        count = add_evidence(successors[item], row, size, anchor, accumulated, best, anchors, touched, count)
        mass *= discount * kappa / (total + kappa)
        if mass < 1e-4:
            break
    return best_touched(accumulated, anchors, touched, count, limit, gate)
