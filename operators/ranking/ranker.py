"""From a user's state to a list: candidates, fusion, diversity, reasons."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import numpy as np
from numba import njit

from operators.generators.base import Candidates, Found, UserArrays, Workspace
from operators.generators.eligibility import fresh_for_user, gate_of, mark, repeat_rate, repeats_allowed, unmark
from operators.generators.generator import Generator, Voice, places
from operators.generators.generator_set import GeneratorSet
from operators.generators.registry import GENERATORS
from operators.generators.repeats import Holds
from operators.generators.top_lists import TopLists
from operators.generators.view import HalfLives, View
from operators.kernels.array_types import FloatArray, IntArray
from operators.ranking.arrays import RankingArrays
from operators.ranking.cold_start import ladder
from operators.ranking.fusion import CandidateTable, EqualWeightFusion, FusedScores, Fusion, FusionContext, tabulate
from operators.ranking.listing import Listing, ListRules, make_list
from operators.ranking.reasons import explained_as, in_words
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_state import UserState
from operators.text.query import NO_QUERY
from schemas.recommendation import Reason, ReasonKind, Source

FILL = ReasonKind.FILL.value
"""The name that contributions of items without any evidence go by."""

QUIETEST_QUERY = 0.1
"""Weight, at least, of a search that the list may stand on."""

_NO_ITEMS = np.empty(0, np.int32)
_NO_ACTIONS = np.empty(0, np.uint8)
_NO_FACTORS = np.empty(0, np.float32)


class Proposal(NamedTuple):
    """A list before it is put in words, with what it was made of.

    `places`: rows of the table that the items come from, -1 for items that only fill the list up. `candidates`: by
    generator, also of those without a voice, which are never in the table. `generators`: names of the table's columns.
    """

    items: IntArray
    scores: FloatArray
    places: IntArray
    candidates: dict[str, Candidates]
    generators: tuple[str, ...]
    table: CandidateTable
    fused: FusedScores
    context: FusionContext
    source: Source


class RankedList(NamedTuple):
    """Items best first with all that a recommendation record says about them; parallel sequences.

    `contributions`: shares by generator, the largest first, rounded to four places.
    """

    items: IntArray
    scores: FloatArray
    contributions: list[dict[str, float]]
    reasons: list[Reason]
    source: Source
    propensities: FloatArray


class _Made(NamedTuple):
    """What one ranking left in the scratch arrays: lengths, and what is said of the list as a whole."""

    rows: int
    items: int
    voices: int
    query: str | None
    context: FusionContext
    source: Source


class Ranker:
    """Ranks items for users over one index. Deterministic; not for use by two threads at once (scratch arrays).

    Of a user of whom nothing is known, over a catalogue that nobody has touched, the newest items come first:

    >>> from schemas.records import CatalogItem
    >>> parameters = Parameters()
    >>> index = ItemIndex(parameters)
    >>> for item in ("tea", "coffee"):
    ...     row = index.set_catalog(CatalogItem(item, item.title()))
    >>> ranked = Ranker(parameters, index).rank(UserState.fresh("anna", parameters), now_ms=0)
    >>> [index.ids[item] for item in ranked.items], ranked.source.value, ranked.reasons[0].kind.value
    (['coffee', 'tea'], 'trending', 'fill')
    """

    def __init__(
        self, parameters: Parameters, index: ItemIndex, generators: Sequence[Generator] = GENERATORS,
        fusion: Fusion | None = None,
    ) -> None:  # fmt: skip
        """Raises `ValueError` where two generators have the same name.

        Other generators than those of the registry are compiled together at the first ranking, which takes seconds.
        """
        self.parameters = parameters
        self.index = index
        self.generators = GeneratorSet(generators)
        self.fusion = fusion if fusion is not None else EqualWeightFusion()
        voiced = self.generators.voiced
        self._voices = self.generators.names[: len(voiced)]
        self._queries = places(voiced, Voice.QUERY)
        self._rules = ListRules(
            float(parameters.diversity), np.argsort(self._voices).astype(np.int32), explained_as(voiced),
            parameters.min_support, float(parameters.popularity_half_life),
        )  # fmt: skip
        self._top = TopLists()
        self._half_lives = HalfLives.of(parameters)
        most = parameters.candidates_per_generator
        self._found = Found.of_size(len(self.generators.all), most)
        self._table = CandidateTable.of_size(most * len(self._voices), len(self._voices))
        self._fused = FusedScores.of_size(most * len(self._voices), len(self._voices))
        self._listing = Listing.of_size(20, len(self._voices))
        self._workspace = Workspace.of_size(index.capacity, parameters.history)
        self._generations = (-1, -1, -1)
        self._view: View
        self._arrays: RankingArrays

    def rank(
        self, state: UserState, *, now_ms: int, query: str | None = None, limit: int = 20, exploration_key: int = 0,
        before_eyes: Collection[int] = (),
    ) -> RankedList:  # fmt: skip
        """The best items for the user at `now_ms`, at most `limit`, fewer only where fewer are eligible.

        `query`: the text of the search that this list answers. `exploration_key` seeds exploration; the list is
        deterministic until there is one, so every propensity is 1. `before_eyes`: items that are not offered back to
        the user, beside the last one of the history.
        """
        made = self._make(state, now_ms, query, limit, before_eyes)
        items, scores, _, kinds, named, support, counts, generators, shares, _ = self._listing
        count, voices = made.items, made.voices
        return RankedList(
            items[:count].copy(), scores[:count].copy(),
            self._contributions(counts[:count].tolist(), generators[:voices].tolist(), shares[:voices].tolist()),
            in_words(
                kinds[:count].tolist(), named[:count].tolist(), support[:count].tolist(), self.index, made.query
            ),
            made.source, _certain(count),
        )  # fmt: skip

    def propose(self, state: UserState, *, now_ms: int, query: str | None = None, limit: int = 20) -> Proposal:
        """The same list with all candidates and without reasons, for evaluation and for learning."""
        made = self._make(state, now_ms, query, limit, all_of_them=True)
        count, listing = made.items, self._listing
        table, fused = self._table.head(made.rows), self._fused.head(made.rows)
        return Proposal(
            listing.items[:count].copy(), listing.scores[:count].copy(), listing.places[:count].copy(),
            {name: self._found.of(place) for place, name in enumerate(self.generators.names)}, self._voices,
            CandidateTable(*_copied(table)), FusedScores(*_copied(fused)), made.context, made.source,
        )  # fmt: skip

    def popularity_position(self, state: UserState, item: int, *, now_ms: int, k: int = 20) -> int:
        """Zero-based position of the item among the k most popular ones for the user, -1 if it is not there.

        The baseline that is shown beside every figure; ask before the item's event is learned.
        """
        self._refresh(len(self._listing.items))
        user = UserArrays(
            _NO_ITEMS, _NO_ACTIONS, _numbers(state.consumed), _numbers(state.banned), _NO_ITEMS, _NO_ITEMS, _NO_ITEMS,
            _NO_FACTORS, NO_QUERY, False, False, now_ms,
        )  # fmt: skip
        return int(_position(self._view, item, k, user))

    def telling_categories(self, one: int, other: int) -> list[str]:
        """Categories of the catalogue that both items have, of their first few, and that are not everybody's."""
        common = {*self.index.category_ids[one].tolist()} & {*self.index.category_ids[other].tolist()} - {-1}
        everybodys = self._top.everybodys
        row = self.index.catalog[other]
        names = () if row is None else row.categories
        return [
            name
            for name in names
            if (number := self.index.category_number(name)) in common
            and not (number < len(everybodys) and everybodys[number])
        ]

    def _make(
        self, state: UserState, now_ms: int, query: str | None, limit: int, before_eyes: Collection[int] = (), *,
        all_of_them: bool = False,
    ) -> _Made:  # fmt: skip
        """One ranking, left in the scratch arrays."""
        self._refresh(limit)
        index, arrays = self.index, self._arrays
        query, age = self._query(state, now_ms, query)
        rate = repeat_rate(state, self._top.repeat_rate)
        allowed = repeats_allowed(self.parameters, rate)
        held, due = Holds.of(state, self._top.buy_again, now_ms)
        if len(before_eyes) > 1:
            held = np.concatenate((held, np.fromiter(before_eyes, np.int32, len(before_eyes))))
        if self.parameters.allow_repeats is False:
            due = _NO_ITEMS
        answers = query is not None and age == 0
        user = UserArrays(
            np.array(state.recent_items, np.int32), np.array(state.recent_actions, np.uint8),
            _numbers(state.consumed), _numbers(state.banned), held, due, _came_back_to(state), state.factors,
            NO_QUERY if query is None else index.search.query(query), answers, allowed, now_ms,
        )  # fmt: skip
        described = index.text.documents > 0
        history = self.generators.find(self._view, user, index.size, described, all_of_them=all_of_them)
        rows = tabulate(arrays)
        table, fused = self._table.head(rows), self._fused.head(rows)
        weight = 0.0 if query is None else max(QUIETEST_QUERY, 1.0 - age / self.parameters.query_lifetime)
        context = FusionContext(history, rate if allowed else 0.0, weight, answers)
        self.fusion.fuse(self.generators.voiced, table, context, fused)
        matches = 0 if query is None else sum(int(self._found.counts[place]) for place in self._queries)
        items, voices = make_list(arrays, rows, query is not None, matches if answers else 0)
        source = ladder(history, query_matched=matches > 0, answers_query=answers)
        return _Made(rows, items, voices, query, context, source)

    def _query(self, state: UserState, now_ms: int, query: str | None) -> tuple[str | None, int]:
        """The text that the list may stand on, and how old it is in ms (0: the list answers it).

        None when the user searched for nothing lately; of a user without any history the last search stays.
        """
        if query is not None or not state.queries:
            return query, 0
        text, asked_at = state.queries[0]
        age = max(1, now_ms - asked_at)
        return (text if age < self.parameters.query_lifetime or not state.recent_items else None), age

    def _refresh(self, limit: int) -> None:
        """Bring what is kept beside the index up to its size and version, and the room for the list to `limit`."""
        index = self.index
        generations = index.generation, index.text.generation, index.search.generation
        if not self._top.refresh(index) and generations == self._generations and limit == len(self._listing.items):
            return
        self._generations = generations
        if len(self._workspace.scores) < index.capacity:
            self._workspace = Workspace.of_size(index.capacity, self.parameters.history)
        if limit != len(self._listing.items):
            self._listing = Listing.of_size(limit, len(self._voices))
        self._view = View(
            index.arrays(), self._half_lives, index.text.arrays(), index.search.arrays(), self._top.arrays(),
            self._workspace, self._found,
        )  # fmt: skip
        self._arrays = RankingArrays(self._view, self._table, self._fused, self._rules, self._listing)

    def _contributions(self, counts: list[int], generators: list[int], shares: list[float]) -> list[dict[str, float]]:
        """Shares by name of each listed item."""
        voices = zip(map(self._voices.__getitem__, generators), shares, strict=True)
        return [dict(islice(voices, count)) or {FILL: 1.0} for count in counts]


