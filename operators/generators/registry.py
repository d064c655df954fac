"""The generators in use, all asked in one call of compiled code.

One call, because a call costs more than most of the work in it (`operators.ranking.arrays`). A new generator is a file in
this folder with its kernel, a name and a line here, and a case in the shared test suite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numba import njit

from operators.generators.base import UserArrays
from operators.generators.content import content
from operators.generators.eligibility import gate_of, mark, unmark
from operators.generators.item_knn import item_knn
from operators.generators.matrix_factorization import matrix_factorization
from operators.generators.query_match import query_match
from operators.generators.repeat import repeat
from operators.generators.transitions import transitions
from operators.generators.walk import walk

TRENDING, ITEM_KNN, TRANSITIONS, REPEAT, CONTENT, QUERY_MATCH, MATRIX_FACTORIZATION, POPULARITY = range(8)
NAMES = (
    "trending", "item_knn", "transitions", "repeat", "content", "query_match", "matrix_factorization", "popularity",
)  # fmt: skip
"""Keys in `contributions`, metrics and the evaluation's table, in the order in which candidates are united."""


class Generators(Protocol):
    """Sources of candidates. Implementations hold no state of users and draw no random numbers."""

    @property
    def names(self) -> tuple[str, ...]:
        """One for each row of `Found`."""
        ...

    @property
    def voices(self) -> int:
        """The first so many have a say; those behind are computed for comparison only."""
        ...

    def find(self, arrays: Any, user: UserArrays, size: int, described: bool, *, all_of_them: bool) -> int:
        """Fill `found` with items that pass the gate, and the history of the workspace; returns the history's length.

        The cut to the room of `found` is made after the gate, never before. `size`: items known; `described`: whether any has a
        text, so there is a catalogue; `all_of_them`: also those without a say.
        """
        ...


class DefaultGenerators:
    """All generators of this folder, or those named."""

    names = NAMES
    voices = POPULARITY

    def __init__(self, names: Sequence[str] = NAMES) -> None:
        self._asked = np.array([name in names for name in NAMES])
        self._voiced = self._asked & (np.arange(len(NAMES)) != POPULARITY)

    def find(self, arrays: Any, user: UserArrays, size: int, described: bool, *, all_of_them: bool) -> int:
        """As in `Generators`; popularity is the one without a say."""
        return int(_find(arrays, user, size, described, self._asked if all_of_them else self._voiced))


@njit(cache=True, nogil=True)
def _find(arrays, user, size, described, asked):  # type: ignore[no-untyped-def]
    rows, text, top, scratch, tuning, found = (
        arrays.rows, arrays.text, arrays.top, arrays.scratch, arrays.tuning, arrays.found,
    )  # fmt: skip
    gate = gate_of(rows, scratch.mask, user.now)
    mark(scratch.mask, user.consumed, user.banned)
    count = _history(user.recent, rows, described, scratch)
    history, nameable = scratch.history[:count], scratch.nameable[:count]
    found.counts[:] = 0
    if asked[TRENDING]:
        walk(top.trending, top.trending_scores, gate, found, TRENDING)
    if asked[POPULARITY]:
        walk(top.popular, top.popular_scores, gate, found, POPULARITY)
    if asked[ITEM_KNN]:
        last = history[: tuning.knn_history]
        item_knn(last, nameable, tuning.knn_decay, tuning.neighbour_half_life, rows, scratch, gate, found, ITEM_KNN)
    if asked[TRANSITIONS]:
        last = history[: tuning.transition_history]
        transitions(
            last, nameable, tuning.transition_backoff, tuning.transition_discount, tuning.successor_half_life, rows,
            scratch, gate, found, TRANSITIONS,
        )  # fmt: skip
    if asked[REPEAT] and user.repeats_allowed:
        repeat(history, tuning.repeat_decay, gate, found, REPEAT)
    if asked[CONTENT] and described:
        content(history[: tuning.content_history], tuning.content_decay, text, gate, found, CONTENT)
    if asked[QUERY_MATCH]:
        query_match(user.tokens, user.token_weights, text, gate, found, QUERY_MATCH)
    if asked[MATRIX_FACTORIZATION]:
        matrix_factorization(user.factors, rows.factors, size, top.heads, gate, found, MATRIX_FACTORIZATION)
    unmark(scratch.mask, user.consumed, user.banned)
    return count


@njit(cache=True, nogil=True)
def _history(recent, rows, described, scratch):  # type: ignore[no-untyped-def]
    """Distinct items of `recent`, as far as there is room, and whether each may be named; returns how many they are.

    An item may be named that is not deleted, and has a title where there is a catalogue. A system without any
    catalogue has no titles; there ids are named, in records and not in sentences.
    """
    count = 0
    for item in recent:
        if count == len(scratch.history):
            break  # a state of a time when histories were longer
        if scratch.slots[item] >= 0:
            continue
        scratch.slots[item] = 1
        scratch.history[count] = item
        scratch.nameable[count] = rows.titled[item] or not (described or rows.deleted[item] or rows.cataloged[item])
        count += 1
    for place in range(count):
        scratch.slots[scratch.history[place]] = -1
    return count
