"""What people bought together with the user's recent items.

score_j = Σ_r decay^r B(i_r, j) / √(B(i_r) B(j)) over the last distinct items i_0, i_1, … of the history; B(i, j) is the
number of people who bought both (`operators.learning.copurchases`), B(i) the sum of the item's row.

Reference: Linden, Smith, York, "Amazon.com recommendations: item-to-item collaborative filtering" (2003).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from operators.generators.generator import Generator
from operators.generators.select import add_evidence, best_touched
from schemas.recommendation import ReasonKind


class Tuning(NamedTuple):
    """`history`: last distinct items that are asked; `decay`: weight of the r-th of them is decay^r."""

    history: int = 12
    decay: float = 0.9


@njit(cache=True, nogil=True)
def co_purchase(view, tuning, place):  # type: ignore[no-untyped-def]
    """Items bought by those who bought the last items of the history."""
    scratch = view.scratch
    history, nameable = view.history[: tuning.history], view.nameable
    items, people = view.rows.copurchase_items, view.rows.copurchase_people
    row = np.empty(items.shape[1], np.float32)
    count = 0
    factor = np.float32(1.0)
    for rank in range(len(history)):
        item = history[rank]
        total = _total(items, people, item)
        size = 0
        while size < items.shape[1] and items[item, size] >= 0:
            both = np.sqrt(total * max(np.float32(1.0), _total(items, people, items[item, size])))
            row[size] = factor * people[item, size] / both
            size += 1
        if size > 0:
            count = add_evidence(items[item], row, size, item if nameable[rank] else -1, scratch, count)
        factor *= np.float32(tuning.decay)
    best_touched(scratch, count, view.gate, view.found, place)


@njit(cache=True, nogil=True)
def _total(items, people, row):  # type: ignore[no-untyped-def]
    total = np.float32(0.0)
    for column in range(items.shape[1]):
        if items[row, column] < 0:
            break
        total += people[row, column]
    return total


GENERATOR = Generator("co_purchase", ReasonKind.BOUGHT_TOGETHER, co_purchase, Tuning())
