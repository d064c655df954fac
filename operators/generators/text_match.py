"""The best eligible items for a text vector."""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.select import keep_best
from operators.text_kernels import accumulate


@njit(cache=True, nogil=True)
def match_text(tokens, weights, text, limit, gate):  # type: ignore[no-untyped-def]
    """The `limit` eligible items with the largest cosine to a unit vector of (tokens, weights), with their cosines."""
    count = accumulate(tokens, weights, text)
    items = text.touched[:count]
    scores = np.empty(count, np.float32)
    for place in range(count):
        scores[place] = text.scratch[items[place]]
        text.scratch[items[place]] = 0.0
    kept_items = np.empty(limit, np.int32)
    kept_scores = np.empty(limit, np.float32)
    kept = keep_best(items, scores, count, limit, gate, kept_items, kept_scores)
    return kept_items[:kept], kept_scores[:kept]
