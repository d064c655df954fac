"""The best eligible items for a text vector."""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.base import NO_CANDIDATES, Candidates, FloatArray, IntArray, UserView
from operators.generators.select import keep_best


def match_text(view: UserView, vector: tuple[IntArray, FloatArray], limit: int) -> Candidates:
    """The `limit` eligible items with the largest cosine to a unit vector of (tokens, weights)."""
    tokens, weights = vector
    if len(tokens) == 0:
        return NO_CANDIDATES
    items, cosines = view.index.text.cosines_to(tokens, weights)
    kept_items, kept_scores = _best(items, cosines, limit, view.gate)
    return Candidates(kept_items, kept_scores, np.full(len(kept_items), -1, np.int32))


@njit(cache=True, nogil=True)
def _best(items, cosines, limit, gate):  # type: ignore[no-untyped-def]
    """Reads the cosines of all items and sets them back to 0."""
    scores = np.empty(len(items), np.float32)
    for place in range(len(items)):
        scores[place] = cosines[items[place]]
        cosines[items[place]] = 0.0
    kept_items = np.empty(limit, np.int32)
    kept_scores = np.empty(limit, np.float32)
    kept = keep_best(items, scores, len(items), limit, gate, kept_items, kept_scores)
    return kept_items[:kept], kept_scores[:kept]