@lru_cache
def _certain(count: int) -> FloatArray:
    """f32[count] of ones: the propensities of a list that is not drawn, shared and not to be written to."""
    ones = np.ones(count, np.float32)
    ones.flags.writeable = False
    return ones


def _numbers(items: dict[int, int] | dict[int, None]) -> IntArray:
    return np.fromiter(items, np.int32, len(items))


def _came_back_to(state: UserState) -> IntArray:
    """Items of the history, or bought, that the user took on several occasions."""
    if not state.repeat_events:
        return _NO_ITEMS
    consumed = state.consumed
    items = {*state.recent_items, *state.bought}
    return np.array([item for item in items if consumed.get(item, 0) > 1], np.int32)


def _copied(arrays: Iterable[np.ndarray]) -> Iterable[np.ndarray]:
    return (array.copy() for array in arrays)


@njit(cache=True, nogil=True)
def _position(view, item, k, user):  # type: ignore[no-untyped-def]
    """Place of `item` among the `k` most popular ones that the user may get, -1 if it is not there."""
    mask = view.scratch.mask
    gate = gate_of(view.rows, mask, user.now)
    mark(mask, user)
    found = -1
    place = 0
    for other in view.top.popular:
        if place == k:
            break
        if fresh_for_user(gate, other):
            if other == item:
                found = place
                break
            place += 1
    unmark(mask, user)
    return found
