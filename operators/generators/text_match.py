"""The best eligible items for a text vector."""

from __future__ import annotations

import numpy as np

from operators.generators.base import NO_CANDIDATES, Candidates, FloatArray, IntArray, UserView
from operators.generators.select import keep_best


def match_text(view: UserView, vector: tuple[IntArray, FloatArray], limit: int) -> Candidates:
    """The `limit` eligible items with the largest cosine to a unit vector of (tokens, weights)."""
    tokens, weights = vector
    if len(tokens) == 0:
        return NO_CANDIDATES
    items, scores = view.index.text.matches(tokens, weights)
    kept_items = np.empty(limit, np.int32)
    kept_scores = np.empty(limit, np.float32)
    kept = keep_best(items, scores, len(items), limit, view.gate, kept_items, kept_scores)
    return Candidates(kept_items[:kept], kept_scores[:kept], np.full(kept, -1, np.int32))
