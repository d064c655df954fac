"""Fusion: one score from the scores and ranks of several generators."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.generators.generator import Generator, Voice, places
from operators.kernels.array_types import FloatArray, IntArray

NO_RANK = -1


class CandidateTable(NamedTuple):
    """The union of what g generators found, one row an item, in order of first appearance.

    - `scores` f32[n, g]: the generator's score, 0 where it did not return the item
    - `ranks` i16[n, g]: 0 is the best, `NO_RANK` where it did not return the item
    - `anchors` i32[n, g]: the history item that its reason may name, -1 for none
    """

    items: IntArray
    scores: FloatArray
    ranks: NDArray[np.int16]
    anchors: IntArray

    @classmethod
    def of_size(cls, rows: int, generators: int) -> CandidateTable:
        """Room for at most that many items."""
        shape = (rows, generators)
        return cls(
            np.empty(rows, np.int32), np.empty(shape, np.float32), np.empty(shape, np.int16), np.empty(shape, np.int32)
        )

    def head(self, rows: int) -> CandidateTable:
        """The first rows, not copied."""
        return CandidateTable(self.items[:rows], self.scores[:rows], self.ranks[:rows], self.anchors[:rows])


class FusionContext(NamedTuple):
    """What a fusion may condition on besides the candidates.

    `history_length`: distinct items of the history (bounded); `repeat_rate`: probability that the next event is on
    a consumed item; `query_weight`: 0 without a query, 1 for a list that answers a search, between as it fades;
    `answers`: whether the list answers a search.
    """

    history_length: int
    repeat_rate: float
    query_weight: float
    answers: bool = False


class FusedScores(NamedTuple):
    """`scores` f32[n], finite and not negative; `contributions` f32[n, g], each row with a sum of 1."""

    scores: FloatArray
    contributions: FloatArray

    @classmethod
    def of_size(cls, rows: int, generators: int) -> FusedScores:
        """Room for at most that many items."""
        return cls(np.empty(rows, np.float32), np.empty((rows, generators), np.float32))

    def head(self, rows: int) -> FusedScores:
        """The first rows, not copied."""
        return FusedScores(self.scores[:rows], self.contributions[:rows])


class Fusion(Protocol):
    """How candidates become one list. A learned fusion implements the same interface."""

    def fuse(
        self, generators: Sequence[Generator], table: CandidateTable, context: FusionContext, fused: FusedScores
    ) -> None:
        """Score every row of the table into `fused`; may not depend on the order of its rows.

        `generators`: those of the g columns.
        """
        ...


RANK_DISCOUNT = 0.05
LOUDER = 8.0
"""Votes that a generator which alone can speak for something gets on top of its own, at most."""


@njit(cache=True, nogil=True)
def tabulate(arrays):  # type: ignore[no-untyped-def]
    """Unite the lists of the generators with a voice into the table; returns how many items they are.

    `arrays`: `RankingArrays`. The table's columns are the first rows of `Found`.
    """
    return unite(arrays.user_view.found, arrays.user_view.scratch.slots, arrays.table)


@njit(cache=True, nogil=True)
def unite(found, slots, table):  # type: ignore[no-untyped-def]
    """As `tabulate`; `slots` is scratch by item number, -1 before and after."""
    generators = table.scores.shape[1]
    count = 0
    for generator in range(generators):
        for rank in range(found.counts[generator]):
            item = found.items[generator, rank]
            row = slots[item]
            if row < 0:
                row = count
                slots[item] = row
                table.items[row] = item
                for other in range(generators):
                    table.scores[row, other] = 0.0
                    table.ranks[row, other] = NO_RANK
                    table.anchors[row, other] = -1
                count += 1
            table.scores[row, generator] = found.scores[generator, rank]
            table.ranks[row, generator] = rank
            table.anchors[row, generator] = found.anchors[generator, rank]
    for row in range(count):
        slots[table.items[row]] = -1
    return count


class EqualWeightFusion:
    """Sum of normalised scores; all generators have one vote, those that speak for a search or for repeats up to nine.

    A list that answers a search begins with what was typed, in that order: there each better answer outvotes all other
    voices together, which order equal answers only.

    A generator's score s of an item at rank r (from 0) counts as √(s / its best score) / (1 + 0.05 r): the root and the
    rank make lists comparable whose scores fall at different speeds.

    Two generators name item 7, each with its best score, and the second one also item 4 with a quarter of it:

    >>> from operators.generators.registry import GENERATORS
    >>> table = CandidateTable(
    ...     np.array([7, 4], np.int32), np.array([[3, 8], [0, 2]], np.float32), np.array([[0, 0], [-1, 1]], np.int16),
    ...     np.full((2, 2), -1, np.int32))
    >>> fused = FusedScores.of_size(2, 2)
    >>> EqualWeightFusion().fuse(GENERATORS[:2], table, FusionContext(5, 0.0, 0.0), fused)
    >>> [round(score, 3) for score in fused.scores.tolist()], fused.contributions.tolist()
    ([2.0, 0.476], [[0.5, 0.5], [0.0, 1.0]])
    """

    def __init__(self) -> None:
        self._generators: Sequence[Generator] = ()
        self._queries: list[int] = []
        self._repeats: list[int] = []
        self._loudness = np.ones(0, np.float32)

    def fuse(
        self, generators: Sequence[Generator], table: CandidateTable, context: FusionContext, fused: FusedScores
    ) -> None:
        if generators is not self._generators:
            self._listen_to(generators)
        for place in self._queries:
            self._loudness[place] = 1.0 + LOUDER * context.query_weight
        for place in self._repeats:
            # no other voice speaks for a consumed item: this one is as loud as the user is likely to come back
            self._loudness[place] = 1.0 + LOUDER * context.repeat_rate
        leading = self._queries[0] if self._queries and context.answers else NO_RANK
        _fuse(table.scores, table.ranks, self._loudness, leading, fused.scores, fused.contributions)

    def _listen_to(self, generators: Sequence[Generator]) -> None:
        """Keep what stays the same from one ranking to the next."""
        self._generators, self._loudness = generators, np.ones(len(generators), np.float32)
        self._queries = places(generators, Voice.QUERY)
        self._repeats = places(generators, Voice.REPEATS)


@njit(cache=True, nogil=True)
def _fuse(scores, ranks, loudness, leading, fused, contributions):  # type: ignore[no-untyped-def]
    """`leading`: the generator that decides alone, -1 for none."""
    rows, generators = scores.shape
    best = np.zeros(generators, np.float32)
    for row in range(rows):
        for generator in range(generators):
            best[generator] = max(best[generator], scores[row, generator])
    for row in range(rows):
        total = np.float32(0.0)
        for generator in range(generators):
            contributions[row, generator] = 0.0
            if ranks[row, generator] >= 0 and best[generator] > 0.0:
                weight = np.sqrt(scores[row, generator] / best[generator]) * loudness[generator]
                weight = np.float32(weight / (1.0 + RANK_DISCOUNT * ranks[row, generator]))
                if generator == leading:
                    worse = 0
                    for other in range(rows):
                        worse += ranks[other, leading] >= 0 and scores[other, leading] < scores[row, leading]
                    weight = np.float32((1 + worse) * (generators + LOUDER))
                contributions[row, generator] = weight
                total += weight
        fused[row] = total
        if total > 0.0:
            for generator in range(generators):
                contributions[row, generator] /= total
