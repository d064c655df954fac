"""Matrix factorisation: items whose factors point where the user's do.

score_j = max(u · v_j, 0) with the user's and the item's factors; nothing for a user whose factors are not learned.

Reference: Koren, Bell, Volinsky, "Matrix factorization techniques for recommender systems" (IEEE Computer, 2009);
`operators.learning.matrix_factorization` learns the factors online.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.select import keep_best, name_nothing

ALL_ITEMS_UP_TO = 2_048
"""In a larger catalogue only the heads of the lists of popular and trending items are scored, so that the cost stays bounded."""


@njit(cache=True, nogil=True)
def matrix_factorization(user, factors, size, heads, gate, found, place):  # type: ignore[no-untyped-def]
    """The items with the largest positive product with the factors `user`, of all `size` items or of `heads`."""
    found.counts[place] = 0
    if not user.any():
        return
    pool = np.arange(size).astype(np.int32) if size <= ALL_ITEMS_UP_TO else heads
    products = np.empty(len(pool), np.float32)
    _products(user, factors, pool, products)
    kept = keep_best(pool, products, len(pool), found.items.shape[1], gate, found.items[place], found.scores[place])
    name_nothing(found, place, kept)


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _products(user, factors, pool, products):  # type: ignore[no-untyped-def]
    for place in range(len(pool)):
        product = np.float32(0.0)
        for k in range(len(user)):
            product += user[k] * factors[pool[place], k]
        products[place] = product
