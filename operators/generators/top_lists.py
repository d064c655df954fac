"""The most popular items for everybody, computed now and then and walked at every ranking."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.generators.repeats import buy_again_after
from operators.state.item_index import ItemIndex

LENGTH = 2_048
"""Items kept: users who consumed more of the top than that get shorter popularity lists."""

HEAD = 1_024
"""Items of a list that are scored one by one where all of the catalogue would be too many."""

EVERYBODYS = 0.5
"""Share of the catalogue above which a category says nothing of an item."""

_REFRESH_SHARE = 1 / 20


class TopArrays(NamedTuple):
    """Items i32, best first, with their scores f32; `heads` i32: the first `HEAD` items of either list, by number.

    `everybodys` bool by number of a category: whether more than `EVERYBODYS` of the catalogue is in it.
    `median_arrival`: epoch milliseconds by which half of the catalogue was there.
    """

    trending: NDArray[np.int32]
    trending_scores: NDArray[np.float32]
    popular: NDArray[np.int32]
    popular_scores: NDArray[np.float32]
    heads: NDArray[np.int32]
    everybodys: NDArray[np.bool_]
    median_arrival: int


class TopLists:
    """Items by plain count and by decayed mass, best first, with the scores of the last refresh.

    A refresh of n items costs O(n). It happens after as many changes as 5 % of the items, so it is O(1) a change. In a
    new shop, with fewer changes so far than items, it happens after 5 % more changes, so that lists are there soon.
    Whether an item may be recommended is checked when a list is walked, never here: what is gone is gone at once.
    """

    def __init__(self) -> None:
        self.popular = np.empty(0, np.int32)
        self.popular_scores = np.empty(0, np.float32)
        self.trending = np.empty(0, np.int32)
        self.trending_scores = np.empty(0, np.float32)
        self.heads = np.empty(0, np.int32)
        self.everybodys = np.empty(0, np.bool_)
        self.median_arrival = 0
        self.repeat_rate = 0.0
        """Of all who took an item, the share who came back; 0 until `min_support` came back to the same item."""
        self.buy_again = np.empty(0, np.float64)
        """By item, milliseconds for which what was bought is left out (`repeats.buy_again_after`)."""
        self._version = -1

    def arrays(self) -> TopArrays:
        """What kernels read; to be asked again after a refresh."""
        return TopArrays(
            self.trending,
            self.trending_scores,
            self.popular,
            self.popular_scores,
            self.heads,
            self.everybodys,
            self.median_arrival,
        )

    def refresh(self, index: ItemIndex) -> bool:
        """Bring the lists up to date where enough has changed; whether they are new."""
        changes = index.version - self._version
        if changes == 0 or (self._version >= 0 and changes < min(index.size, index.version) * _REFRESH_SHARE):
            return False
        self._version = index.version
        counts = index.interactions[: index.size]
        self.popular = _largest(counts)
        self.popular_scores = counts[self.popular]
        decayed = _decayed(index)
        self.trending = _largest(decayed)
        self.trending_scores = decayed[self.trending]
        self.heads = np.union1d(self.popular[:HEAD], self.trending[:HEAD])
        self.everybodys = index.category_sizes() > EVERYBODYS * np.count_nonzero(index.cataloged[: index.size])
        arrivals = index.cataloged_at[: index.size][index.cataloged[: index.size]]
        self.median_arrival = int(np.median(arrivals)) if len(arrivals) else 0
        repeats = index.repeats[: index.size]
        habit = index.size > 0 and repeats.max() >= index.parameters.min_support
        self.repeat_rate = (
            float(repeats.sum(dtype=np.float64) / max(counts.sum(dtype=np.float64), 1.0)) if habit else 0.0
        )
        self.buy_again = buy_again_after(index)
        return True


def _decayed(index: ItemIndex) -> NDArray[np.float32]:
    """f32[n]: popularity carried to the time of the newest event, so every age is at least 0."""
    at = index.popularity_at[: index.size]
    if len(at) == 0:
        return np.empty(0, np.float32)
    age = (at.max() - at) / index.parameters.popularity_half_life
    decayed: NDArray[np.float32] = index.popularity[: index.size] * np.exp2(-np.minimum(age, 100.0)).astype(np.float32)
    return decayed


def _largest(values: NDArray[np.float32]) -> NDArray[np.int32]:
    """Numbers of the `LENGTH` largest positive values, largest first, ties by number."""
    best = np.arange(len(values))
    if len(values) > LENGTH:
        best = np.sort(np.argpartition(-values, LENGTH - 1)[:LENGTH])
    best = best[np.argsort(-values[best], kind="stable")]
    return best[values[best] > 0.0].astype(np.int32)
