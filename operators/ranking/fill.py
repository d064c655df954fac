"""Full lists: when the generators found too little, what is popular, then anything that may be recommended."""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.generators.eligibility import fresh_for_user

SCAN_LIMIT = 100_000
"""Items looked at from the newest on; only a catalogue almost all of which is unavailable needs more."""


@njit(cache=True, nogil=True)
def fill_up(listed, missing, trending, size, gate, slots):  # type: ignore[no-untyped-def]
    """At most `missing` items beside those `listed` that the user may get: trending first, then the newest known ones.

    `slots` is scratch by item number, -1 before and after.
    """
    for item in listed:
        slots[item] = 1
    items = np.empty(missing, np.int32)
    count = 0
    for item in trending:
        if count == missing:
            break
        if slots[item] < 0 and fresh_for_user(gate, item):
            slots[item] = 1
            items[count] = item
            count += 1
    for offset in range(min(size, SCAN_LIMIT)):
        if count == missing:
            break
        item = size - 1 - offset
        if slots[item] < 0 and fresh_for_user(gate, item):
            slots[item] = 1
            items[count] = item
            count += 1
    for place in range(count):
        slots[items[place]] = -1
    for item in listed:
        slots[item] = -1
    return items[:count]
