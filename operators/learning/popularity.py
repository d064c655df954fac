"""Popularity with exponential forgetting, and the plain counts beside it.

    mass_i(t) = Σ_e w_e 2^-((t - t_e) / half_life)        over the positive events e on item i

kept as the pair (mass, time of the mass), decayed when it is written or read. The time never goes back: a late event
adds what it would weigh by now.

Two clicks on one item, half a half-life apart:

>>> from operators.recommender import Recommender
>>> from operators.state.item_index import ItemIndex
>>> from operators.state.parameters import Parameters
>>> from operators.state.user_state import UserState
>>> from schemas.records import Click
>>> parameters = Parameters(popularity_half_life=1_000)
>>> index = ItemIndex(parameters)
>>> recommender, user = Recommender(parameters, index), UserState.fresh("u", parameters)
>>> for number, time in enumerate((0, 500)):
...     _ = recommender.learn(user, Click(f"e{number}", "u", "film", time), time, 0, number)
>>> row = index.lookup["film"]
>>> round(float(index.popularity[row]), 3), float(index.interactions[row])
(1.707, 2.0)
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def update_popularity(updates, dropped, rows, half_life):  # type: ignore[no-untyped-def]
    """Learn a batch (`ItemUpdates`) in order; only marked rows are written. `dropped[e]` events are passed over."""
    time, target, weight, repeat = updates.time, updates.target, updates.weight, updates.repeat
    mass, at, interactions, repeats = rows.popularity, rows.popularity_at, rows.interactions, rows.repeats
    mark = rows.mark
    for event in range(len(target)):
        item, amount = target[event], weight[event]
        if dropped[event] or item < 0 or amount <= 0.0 or not mark[item]:
            continue
        interactions[item] += amount
        if repeat[event]:
            repeats[item] += amount
        elapsed = time[event] - at[item]
        if mass[item] <= 0.0:
            mass[item] = amount
            at[item] = time[event]
        elif elapsed >= 0:
            mass[item] = mass[item] * np.float32(2.0 ** (-(elapsed / half_life))) + amount
            at[item] = time[event]
        else:
            mass[item] += amount * np.float32(2.0 ** (elapsed / half_life))
