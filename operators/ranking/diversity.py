"""Diversity of a list: maximal marginal relevance over the similarity of texts.

Reference: Carbonell and Goldstein, "The use of MMR, diversity-based reranking" (SIGIR 1998).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.kernels.array_types import IntArray
from operators.state.item_index import ItemIndex
from operators.text.cosines import cosines

POOL = 3
"""Diversity chooses among this many times the list's length."""


def list_diversity(items: IntArray, index: ItemIndex) -> float | None:
    """Mean of 1 - similarity over the pairs of a list, in [0, 1]; None for fewer than two items.

    The similarity of two items is the cosine of their texts where both have one, else that of their
    co-occurrence, C(i, j) / √(C(i) C(j)).
    """
    if len(items) < 2:
        return None
    text = index.text
    return float(
        _list_diversity(
            items, text.arrays(), index.neighbour_items, index.neighbour_weights, index.neighbour_total,
        )
    )  # fmt: skip


@njit(cache=True, nogil=True)
def maximal_marginal_relevance(items, scores, limit, share, text, fixed=0):  # type: ignore[no-untyped-def]
    """At most `limit` of n items with their scores, in their new order, and their places among the n.

    Picks in turn the largest (1 - share) * score / max score - share * (largest cosine to an item picked before), from
    the best `POOL` * `limit` items; the best one comes first. With share 0, or without texts, the order is by score.
    Equal scores go by item number, so the order in which the items come has no say. The best `fixed` items stay in
    front, by their score alone.

    `items` i32[n], `scores` f32[n] not negative, `text`: `TextIndex.arrays()`.

    The second lamp waits until something else was shown:

    >>> from operators.text.index import TextIndex
    >>> index = TextIndex()
    >>> for item, title in enumerate(("lamp", "lamp", "green tea")):
    ...     index.add(item, title)
    >>> items, scores = np.arange(3, dtype=np.int32), np.array([1.0, 0.9, 0.5], np.float32)
    >>> maximal_marginal_relevance(items, scores, 3, 0.5, index.arrays())[0].tolist()
    [0, 2, 1]
    """
    places = _best(items, scores, POOL * limit)
    limit = min(limit, len(places))
    if share > 0.0 and len(places) > 1:
        places = places[_diverse(items[places], scores[places], limit, share, text, fixed)]
    places = places[:limit]
    return items[places], scores[places], places


@njit(cache=True, nogil=True)
def _best(items, scores, limit):  # type: ignore[no-untyped-def]
    """Places by falling score."""
    places = np.empty(min(limit, len(scores)), np.int32)
    kept = 0
    for place in range(len(scores)):
        at = kept
        while at > 0:
            other = places[at - 1]
            if scores[other] > scores[place] or (scores[other] == scores[place] and items[other] < items[place]):
                break
            if at < len(places):
                places[at] = other
            at -= 1
        if at < len(places):
            places[at] = place
            kept = min(kept + 1, len(places))
    return places


@njit(cache=True, nogil=True)
def _diverse(items, scores, limit, share, text, fixed):  # type: ignore[no-untyped-def]
    """Lazy: a value only falls as more is picked, so an old one is a bound, and only the largest is brought up to date.

    Reference for the laziness: Minoux, "Accelerated greedy algorithms for maximizing submodular set functions" (1978).
    """
    count = len(items)
    places = np.empty(limit, np.int32)
    picked = np.empty(limit, items.dtype)
    nearest = np.zeros(count, np.float32)
    compared = np.zeros(count, np.int32)  # with how many of the picked ones
    value = np.empty(count, np.float64)
    similar = np.empty(limit, np.float32)
    top = max(scores[min(fixed, count - 1)], 1e-30)
    for place in range(count):
        value[place] = (1.0 - share) * scores[place] / top
    for place in range(min(fixed, limit)):
        places[place] = place
        picked[place] = items[place]
        value[place] = -np.inf
    for turn in range(fixed, limit):
        while True:
            best = 0
            for place in range(1, count):
                if value[place] > value[best]:
                    best = place
            first = compared[best]
            if first == turn:
                break
            cosines(items[best], picked[first:turn], text, similar)
            for other in range(turn - first):
                nearest[best] = max(nearest[best], similar[other])
            compared[best] = turn
            value[best] = (1.0 - share) * scores[best] / top - share * nearest[best]
        places[turn] = best
        picked[turn] = items[best]
        value[best] = -np.inf
        compared[best] = limit
    return places


@njit(cache=True, nogil=True)
def _list_diversity(  # type: ignore[no-untyped-def]
    items, text, neighbours, weights, totals
):
    similar = np.zeros(len(items), np.float32)
    similarity = 0.0
    for a in range(1, len(items)):
        cosines(items[a], items[:a], text, similar)
        norm = text.norm
        described = items[a] < len(norm) and norm[items[a]] > 0.0
        for b in range(a):
            if described and items[b] < len(norm) and norm[items[b]] > 0.0:
                similarity += similar[b]
            elif totals[items[a]] > 0.0 and totals[items[b]] > 0.0:
                for column in range(neighbours.shape[1]):
                    if neighbours[items[a], column] == items[b]:
                        both = np.sqrt(totals[items[a]] * totals[items[b]])
                        similarity += min(1.0, weights[items[a], column] / both)
                        break
    return 1.0 - similarity / (len(items) * (len(items) - 1) / 2)
