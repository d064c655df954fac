"""Full lists: when the generators found too little, what is popular, then anything that may be recommended."""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.eligibility import fresh_for_user
from operators.generators.base import IntArray, UserView

SCAN_LIMIT = 100_000
"""Items looked at from the newest on; only a catalogue almost all of which is unavailable needs more."""


def fill_up(view: UserView, listed: IntArray, missing: int) -> IntArray:
    """At most `missing` further items that the user may get: trending first, then the newest known ones."""
    slots = view.workspace.slots
    slots[listed] = 1
    fillers: IntArray = _fill(view.top.trending, view.index.size, missing, view.gate, slots)
    slots[listed] = -1
    return fillers


@njit(cache=True, nogil=True)
def _fill(trending, size, missing, gate, slots):  # type: ignore[no-untyped-def]
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
    return items[:count]
