"""Popularity with exponential forgetting, and the plain counts beside it.

    mass_i(t) = Σ_e w_e 2^-((t - t_e) / half_life)        over the positive events e on item i

kept as the pair (mass, time of the mass), decayed when it is written or read. The time never goes back: a late event
adds what it would weigh by now.
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
