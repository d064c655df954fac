"""What kernels compute from a text index: cosines of items, the vector of several, items near a vector."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.kernels.array_types import FloatArray, IntArray


class TextArrays(NamedTuple):
    """The index as one argument of kernels, by item number or by token number.

    Attributes:
        token_ids: [items, tokens], ascending in each row, -1 behind the last.
        token_count: [items], how many of them an item has.
        norm: [items], length of the item's vector; 0 without a text.
        idf: [tokens], inverse document frequency.
        start, length: [tokens], where a token's postings are in the pool.
        pool_items: item numbers.
        scratch, touched: [items], working memory.
        budget: postings looked at for a query.
    """

    token_ids: IntArray
    token_count: IntArray
    norm: FloatArray
    idf: FloatArray
    start: NDArray[np.int64]
    length: IntArray
    pool_items: IntArray
    scratch: FloatArray
    touched: IntArray
    budget: int


@njit(cache=True, nogil=True)
def cosines(item, others, text, out):  # type: ignore[no-untyped-def]
    """Cosine of one item's text with each of `others`, into `out`; 0 where either has no text.

    Merges rows of the forward index, whose token numbers ascend. One call for all `others`, as a call of a kernel
    costs more than a merge.
    """
    token_ids, token_count, norm, idf = text.token_ids, text.token_count, text.norm, text.idf
    known = item < len(norm) and norm[item] > 0.0
    for place in range(len(others)):
        other = others[place]
        out[place] = 0.0
        if not known or other >= len(norm) or norm[other] <= 0.0:
            continue
        a = 0
        b = 0
        total = 0.0
        while a < token_count[item] and b < token_count[other]:
            left = token_ids[item, a]
            right = token_ids[other, b]
            if left == right:
                total += idf[left] * idf[left]
            a += left <= right
            b += right <= left
        out[place] = min(1.0, total / (norm[item] * norm[other]))


@njit(cache=True, nogil=True)
def profile(items, weights, text):  # type: ignore[no-untyped-def]
    """Tokens and weights of the weighted sum of the items' unit vectors, scaled to length 1; items may be unknown."""
    most = 0
    for item in items:
        if item < len(text.token_count):
            most += text.token_count[item]
    tokens = np.empty(most, np.int32)
    values = np.empty(most, np.float32)
    count = 0
    for row in range(len(items)):
        item = items[row]
        if item >= len(text.norm) or text.norm[item] <= 0.0:
            continue
        for column in range(text.token_count[item]):
            token = text.token_ids[item, column]
            value = weights[row] * text.idf[token] / text.norm[item]
            place = 0
            while place < count and tokens[place] != token:
                place += 1
            if place == count:
                tokens[count] = token
                values[count] = 0.0
                count += 1
            values[place] += value
    squares = 0.0
    for place in range(count):
        squares += values[place] * values[place]
    if squares <= 0.0:
        return tokens[:0], values[:0]
    scale = 1.0 / math.sqrt(squares)
    for place in range(count):
        values[place] *= scale
    return tokens[:count], values[:count]


@njit(cache=True, nogil=True)
def accumulate(tokens, weights, text, budget):  # type: ignore[no-untyped-def]
    """Cosines with a unit vector, into `text.scratch` by item number; the items go into `text.touched`.

    Returns how many items were touched. Rarest tokens first, at most `budget` postings. The caller sets the scratch
    back to 0.
    """
    count = 0
    scratch, touched, norm = text.scratch, text.touched, text.norm
    for place in np.argsort(-text.idf[tokens], kind="mergesort"):
        token = tokens[place]
        factor = weights[place] * text.idf[token]
        postings = min(text.length[token], budget)
        budget -= postings
        first = text.start[token] + text.length[token] - postings
        for at in range(first, first + postings):
            item = text.pool_items[at]
            if norm[item] <= 0.0:
                continue
            if scratch[item] == 0.0:
                touched[count] = item
                count += 1
            scratch[item] += factor / norm[item]
        if budget <= 0:
            break
    for place in range(count):
        scratch[touched[place]] = min(scratch[touched[place]], 1.0)
    return count
