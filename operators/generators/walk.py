"""Walking a precomputed list: the first items that the user may get."""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.eligibility import Gate, fresh_for_user
from operators.generators.base import Candidates, FloatArray, IntArray, no_anchors


def walk_list(items: IntArray, scores: FloatArray, gate: Gate, limit: int) -> Candidates:
    """The first `limit` items of a list that pass the gate, with their scores, without anchors."""
    kept_items, kept_scores = _walk(items, scores, gate, limit)
    return Candidates(kept_items, kept_scores, no_anchors(len(kept_items)))


@njit(cache=True, nogil=True)
def _walk(items, scores, gate, limit):  # type: ignore[no-untyped-def]
    kept_items = np.empty(limit, np.int32)
    kept_scores = np.empty(limit, np.float32)
    kept = 0
    for place in range(len(items)):
        if kept == limit:
            break
        if fresh_for_user(gate, items[place]):
            kept_items[kept] = items[place]
            kept_scores[kept] = scores[place]
            kept += 1
    return kept_items[:kept], kept_scores[:kept]
