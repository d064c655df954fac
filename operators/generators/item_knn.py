"""Item co-occurrence neighbours of the user's recent items.

score_j = Σ_r decay^r C(i_r, j) / √(C(i_r) C(j)) over the user's last distinct items i_0, i_1, …; C is decayed
co-occurrence (`operators.learning.item_knn`), C(i) the sum of the item's row. The anchor is the history item that adds
most and may be named.

Reference: Sarwar, Karypis, Konstan, Riedl, "Item-based collaborative filtering recommendation algorithms"
(WWW 2001); the decay over the history after Latifi, Mauro, Jannach, "Session-aware recommendation" (2021).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from operators.generators.generator import Generator
from operators.generators.select import add_evidence, best_touched
from schemas.recommendation import ReasonKind

ONE = np.float32(1.0)
NEGLIGIBLE_AGE = np.float32(1e-3)
MAX_AGE = np.float32(30.0)


class Tuning(NamedTuple):
    """`history`: last distinct items that are asked for neighbours; `decay`: weight of the r-th of them is decay^r."""

    history: int = 12
    decay: float = 0.9


@njit(cache=True, nogil=True)
def item_knn(view, tuning, place):  # type: ignore[no-untyped-def]
    """Neighbours of the last items of the history."""
    rows, gate, scratch = view.rows, view.gate, view.scratch
    history, nameable = view.history[: tuning.history], view.nameable
    neighbours, weights = rows.neighbour_items, rows.neighbour_weights
    totals, at = rows.neighbour_total, rows.neighbour_at
    count = 0
    row = np.empty(neighbours.shape[1], np.float32)
    factor = ONE
    decay = np.float32(tuning.decay)
    per_time = np.float32(0.5 / view.half_lives.neighbours)
    for rank in range(len(history)):
        item = history[rank]
        anchor = item if nameable[rank] else -1
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
        count = add_evidence(neighbours[item], row, size, anchor, scratch, count)
        factor *= decay
    best_touched(scratch, count, gate, view.found, place)


GENERATOR = Generator("item_knn", ReasonKind.CO_WATCHED, item_knn, Tuning())
