"""Rows of at most m (item, weight) pairs that keep the heaviest of a stream of additions.

An item that is in the row, or finds an empty place, has its exact weight. In a full row a newcomer of weight w takes
the place of the lightest entry (weight v) with probability w / (v + w), and then carries v + w: the randomized
admission policy of Ben Basat et al., "Randomized admission policy for efficient top-k and frequency estimation"
(INFOCOM 2017), which keeps expected weights unbiased. The draw is a function of a key made from the event and the two
item ids, so it is the same in every process.

Other rules keep less of the true top, and wider rows keep more: measured in
`docs/decisions/0019-tuned-constants-of-learning.md`.

A row of two places gets a third item, which is too light to be let in:

>>> items, weights, people = np.full((1, 2), -1, np.int32), np.zeros((1, 2), np.float32), np.zeros((1, 2), np.uint16)
>>> for item, weight in ((7, 5.0), (3, 4.0), (7, 1.0), (9, 0.001)):
...     add(items, weights, people, 0, item, weight, np.uint16(1), np.uint64(1))
>>> items.tolist(), weights.tolist(), people.tolist()
([[7, 3]], [[6.0, 4.0]], [[2, 1]])
"""

from __future__ import annotations

import numpy as np
from numba import njit

from operators.kernels.counter_rng import mix, uniform

MOST_PEOPLE = 65_535
"""Counts of people stay there."""

TIME_STEPS = 4_096
"""A row's weights are rescaled only once 1 / TIME_STEPS of a half-life has passed since the last time, so a weight is
off by at most 2 ** (1 / TIME_STEPS) - 1 = 0.02 % and most updates touch one entry instead of the whole row."""


@njit(cache=True, nogil=True)
def advance(weights, total, at, row, time, half_life):  # type: ignore[no-untyped-def]
    """Decay the row to `time` where that lies ahead of it; returns the factor for a weight added at `time`.

    The row's time never goes back: a late addition counts 2 ** -(age / half_life), which is below 1.
    """
    elapsed = time - at[row]
    if total[row] <= 0.0:
        at[row] = time
        return np.float32(1.0)
    if elapsed < 0:
        return np.float32(2.0 ** (elapsed / half_life))
    if elapsed >= half_life / TIME_STEPS:
        factor = np.float32(2.0 ** (-(elapsed / half_life)))
        for column in range(weights.shape[1]):
            weights[row, column] *= factor
        total[row] *= factor
        at[row] = time
    return np.float32(1.0)


@njit(cache=True, nogil=True)
def add(items, weights, people, row, item, weight, person, key):  # type: ignore[no-untyped-def]
    """Add a weight, and a `person` (0 or 1), to the row's entry for `item`.

    `key` (u64) decides on admission to a full row. What takes another's place takes its weight over, but none of its
    people: they stay those who were really counted.
    """
    width = items.shape[1]
    place = _place_of(items, row, item)
    if place >= 0:
        weights[row, place] += weight
        if people[row, place] < MOST_PEOPLE:
            people[row, place] += person
    elif items[row, width - 1] < 0:
        empty = width - 1
        while empty > 0 and items[row, empty - 1] < 0:
            empty -= 1
        items[row, empty] = item
        weights[row, empty] = weight
        people[row, empty] = person
    else:
        lightest = _lightest(weights, row)
        least = weights[row, lightest]
        if uniform(key) * (least + weight) < weight:
            items[row, lightest] = item
            weights[row, lightest] = least + weight
            people[row, lightest] = person


@njit(cache=True, nogil=True)
def _place_of(items, row, item):  # type: ignore[no-untyped-def]
    """The place of an item in its row, -1 where it is not there; without a branch, so that it is vectorised."""
    place = np.int32(-1)
    for column in range(items.shape[1]):
        place = max(place, np.int32(column) if items[row, column] == item else np.int32(-1))
    return place


@njit(cache=True, nogil=True)
def _lightest(weights, row):  # type: ignore[no-untyped-def]
    """The first place of the least weight, in two passes without a branch, so that they are vectorised.

    None is negative, so that their bits as integers are in the same order.
    """
    bits = weights.view(np.int32)
    least = bits[row, 0]
    for column in range(1, bits.shape[1]):
        least = min(least, bits[row, column])
    place = np.int32(bits.shape[1])
    for column in range(bits.shape[1]):
        place = min(place, np.int32(column) if bits[row, column] == least else np.int32(bits.shape[1]))
    return place


@njit(cache=True, nogil=True, inline="always")
def admission_key(row_hash, item_hash, offset):  # type: ignore[no-untyped-def]
    """Key of the draw for (row, item) at an event, from the ids' hashes (u64) and the event's offset."""
    return mix(row_hash + np.uint64(offset)) ^ item_hash
