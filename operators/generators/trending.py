"""Trending: popularity that forgets.

score_i = Σ_e w_e 2^-((now - t_e) / half-life) over the positive interactions e with item i;
`operators.learning.popularity` keeps the sums.
"""

from __future__ import annotations

from numba import njit

from operators.generators.generator import Generator
from operators.generators.walk import walk
from schemas.recommendation import ReasonKind


@njit(cache=True, nogil=True)
def trending(view, tuning, place):  # type: ignore[no-untyped-def]
    """The items that trend most, as of the last refresh of `top_lists`."""
    walk(view.top.trending, view.top.trending_scores, view, place)


GENERATOR = Generator("trending", ReasonKind.TRENDING, trending)
