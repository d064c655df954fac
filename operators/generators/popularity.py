"""Plain popularity: the number of positive interactions with an item, ever. The baseline of every comparison.

It has no voice: trending speaks for what is popular, and two voices of one kind would outweigh what is personal.
"""

from __future__ import annotations

from numba import njit

from operators.generators.generator import NO_TUNING, Generator, Voice
from operators.generators.walk import walk
from schemas.recommendation import ReasonKind


@njit(cache=True, nogil=True)
def popularity(view, tuning, place):  # type: ignore[no-untyped-def]
    """The most popular items, as of the last refresh of `top_lists`."""
    walk(view.top.popular, view.top.popular_scores, view, place)


GENERATOR = Generator("popularity", ReasonKind.TRENDING, popularity, NO_TUNING, Voice.NONE)
