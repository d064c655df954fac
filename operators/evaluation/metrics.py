"""Ranking metrics accumulated one tested event at a time (one relevant item an event)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

K = 20
"""Places of a list that count, wherever this program reports its quality."""


def reciprocal_rank(position: int, k: int) -> float:
    """1 / (position + 1) of the zero-based position of the wanted item, 0 when it is not among the first k.

    >>> reciprocal_rank(1, k=20), reciprocal_rank(-1, k=20)
    (0.5, 0.0)
    """
    return 1.0 / (position + 1) if 0 <= position < k else 0.0


def discounted_gain(position: int, k: int) -> float:
    """nDCG@k with a single relevant item: 1 / log2(position + 2); the ideal gain is 1.

    >>> discounted_gain(0, k=20), discounted_gain(2, k=20)
    (1.0, 0.5)
    """
    return 1.0 / math.log2(position + 2) if 0 <= position < k else 0.0


@dataclass(slots=True)
class RankingTally:
    """Recall@k, MRR@k, nDCG@k, recall@5, coverage, diversity and novelty of the lists of one ranker.

    coverage: share of the items known at the end that were in at least one list.
    diversity: mean of 1 - similarity over the pairs of a list, in [0, 1].
    novelty: mean self-information -log2(share of all interactions that went to the item), in bits
    (Vargas and Castells, RecSys 2011).

    >>> tally = RankingTally(k=20)
    >>> for position in (0, 3, -1, 9):
    ...     tally.add(position)
    >>> tally.figures(known_items=100)["recall@20"], tally.figures(known_items=100)["mrr@20"]
    (0.75, 0.3375)
    """

    k: int = 20
    tested: int = 0
    hits: int = 0
    hits_at_5: int = 0
    _reciprocal: float = 0.0
    _gain: float = 0.0
    _novelty: float = 0.0
    _novelty_lists: int = 0
    _diversity: float = 0.0
    _diversity_lists: int = 0
    _listed: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(1024, np.bool_))

    def add(self, position: int) -> None:
        """Count one tested event: zero-based position of its item in the list, -1 when it was not there."""
        self.tested += 1
        if not 0 <= position < self.k:
            return
        self.hits += 1
        self.hits_at_5 += position < 5
        self._reciprocal += reciprocal_rank(position, self.k)
        self._gain += discounted_gain(position, self.k)

    def add_list(self, items: NDArray[np.int32], novelty: float | None, diversity: float | None) -> None:
        """Count the items of one list; None where a figure is not defined for it (fewer than one or two items)."""
        if len(items) and int(items.max()) >= len(self._listed):
            grown = np.zeros(max(2 * len(self._listed), int(items.max()) + 1), np.bool_)
            grown[: len(self._listed)] = self._listed
            self._listed = grown
        self._listed[items] = True
        if novelty is not None:
            self._novelty += novelty
            self._novelty_lists += 1
        if diversity is not None:
            self._diversity += diversity
            self._diversity_lists += 1

    def figures(self, known_items: int) -> dict[str, float | int | None]:
        """The figures by their public names; None where nothing was counted, never NaN."""
        return {
            "tested": self.tested,
            f"recall@{self.k}": _share(self.hits, self.tested),
            f"mrr@{self.k}": _share(self._reciprocal, self.tested),
            f"ndcg@{self.k}": _share(self._gain, self.tested),
            "recall@5": _share(self.hits_at_5, self.tested),
            "coverage": _share(int(self._listed.sum()), known_items),
            "diversity": _share(self._diversity, self._diversity_lists),
            "novelty": _share(self._novelty, self._novelty_lists),
        }


def mean_self_information(items: NDArray[np.int32], interactions: NDArray[np.float32], total: float) -> float:
    """Mean -log2((count + 1) / (total + 1)) of the listed items: how surprising the list is, in bits.

    >>> mean_self_information(np.array([0, 1], np.int32), np.array([7, 1], np.float32), total=15.0)
    2.0
    """
    bits = 0.0
    for count in interactions[items].tolist():
        bits -= math.log2(min(1.0, (count + 1.0) / (total + 1.0)))
    return bits / len(items)


def _share(part: float, whole: float) -> float | None:
    return part / whole if whole else None
