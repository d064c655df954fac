"""Popularity with exponential forgetting, and the plain counts beside it: all of them of people, not of events.

    mass_i(t) = Σ_e w_e 2^-((t - t_e) / half_life)        over the positive events e on item i

A user is one such event of an item, whatever that user does to it later, so that nobody makes an item popular alone.
It is kept as the pair (mass, time of the mass), decayed when it is written or read. The time never goes back: a late
event adds what it would weigh by now.

Two users click on one item, half a half-life apart:

>>> from operators.recommender import Recommender
>>> from operators.state.item_index import ItemIndex
>>> from operators.state.parameters import Parameters
>>> from operators.state.user_state import UserState
>>> from schemas.records import Click
>>> parameters = Parameters(popularity_half_life=1_000)
>>> index = ItemIndex(parameters)
>>> recommender = Recommender(parameters, index)
>>> for number, (user, time) in enumerate((("u", 0), ("v", 500))):
...     _ = recommender.learn(
...         UserState.fresh(user, parameters), Click(f"e{number}", user, "film", time), time, 0, number)
>>> row = index.lookup["film"]
>>> round(float(index.popularity[row]), 3), float(index.interactions[row])
(1.707, 2.0)
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.learning.item_updates import COUNTED, LOW, RETURNED


@njit(cache=True, nogil=True)
def update_popularity(updates, dropped, rows, half_life):  # type: ignore[no-untyped-def]
    """Learn a batch (`ItemUpdates`) in order; only marked rows are written. `dropped[e]` events are passed over."""
    time, target, weight, marks = updates.time, updates.target, updates.weight, updates.marks
    mass, at, interactions, repeats = rows.popularity, rows.popularity_at, rows.interactions, rows.repeats
    mark = rows.mark
    for event in range(len(target)):
        item, amount = target[event], weight[event]
        if dropped[event] or item < 0 or not mark[item]:
            continue
        if marks[event] & RETURNED:
            repeats[item] += 1.0
        if amount <= 0.0 or marks[event] & (LOW | COUNTED):
            continue
        interactions[item] += amount
        elapsed = time[event] - at[item]
        if mass[item] <= 0.0:
            mass[item] = amount
            at[item] = time[event]
        elif elapsed >= 0:
            mass[item] = mass[item] * np.float32(2.0 ** (-(elapsed / half_life))) + amount
            at[item] = time[event]
        else:
            mass[item] += amount * np.float32(2.0 ** (elapsed / half_life))
