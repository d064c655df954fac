"""Matrix factorisation: items whose factors point where the user's do.

Reference: Koren, Bell, Volinsky, "Matrix factorization techniques for recommender systems" (IEEE Computer, 2009);
`operators.learning.matrix_factorization` learns the factors online.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.base import Candidates, UserView, no_anchors
from operators.generators.select import keep_best

ALL_ITEMS_UP_TO = 2_048
"""In a larger catalogue only the heads of the lists of popular and trending items are scored, so that the cost stays bounded."""


class MatrixFactorization:
    """score_j = max(u · v_j, 0) with the user's and the item's factors."""

    name = "matrix_factorization"

    def generate(self, view: UserView, limit: int) -> Candidates:
        """The items with the largest positive product; none for a user whose factors are not learned."""
        index = view.index
        small = index.size <= ALL_ITEMS_UP_TO
        pool = np.arange(index.size, dtype=np.int32) if small else view.top.heads
        items, scores = _best_products(view.state.factors, index.factors, pool, view.gate, limit)
        return Candidates(items, scores, no_anchors(len(items)))


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _best_products(user, factors, pool, gate, limit):  # type: ignore[no-untyped-def]
    products = np.empty(len(pool), np.float32)
    if not user.any():
        pool = pool[:0]
    for place in range(len(pool)):
        product = np.float32(0.0)
        for k in range(len(user)):
            product += user[k] * factors[pool[place], k]
        products[place] = product
    items = np.empty(limit, np.int32)
    scores = np.empty(limit, np.float32)
    kept = keep_best(pool, products, len(pool), limit, gate, items, scores)
    return items[:kept], scores[:kept]
