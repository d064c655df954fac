"""Trending and popularity: walking a precomputed list (`top_lists`), the first items that the user may get.

Trending is popularity that forgets: score_i = Σ_e w_e 2^-((now - t_e) / half_life); `operators.learning.popularity` keeps
the masses. Plain popularity is the number of positive interactions with i, ever: the baseline of every comparison.
"""

from __future__ import annotations

from numba import njit

from operators.generators.eligibility import fresh_for_user
from operators.generators.select import name_nothing


@njit(cache=True, nogil=True)
def walk(items, scores, gate, found, place):  # type: ignore[no-untyped-def]
    """The first items of a list that pass the gate, with their scores."""
    kept = 0
    for at in range(len(items)):
        if kept == found.items.shape[1]:
            break
        if fresh_for_user(gate, items[at]):
            found.items[place, kept] = items[at]
            found.scores[place, kept] = scores[at]
            kept += 1
    name_nothing(found, place, kept)
