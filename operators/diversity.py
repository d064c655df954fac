"""Diversity of a list: maximal marginal relevance over the similarity of texts.

Reference: Carbonell and Goldstein, "The use of MMR, diversity-based reranking" (SIGIR 1998).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.base import FloatArray, IntArray
from operators.text_index import TextIndex, pair_cosine


def maximal_marginal_relevance(
    items: IntArray, scores: FloatArray, limit: int, share: float, text: TextIndex
) -> IntArray:
    """Places (in `items`) of the chosen items in their new order, at most `limit`.

    Picks in turn the largest (1 - share) * score / max score - share * (largest cosine to an item picked before).
    `items` come best first; the best one stays first. With share 0, or without texts, the order stays.
    """
    if share <= 0.0 or text.documents == 0 or len(items) < 2:
        return np.arange(min(limit, len(items)), dtype=np.int32)
    places: IntArray = _mmr(
        items, scores, min(limit, len(items)), share, text.token_ids, text.token_count, text.norm, text.idf
    )
    return places


def mean_dissimilarity(items: IntArray, text: TextIndex) -> float | None:
    """Mean of 1 - cosine over the pairs of items that both have a text; None without such a pair."""
    if text.documents == 0 or len(items) < 2:
        return None
    value = _mean_dissimilarity(items, text.token_ids, text.token_count, text.norm, text.idf)
    return None if value < 0.0 else float(value)


@njit(cache=True, nogil=True)
def _cosine(left, right, token_ids, token_count, norm, idf):  # type: ignore[no-untyped-def]
    if left >= len(norm) or right >= len(norm):
        return 0.0
    return pair_cosine(left, right, token_ids, token_count, norm, idf)


@njit(cache=True, nogil=True)
def _mmr(items, scores, limit, share, token_ids, token_count, norm, idf):  # type: ignore[no-untyped-def]
    count = len(items)
    places = np.empty(limit, np.int32)
    nearest = np.zeros(count, np.float64)
    taken = np.zeros(count, np.bool_)
    top = max(scores[0], 1e-30)
    for turn in range(limit):
        best = -1
        best_value = -1e9
        for place in range(count):
            if not taken[place]:
                value = (1.0 - share) * scores[place] / top - share * nearest[place]
                if value > best_value:
                    best_value = value
                    best = place
        places[turn] = best
        taken[best] = True
        if turn + 1 < limit:
            for place in range(count):
                if not taken[place]:
                    cosine = _cosine(items[place], items[best], token_ids, token_count, norm, idf)
                    nearest[place] = max(nearest[place], cosine)
    return places


@njit(cache=True, nogil=True)
def _mean_dissimilarity(items, token_ids, token_count, norm, idf):  # type: ignore[no-untyped-def]
    total = 0.0
    pairs = 0
    for a in range(len(items)):
        if items[a] >= len(norm) or norm[items[a]] <= 0.0:
            continue
        for b in range(a):
            if items[b] < len(norm) and norm[items[b]] > 0.0:
                total += 1.0 - pair_cosine(items[a], items[b], token_ids, token_count, norm, idf)
                pairs += 1
    return total / pairs if pairs else -1.0
