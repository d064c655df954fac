"""Quality of the lists that were really shown, over a window of the latest tests: what a running worker can know.

An event's item is looked for in the list that its user was shown last, before the event is learned; beside it, in the
popularity list of that moment without what the user has consumed. (Test-then-learn: Gama et al., *On evaluating stream
learning algorithms*, 2013.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from operators.diversity import list_diversity
from operators.evaluation.metrics import discounted_gain, mean_self_information, reciprocal_rank
from operators.item_index import ItemIndex

K = 20
WINDOW = 5_000
LISTS = 500
LISTS_EVERY = 10
"""Every tenth list is looked at for coverage, diversity and novelty."""
MINIMUM = 100


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over the window; recall, mrr and ndcg at 20."""

    recall: float
    mrr: float
    ndcg: float


class WindowedTests:
    """Positions (from 0, -1 not found) of the latest tested events in one ranker's lists."""

    def __init__(self, window: int = WINDOW) -> None:
        self._positions: deque[int] = deque(maxlen=window)

    def add(self, position: int) -> None:
        """One tested event."""
        self._positions.append(position)

    def __len__(self) -> int:
        return len(self._positions)

    def figures(self) -> Figures | None:
        """None until ``MINIMUM`` events were tested."""
        n = len(self._positions)
        if n < MINIMUM:
            return None
        found = [position for position in self._positions if 0 <= position < K]
        return Figures(
            len(found) / n,
            sum(reciprocal_rank(position, K) for position in found) / n,
            sum(discounted_gain(position, K) for position in found) / n,
        )


class WindowedClicks:
    """Click-through: attributed clicks per impression among the latest of both."""

    def __init__(self, window: int = WINDOW) -> None:
        self._clicks: deque[bool] = deque(maxlen=window)

    def add(self, impressions: int, clicks: int) -> None:
        """What one event reported."""
        self._clicks.extend([False] * impressions + [True] * clicks)

    def ratio(self) -> float | None:
        """None without an impression."""
        clicks = sum(self._clicks)
        impressions = len(self._clicks) - clicks
        return clicks / impressions if impressions else None


class WindowedLists:
    """Coverage, intra-list diversity and novelty of the latest lists."""

    def __init__(self) -> None:
        self._lists: deque[tuple[tuple[int, ...], float, float]] = deque(maxlen=LISTS)
        self._seen = 0

    def add(self, items: Iterable[int], index: ItemIndex) -> None:
        """One list that was shown."""
        self._seen += 1
        if self._seen % LISTS_EVERY:
            return
        row = np.fromiter(items, np.int32)
        if len(row) < 2:
            return
        total = float(index.interactions[: index.size].sum(dtype=np.float64))
        diversity = list_diversity(row, index)
        novelty = mean_self_information(row, index.interactions, max(total, 1.0))
        self._lists.append((tuple(row.tolist()), float(diversity or 0.0), float(novelty or 0.0)))

    def figures(self, known_items: int) -> tuple[float, float, float] | None:
        """(coverage, diversity, novelty in bits); None until there are ``MINIMUM`` / ``LISTS_EVERY`` lists."""
        n = len(self._lists)
        if n < MINIMUM // LISTS_EVERY or known_items == 0:
            return None
        distinct = {item for items, _, _ in self._lists for item in items}
        return len(distinct) / known_items, sum(d for _, d, _ in self._lists) / n, sum(v for _, _, v in self._lists) / n
