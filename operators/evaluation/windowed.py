"""Quality of the lists that were really shown, over a window of the latest tests: what a running worker can know.

An event's item is looked for in the list that its user was shown last, before the event is learned. The popularity list
of that moment, without what the user has consumed, is tested beside it. (Test-then-learn: Gama et al., *On evaluating
stream learning algorithms*, 2013.)
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from operators.evaluation.metrics import K, discounted_gain, mean_self_information, reciprocal_rank
from operators.ranking.diversity import list_diversity
from operators.state.item_index import ItemIndex

WINDOW = 5_000
LISTS = 500
LISTS_EVERY = 10
"""Every tenth list is looked at for coverage, diversity and novelty."""
TOTAL_EVERY = 100
"""Novelty needs the interactions of all items; they are summed once in so many lists."""
MINIMUM = 100
"""Tests without which there are no figures."""


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over the window; recall, mrr and ndcg at 20."""

    recall: float
    mrr: float
    ndcg: float


class WindowedTests:
    """Positions (from 0, -1 not found) of the latest tested events in one ranker's lists.

    >>> tests = WindowedTests(window=200)
    >>> for event in range(300):
    ...     tests.add(0 if event % 4 == 0 else -1)
    >>> len(tests), tests.figures()
    (200, Figures(recall=0.25, mrr=0.25, ndcg=0.25))
    """

    def __init__(self, window: int = WINDOW) -> None:
        self._positions: deque[int] = deque(maxlen=window)
        self._counts = [0] * (K + 1)
        """Tests by position; the last place is for what was not found."""

    def add(self, position: int) -> None:
        """One tested event."""
        place = position if 0 <= position < K else K
        if len(self._positions) == self._positions.maxlen:
            self._counts[self._positions[0]] -= 1
        self._positions.append(place)
        self._counts[place] += 1

    def __len__(self) -> int:
        return len(self._positions)

    def figures(self) -> Figures | None:
        """None until ``MINIMUM`` events were tested."""
        n = len(self._positions)
        if n < MINIMUM:
            return None
        found = list(enumerate(self._counts[:K]))
        return Figures(
            sum(count for _, count in found) / n,
            sum(count * reciprocal_rank(position, K) for position, count in found) / n,
            sum(count * discounted_gain(position, K) for position, count in found) / n,
        )


class WindowedClicks:
    """Click-through: attributed clicks per impression among the latest of both.

    >>> clicks = WindowedClicks()
    >>> clicks.add(impressions=20, clicks=1)
    >>> clicks.ratio()
    0.05
    """

    def __init__(self, window: int = WINDOW) -> None:
        self._latest: deque[bool] = deque(maxlen=window)
        self._clicks = 0

    def add(self, impressions: int, clicks: int) -> None:
        """What one event reported."""
        for click in [False] * impressions + [True] * clicks:
            if len(self._latest) == self._latest.maxlen:
                self._clicks -= self._latest[0]
            self._latest.append(click)
            self._clicks += click

    def ratio(self) -> float | None:
        """None without an impression."""
        impressions = len(self._latest) - self._clicks
        return self._clicks / impressions if impressions else None


class WindowedLists:
    """Coverage, intra-list diversity and novelty of the latest lists."""

    def __init__(self) -> None:
        self._lists: deque[tuple[tuple[int, ...], float, float]] = deque(maxlen=LISTS)
        self._listed: Counter[int] = Counter()
        """In how many of them an item is."""
        self._seen = 0
        self._interactions = 0.0

    def add(self, items: Iterable[int], index: ItemIndex) -> None:
        """One list that was shown."""
        self._seen += 1
        if self._seen % LISTS_EVERY:
            return
        row = np.fromiter(items, np.int32)
        if len(row) < 2:
            return
        if self._seen % TOTAL_EVERY == 0 or not self._interactions:
            self._interactions = float(index.interactions[: index.size].sum(dtype=np.float64))
        diversity = list_diversity(row, index)
        novelty = mean_self_information(row, index.interactions, max(self._interactions, 1.0))
        if len(self._lists) == LISTS:
            self._drop(self._lists[0][0])
        self._lists.append((tuple(row.tolist()), float(diversity or 0.0), float(novelty or 0.0)))
        self._listed.update(self._lists[-1][0])

    def _drop(self, items: tuple[int, ...]) -> None:
        for item in items:
            if self._listed[item] == 1:
                del self._listed[item]
            else:
                self._listed[item] -= 1

    def figures(self, known_items: int) -> tuple[float, float, float] | None:
        """(coverage, diversity, novelty in bits); None until there are ``MINIMUM`` / ``LISTS_EVERY`` lists."""
        n = len(self._lists)
        if n < MINIMUM // LISTS_EVERY or known_items == 0:
            return None
        return (
            len(self._listed) / known_items,
            sum(d for _, d, _ in self._lists) / n,
            sum(v for _, _, v in self._lists) / n,
        )
