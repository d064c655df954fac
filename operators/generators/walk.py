"""Walking a precomputed list: the first items that the user may get."""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.eligibility import Gate, fresh_for_user
from operators.generators.base import Candidates, FloatArray, IntArray


def walk_list(items: IntArray, scores: FloatArray, gate: Gate, limit: int) -> Candidates:
    """The first `limit` items of a list that pass the gate, with their scores, without anchors."""
    kept = _walk(items, gate, limit)
    return Candidates(items[kept], scores[kept], np.full(len(kept), -1, np.int32))


@njit(cache=True, nogil=True)
def _walk(items, gate, limit):  # type: ignore[no-untyped-def]
    places = np.empty(limit, np.int32)
    kept = 0
    for place in range(len(items)):
        if kept == limit:
            break
        if fresh_for_user(gate, items[place]):
            places[kept] = place
            kept += 1
    return places[:kept]
