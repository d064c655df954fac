"""Repeat consumption: what the user had before, the latest first. The one generator that returns consumed items.

The r-th most recent distinct item has the score decay^r; each item is its own anchor. The last item is what the user
has before the eyes: it is not offered. Items bought that are due again follow those of the history. What is held back
(`repeats.Holds`) is not returned.

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
    kept = 0
    score = 1.0
    if view.user.repeats_allowed:
        for item in view.history[1:]:
            kept = _keep(item, score, view, place, kept)
            score *= tuning.decay
    for item in view.user.due:
        known = len(view.history) > 0 and item == view.history[0]
        for other in range(kept):
            known |= view.found.items[place, other] == item
        if not known:
            kept = _keep(item, score, view, place, kept)
            score *= tuning.decay
    view.found.counts[place] = kept


@njit(cache=True, nogil=True)
def _keep(item, score, view, place, kept):  # type: ignore[no-untyped-def]
    found = view.found
    if kept == found.items.shape[1] or not again_for_user(view.gate, item):
        return kept
    found.items[place, kept] = item
    found.scores[place, kept] = score
    found.anchors[place, kept] = item
    return kept + 1


GENERATOR = Generator("repeat", ReasonKind.REPEAT, repeat, Tuning(), Voice.REPEATS)
