"""From fused scores to a list, in one call of compiled code: which items, in which order, by whose voices, and why."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.generators.eligibility import mark, unmark
from operators.kernels.array_types import FloatArray, IntArray
from operators.ranking.diversity import maximal_marginal_relevance
from operators.ranking.fill import fill_up
from operators.ranking.reasons import explain

SMALLEST_SHARE = 0.5e-4
"""Shares are rounded to four places; smaller ones would be 0."""


class Listing(NamedTuple):
    """A list of n items, best first, and m voices for them, item after item, the largest share first.

    - `places` i32[n]: rows of the candidates' table, -1 for items that only fill the list up
    - `kinds` i8[n], `named` i32[n], `support` i32[n]: reasons (`reasons.explain`)
    - `counts` i32[n]: how many of the voices are the item's
    - `generators` i32[m], `shares` f64[m] (rounded to four places), `anchors` i32[m]: the voices
    """

    items: IntArray
    scores: FloatArray
    places: IntArray
    kinds: NDArray[np.int8]
    named: IntArray
    support: IntArray
    counts: IntArray
    generators: IntArray
    shares: NDArray[np.float64]
    anchors: IntArray

    @classmethod
    def of_size(cls, limit: int, generators: int) -> Listing:
        """Room for `limit` items with a voice of each generator."""
        most = limit * generators
        return cls(
            np.empty(limit, np.int32), np.empty(limit, np.float32), np.empty(limit, np.int32),
            np.empty(limit, np.int8), np.empty(limit, np.int32), np.empty(limit, np.int32), np.empty(limit, np.int32),
            np.empty(most, np.int32), np.empty(most, np.float64), np.empty(most, np.int32),
        )  # fmt: skip


class ListRules(NamedTuple):
    """What does not change from list to list.

    `diversity`: share of similarity (`maximal_marginal_relevance`); `by_name` i32[g]: generators in alphabetical order,
    the order of equal shares; `kinds` i8[g]: `reasons.explained_as`; `min_support`: distinct people that a reason about
    people needs; `popularity_half_life`: milliseconds.
    """

    diversity: float
    by_name: IntArray
    kinds: NDArray[np.int8]
    min_support: int
    popularity_half_life: float


@njit(cache=True, nogil=True)
def make_list(arrays, candidates, asked, fixed):  # type: ignore[no-untyped-def]
    """Fill the listing as far as items are eligible; returns how many items and how many voices there are.

    `arrays`: `RankingArrays`; `candidates`: rows of the table; `asked`: whether there is a query; `fixed`: how many
    of the best candidates diversity may not move.
    """
    view, listing, rules = arrays.user_view, arrays.listing, arrays.rules
    limit = len(listing.items)
    items, scores, places = maximal_marginal_relevance(
        arrays.table.items[:candidates], arrays.fused.scores[:candidates], limit, rules.diversity, view.text, fixed
    )
    count = len(items)
    listing.items[:count] = items
    listing.scores[:count] = scores
    listing.places[:count] = places
    if count < limit:
        scratch, user = view.scratch, view.user
        mark(scratch.mask, user)
        fillers = fill_up(items, limit - count, view.top.trending, view.size, view.gate, scratch.slots)
        unmark(scratch.mask, user)
        for item in fillers:
            listing.items[count] = item
            listing.scores[count] = 0.0
            listing.places[count] = -1
            count += 1
    voices = _voices(arrays.fused.contributions, arrays.table.anchors, count, rules.by_name, listing)
    explain(
        view, listing.items[:count], rules, listing.counts, listing.generators, listing.anchors, asked,
        listing.kinds, listing.named, listing.support,
    )  # fmt: skip
    return count, voices


@njit(cache=True, nogil=True)
def _voices(contributions, anchors, count, by_name, listing):  # type: ignore[no-untyped-def]
    """The voices of the first `count` items into `listing`; returns how many they are. Places of -1 have none."""
    generators, shares = listing.generators, listing.shares
    first = 0
    for number in range(count):
        row = listing.places[number]
        end = first
        if row >= 0:
            for generator in by_name:
                share = contributions[row, generator]
                if share < SMALLEST_SHARE:
                    continue
                at = end
                while at > first and contributions[row, generators[at - 1]] < share:
                    generators[at] = generators[at - 1]
                    at -= 1
                generators[at] = generator
                end += 1
        for at in range(first, end):
            shares[at] = np.floor(contributions[row, generators[at]] * 1e4 + 0.5) / 1e4
            listing.anchors[at] = anchors[row, generators[at]]
        listing.counts[number] = end - first
        first = end
    return first
