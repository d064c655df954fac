"""Item co-occurrence neighbours of the user's recent items.

Reference: Sarwar, Karypis, Konstan, Riedl, "Item-based collaborative filtering recommendation algorithms"
(WWW 2001); the decay over the history after Latifi, Mauro, Jannach, "Session-aware recommendation" (2021).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.base import NO_CANDIDATES, Candidates, UserView
from operators.generators.select import add_evidence, best_touched

ONE = np.float32(1.0)
NEGLIGIBLE_AGE = np.float32(1e-3)
MAX_AGE = np.float32(30.0)


class ItemKnn:
    """score_j = Σ_r decay^r C(i_r, j) / √(C(i_r) C(j)) over the user's last distinct items i_0, i_1, …

    C is decayed co-occurrence (`operators.learning.item_knn`), C(i) the sum of the item's row.
    """

    name = "item_knn"

    def generate(self, view: UserView, limit: int) -> Candidates:
        """Neighbours of the history; the anchor is the history item that adds most and may be named."""
        p, index, workspace = view.parameters, view.index, view.workspace
        history = view.history[: p.knn_history]
        if len(history) == 0:
            return NO_CANDIDATES
        items, scores, anchors = _item_knn(
            history, view.anchor_allowed, p.knn_decay, index.neighbour_items, index.neighbour_weights,
            index.neighbour_total, index.neighbour_at, p.neighbour_half_life, workspace.scores, workspace.best,
            workspace.anchors, workspace.touched, view.gate, limit,
        )  # fmt: skip
        return Candidates(items, scores, anchors)


@njit(cache=True, nogil=True)
def _item_knn(  # type: ignore[no-untyped-def]
    history, anchor_allowed, decay, neighbours, weights, totals, at, half_life, accumulated, best, anchors,
    touched, gate, limit,
):  # fmt: skip
    count = 0
    row = np.empty(neighbours.shape[1], np.float32)
    factor = ONE
    decay = np.float32(decay)
    per_time = np.float32(0.5 / half_life)
    for rank in range(len(history)):
        item = history[rank]
        anchor = item if anchor_allowed[rank] else -1
        if totals[item] <= 0.0:
            factor *= decay
            continue
        scale = factor / np.sqrt(totals[item])
        size = 0
        for column in range(neighbours.shape[1]):
            other = neighbours[item, column]
            if other < 0:
                break
            size += 1
            row[column] = 0.0
            if totals[other] <= 0.0:
                continue
            score = scale * weights[item, column] / np.sqrt(totals[other])
            # Rows are decayed to their own times: carry both to the same one.
            age = np.float32(at[item] - at[other]) * per_time
            if abs(age) > NEGLIGIBLE_AGE:
                score *= np.exp2(min(age, MAX_AGE))
            row[column] = min(score, factor)
        count = add_evidence(neighbours[item], row, size, anchor, accumulated, best, anchors, touched, count)
        factor *= decay
    return best_touched(accumulated, anchors, touched, count, limit, gate)
