"""When what was bought may be offered again: learned from people who bought the same, or its kind, again.

A shop knows it better for some categories (`Parameters.buy_again`). Elsewhere an item is bought again if enough of its
buyers did so, and may be offered from half of the usual time between two purchases on. An item with few buyers is
judged by its categories: by that one whose goods are bought again the least.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.kernels.array_types import IntArray
from operators.state.user_state import ACTION_CODES, CODE, DISLIKED
from schemas.durations import DAY_MS

if TYPE_CHECKING:
    from operators.state.item_index import ItemIndex
    from operators.state.user_state import UserState

BOUGHT_AGAIN = 0.2
"""Share of buyers who buy it again from which an item is offered to its buyers again."""
PRIOR_BUYERS = 5.0
"""Buyers that the experience with the categories is worth."""
EARLY = 0.5
"""Share of the usual time between two purchases after which the item may be offered."""
CART_MS = DAY_MS
"""What was put into the cart is not offered for that long: it is in the cart."""

_PURCHASE, _CART = ACTION_CODES["purchase"], ACTION_CODES["add_to_cart"]


def buy_again_after(index: ItemIndex) -> NDArray[np.float64]:
    """f64[n]: milliseconds for which an item that was bought is left out; infinite where it is not bought again.

    What the shop has set (`Parameters.buy_again`) is negative.
    """
    after = np.full(index.size, np.inf)
    bought = np.flatnonzero(index.buyers[: index.size] > 0.0)
    if len(bought):
        after[bought] = _learned(index, bought)
    for category, ms in sorted(index.parameters.buy_again.items(), key=lambda entry: entry[1] is None):
        for number in index.category_numbers(category):
            after[(index.category_ids[: index.size] == number).any(axis=1)] = -np.inf if ms is None else -ms
    return after


def _learned(index: ItemIndex, bought: NDArray[np.intp]) -> NDArray[np.float64]:
    """As `buy_again_after`, of the items that somebody bought."""
    buyers, rebuyers = index.buyers[bought].astype(np.float64), index.rebuyers[bought].astype(np.float64)
    log_ms, categories = index.rebuy_log_ms[bought].astype(np.float64), index.category_ids[bought]
    rows, columns = np.nonzero(categories >= 0)
    numbers = categories[rows, columns]
    all_buyers, all_rebuyers, all_log_ms = (
        np.bincount(numbers, weights=values[rows], minlength=1) for values in (buyers, rebuyers, log_ms)
    )
    known = all_rebuyers >= index.parameters.min_support
    shares = np.where(known, all_rebuyers / np.maximum(all_buyers, 1.0), 0.0)
    prior = np.full(len(bought), np.inf)
    np.minimum.at(prior, rows, shares[numbers])
    prior[np.isinf(prior)] = 0.0
    weight = np.where(prior > 0.0, PRIOR_BUYERS, 0.0)
    people = np.where((rebuyers >= index.parameters.min_support) | (prior > 0.0), rebuyers, 0.0)
    share = (people + PRIOR_BUYERS * prior) / (buyers + PRIOR_BUYERS)
    prior_log = np.bincount(rows, weights=all_log_ms[numbers], minlength=len(bought)).astype(np.float64)
    prior_log /= np.maximum(np.bincount(rows, weights=all_rebuyers[numbers], minlength=len(bought)), 1.0)
    mean_log = (log_ms + weight * prior_log) / np.maximum(rebuyers + weight, 1.0)
    return np.where(share >= BOUGHT_AGAIN, EARLY * np.exp2(np.minimum(mean_log, 60.0)), np.inf)


class Holds(NamedTuple):
    """Items i32 that one user is not to be offered again now, and those bought that may be offered again."""

    held: IntArray
    due: IntArray

    @classmethod
    def of(cls, state: UserState, buy_again: NDArray[np.float64], now_ms: int) -> Holds:
        """`buy_again`: `buy_again_after` for the items known then; those after them are not bought again yet."""
        held: list[int] = []
        due: list[int] = []
        for item, purchases in state.bought.items():
            wait = float(buy_again[item]) if item < len(buy_again) else math.inf
            if wait < 0.0:
                wait = -wait
            elif purchases.occasions > 1:
                wait = min(wait, EARLY * purchases.interval)
            (due if now_ms - purchases.last >= wait else held).append(item)
        marked = bytes(state.recent_actions)
        if not marked.isascii():  # some have the bit of what was disliked, the highest
            pairs = zip(state.recent_items, marked, strict=True)
            held += {item for item, action in pairs if action & DISLIKED and item not in state.bought}
        actions = marked.translate(_CODES)
        if _CART in actions or (not state.bought and _PURCHASE in actions):
            for item, time, action in zip(state.recent_items, state.recent_times, actions, strict=True):
                # a purchase that is not in `bought` is of a time when states did not know what was bought
                if (action == _CART and now_ms - time < CART_MS) or (action == _PURCHASE and item not in state.bought):
                    held.append(item)
        due.reverse()
        return _NONE if not held and not due else cls(np.array(held, np.int32), np.array(due, np.int32))


_CODES = bytes(action & CODE for action in range(256))
_NO_ITEMS = np.empty(0, np.int32)
_NONE = Holds(_NO_ITEMS, _NO_ITEMS)
