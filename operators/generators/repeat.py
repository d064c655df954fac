"""Repeat consumption: what the user had before, the latest first.

Reference: Anderson, Kumar, Tomkins, Vassilvitskii, "The dynamics of repeat consumption" (WWW 2014): recency is
the strongest single sign of what is consumed again.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.eligibility import again_for_user
from operators.generators.base import NO_CANDIDATES, Candidates, UserView


class Repeat:
    """score of the r-th most recent distinct item = decay^r. The one generator that returns consumed items."""

    name = "repeat"

    def generate(self, view: UserView, limit: int) -> Candidates:
        """Consumed items that are still recommendable; none where the user or the setting rules repeats out."""
        if not view.repeats_allowed or len(view.history) == 0:
            return NO_CANDIDATES
        items, scores = _repeat(view.history, view.parameters.repeat_decay, view.gate, limit)
        return Candidates(items, scores, items)


@njit(cache=True, nogil=True)
def _repeat(history, decay, gate, limit):  # type: ignore[no-untyped-def]
    items = np.empty(limit, np.int32)
    scores = np.empty(limit, np.float32)
    kept = 0
    score = 1.0
    for rank in range(len(history)):
        if kept == limit:
            break
        if again_for_user(gate, history[rank]):
            items[kept] = history[rank]
            scores[kept] = score
            kept += 1
        score *= decay
    return items[:kept], scores[:kept]
