"""Walking a list that was made before: the first items that the user may get."""

from __future__ import annotations

from numba import njit

from operators.generators.eligibility import fresh_for_user
from operators.generators.select import name_nothing


@njit(cache=True, nogil=True)
def walk(items, scores, view, place):  # type: ignore[no-untyped-def]
    """The first of `items` that pass the gate, with their `scores`, into row `place`."""
    found, gate = view.found, view.gate
    kept = 0
    for at in range(len(items)):
        if kept == found.items.shape[1]:
            break
        if fresh_for_user(gate, items[at]):
            found.items[place, kept] = items[at]
            found.scores[place, kept] = scores[at]
            kept += 1
    name_nothing(found, place, kept)
