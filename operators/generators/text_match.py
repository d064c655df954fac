"""The best eligible items for a text vector."""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.select import keep_best, name_nothing
from operators.text.cosines import accumulate


@njit(cache=True, nogil=True)
def match_text(tokens, weights, budget, view, place):  # type: ignore[no-untyped-def]
    """The items nearest to the unit vector of (tokens, weights) that the user may get, with their cosines.

    `budget`: postings looked at, rarest tokens first.
    """
    text, found, gate = view.text, view.found, view.gate
    count = accumulate(tokens, weights, text, budget)
    items = text.touched[:count]
    scores = np.empty(count, np.float32)
    for at in range(count):
        scores[at] = text.scratch[items[at]]
        text.scratch[items[at]] = 0.0
    kept = keep_best(items, scores, count, gate, found.items[place], found.scores[place])
    name_nothing(found, place, kept)
