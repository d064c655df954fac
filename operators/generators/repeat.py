"""Repeat consumption: what the user had before, the latest first. The one generator that returns consumed items.

The r-th most recent distinct item has the score decay^r; each item is its own anchor.

Reference: Anderson, Kumar, Tomkins, Vassilvitskii, "The dynamics of repeat consumption" (WWW 2014): recency is
the strongest single sign of what is consumed again.
"""

from __future__ import annotations

from typing import NamedTuple

from numba import njit

from operators.generators.eligibility import again_for_user
from operators.generators.generator import Generator, Voice
from schemas.recommendation import ReasonKind


class Tuning(NamedTuple):
    """`decay`: an item's score over that of the item before it."""

    decay: float = 0.8


@njit(cache=True, nogil=True)
def repeat(view, tuning, place):  # type: ignore[no-untyped-def]
    """Consumed items that are still recommendable, for users who repeat."""
    if not view.user.repeats_allowed:
        return
    found, gate = view.found, view.gate
    kept = 0
    score = 1.0
    for item in view.history:
        if kept == found.items.shape[1]:
            break
        if again_for_user(gate, item):
            found.items[place, kept] = item
            found.scores[place, kept] = score
            found.anchors[place, kept] = item
            kept += 1
        score *= tuning.decay
    found.counts[place] = kept


GENERATOR = Generator("repeat", ReasonKind.REPEAT, repeat, Tuning(), Voice.REPEATS)
