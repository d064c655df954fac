"""The best eligible items for a text vector."""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.select import keep_best, name_nothing
from operators.text.cosines import accumulate


@njit(cache=True, nogil=True)
def match_text(tokens, weights, text, budget, gate, found, place):  # type: ignore[no-untyped-def]
    """The eligible items with the largest cosine to a unit vector of (tokens, weights), with their cosines.

    `budget`: postings looked at, rarest tokens first.
    """
    count = accumulate(tokens, weights, text, budget)
    items = text.touched[:count]
    scores = np.empty(count, np.float32)
    for at in range(count):
        scores[at] = text.scratch[items[at]]
        text.scratch[items[at]] = 0.0
    kept = keep_best(items, scores, count, found.items.shape[1], gate, found.items[place], found.scores[place])
    name_nothing(found, place, kept)
