"""Matrix factorisation: items whose factors point where the user's do.

score_j = max(u · v_j, 0) with the user's and the item's factors; nothing for a user whose factors are not learned.

Reference: Koren, Bell, Volinsky, "Matrix factorization techniques for recommender systems" (IEEE Computer, 2009);
`operators.learning.matrix_factorization` learns the factors online.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from operators.generators.generator import Generator
from operators.generators.select import keep_best, name_nothing
from schemas.recommendation import ReasonKind


class Tuning(NamedTuple):
    """`all_items`: a catalogue of at most so many items is scored as a whole.

    Of a larger one only the popular and trending items (`TopArrays.heads`) are, so that the cost stays bounded.
    """

    all_items: int = 2_048


@njit(cache=True, nogil=True)
def matrix_factorization(view, tuning, place):  # type: ignore[no-untyped-def]
    """The items with the largest positive product with the user's factors."""
    user, found, gate = view.user.factors, view.found, view.gate
    if not user.any():
        return
    pool = np.arange(view.size).astype(np.int32) if view.size <= tuning.all_items else view.top.heads
    products = np.empty(len(pool), np.float32)
    _products(user, view.rows.factors, pool, products)
    kept = keep_best(pool, products, len(pool), gate, found.items[place], found.scores[place])
    name_nothing(found, place, kept)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _products(user, factors, pool, products):  # type: ignore[no-untyped-def]
    for place in range(len(pool)):
        product = np.float32(0.0)
        for k in range(len(user)):
            product += user[k] * factors[pool[place], k]
        products[place] = product


GENERATOR = Generator("matrix_factorization", ReasonKind.TASTE, matrix_factorization, Tuning())
