"""From a user's state to a list: candidates, fusion, diversity, reasons."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import islice
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from operators.cold_start import ladder
from operators.diversity import maximal_marginal_relevance
from operators.eligibility import BANNED, SEEN, Gate, fresh_for_user, repeat_rate, repeats_allowed
from operators.fusion import BESIDE, CandidateTable, EqualWeightFusion, FusedScores, Fusion, FusionContext, tabulate
from operators.generators.base import Candidates, FloatArray, Generator, IntArray, UserView, Workspace
from operators.generators.fill import fill_up
from operators.generators.registry import default_generators
from operators.generators.top_lists import TopLists
from operators.item_index import ItemIndex
from operators.parameters import Parameters
from operators.reasons import explain, explained_as, nameable
from operators.user_state import UserState
from schemas.recommendation import Reason, Source

FILL = "trending"
"""The name that contributions of items without any evidence go by."""

SMALLEST_SHARE = 0.5e-4
"""Shares are rounded to four places; smaller ones would be 0."""


class Proposal(NamedTuple):
    """A list before it is put in words, with what it was made of.

    `places`: rows of the table that the items come from, -1 for items that only fill the list up. `candidates`: by
    generator; those that are computed for comparison only are there where they were asked for, and never in the table.
    """

    items: IntArray
    scores: FloatArray
    places: IntArray
    candidates: dict[str, Candidates]
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


class Ranker:
    """Ranks items for users over one index. Deterministic; not for use by two threads at once (scratch arrays)."""

    def __init__(
        self, parameters: Parameters, index: ItemIndex, generators: Sequence[Generator] | None = None,
        fusion: Fusion | None = None,
    ) -> None:  # fmt: skip
        self.parameters = parameters
        self.index = index
        self.generators = tuple(generators) if generators is not None else default_generators()
        self.names = tuple(generator.name for generator in self.generators)
        self._voiced = tuple(generator for generator in self.generators if generator.name not in BESIDE)
        self._voices = tuple(generator.name for generator in self._voiced)
        self._by_name = np.argsort(self._voices).astype(np.int32)
        self._reason_kinds = explained_as(self._voices)
        self.fusion = fusion if fusion is not None else EqualWeightFusion()
        self._top = TopLists()
        self._workspace = Workspace.of_size(index.capacity)

    def rank(
        self, state: UserState, *, now_ms: int, query: str | None = None, limit: int = 20, exploration_key: int = 0
    ) -> RankedList:
        """The best items for the user at `now_ms`, at most `limit`, fewer only where fewer are eligible.

        `query`: the text of the search that this list answers. `exploration_key` seeds exploration; the list is
        deterministic until there is one, so every propensity is 1.
        """
        self._refresh()
        with _Marked(self._workspace.mask, state):
            view = self._view(state, now_ms, query)
            proposal = self._propose(view, limit)
            contributions, reasons = self._explained(view, proposal)
        return RankedList(
            proposal.items, proposal.scores, contributions, reasons, proposal.source,
            np.ones(len(proposal.items), np.float32),
        )  # fmt: skip

    def propose(self, state: UserState, *, now_ms: int, query: str | None = None, limit: int = 20) -> Proposal:
        """The same list with all candidates and without reasons, for evaluation and for learning."""
        self._refresh()
        with _Marked(self._workspace.mask, state):
            view = self._view(state, now_ms, query)
            proposal = self._propose(view, limit)
            proposal.candidates.update(self._found(view, self.generators, proposal.candidates.keys()))
        return proposal

    def popularity_position(self, state: UserState, item: int, *, now_ms: int, k: int = 20) -> int:
        """Zero-based position of the item among the k most popular ones for the user, -1 if it is not there.

        The baseline that is shown beside every figure; ask before the item's event is learned.
        """
        self._refresh()
        with _Marked(self._workspace.mask, state):
            return int(_position(self._top.popular, item, k, self._gate(now_ms)))

    def _propose(self, view: UserView, limit: int) -> Proposal:
        candidates = self._found(view, self._voiced)
        table = tabulate(self._voices, tuple(candidates.values()), view.workspace.slots)
        context = self._context(view)
        fused = self.fusion.fuse(table, context)
        items, scores, places = maximal_marginal_relevance(
            table.items, fused.scores, limit, self.parameters.diversity, self.index.text.arrays()
        )
        if len(items) < limit:
            fillers = fill_up(view, items, limit - len(items))
            items = np.concatenate((items, fillers))
            scores = np.concatenate((scores, np.zeros(len(fillers), np.float32)))
            places = np.concatenate((places, np.full(len(fillers), -1, np.int32)))
        matched = view.query is not None and "query_match" in candidates and len(candidates["query_match"].items) > 0
        source = ladder(len(view.history), query_matched=matched, answers_query=view.query_age_ms == 0)
        return Proposal(items, scores, places, candidates, table, fused, context, source)

    def _found(
        self, view: UserView, generators: Sequence[Generator], known: Collection[str] = ()
    ) -> dict[str, Candidates]:
        """What the generators find, but for those already `known`."""
        most = self.parameters.candidates_per_generator
        return {each.name: each.generate(view, most) for each in generators if each.name not in known}

    def _refresh(self) -> None:
        """Bring what is kept beside the index up to its size and version."""
        if len(self._workspace.scores) < self.index.capacity:
            self._workspace = Workspace.of_size(self.index.capacity)
        self._top.refresh(self.index)

    def _gate(self, now_ms: int) -> Gate:
        index = self.index
        return Gate(
            self._workspace.mask, index.available, index.deleted, index.expires_at, index.cataloged,
            index.interactions, now_ms,
        )  # fmt: skip

    def _view(self, state: UserState, now_ms: int, query: str | None) -> UserView:
        index, parameters = self.index, self.parameters
        history = np.array(list(dict.fromkeys(state.recent_items)), np.int32)
        age = 0
        if query is None and state.queries:
            text, asked_at = state.queries[0]
            age = max(1, now_ms - asked_at)
            query = text if age < parameters.query_lifetime or len(history) == 0 else None
        rate = repeat_rate(state, self._top.repeat_rate)
        allowed = repeats_allowed(parameters, rate)
        return UserView(
            state, index, parameters, now_ms, history, nameable(index, history), query, age,
            rate if allowed else 0.0, allowed, self._gate(now_ms), self._top, self._workspace,
        )  # fmt: skip

    def _context(self, view: UserView) -> FusionContext:
        weight = 0.0
        if view.query is not None:
            weight = max(0.1, 1.0 - view.query_age_ms / self.parameters.query_lifetime)
        return FusionContext(len(view.history), view.repeat_rate, weight)

    def _explained(self, view: UserView, proposal: Proposal) -> tuple[list[dict[str, float]], list[Reason]]:
        """Contributions and reasons of the listed items."""
        counts, generators, shares, anchors = _voices(
            proposal.fused.contributions, proposal.table.anchors, proposal.places, self._by_name
        )
        reasons = explain(view, proposal.items, self._reason_kinds, counts, generators, anchors)
        names = map(self._voices.__getitem__, generators.tolist())
        voices = zip(names, shares.tolist(), strict=True)
        return [dict(islice(voices, count)) or {FILL: 1.0} for count in counts.tolist()], reasons


class _Marked:
    """For the length of a ``with`` block, the mask says what the user has consumed and banned."""

    def __init__(self, mask: NDArray[np.uint8], state: UserState) -> None:
        self._mask = mask
        self._consumed = np.fromiter(state.consumed, np.int32, len(state.consumed))
        self._banned = np.fromiter(state.banned, np.int32, len(state.banned))

    def __enter__(self) -> None:
        _mark(self._mask, self._consumed, self._banned)

    def __exit__(self, *_: object) -> None:
        _unmark(self._mask, self._consumed, self._banned)


@njit(cache=True, nogil=True)
def _mark(mask, consumed, banned):  # type: ignore[no-untyped-def]
    for item in consumed:
        mask[item] = SEEN
    for item in banned:
        mask[item] |= BANNED


@njit(cache=True, nogil=True)
def _unmark(mask, consumed, banned):  # type: ignore[no-untyped-def]
    for item in consumed:
        mask[item] = 0
    for item in banned:
        mask[item] = 0


@njit(cache=True, nogil=True)
def _position(items, item, k, gate):  # type: ignore[no-untyped-def]
    """Place of `item` among the first `k` of `items` that the user may get, -1 if it is not there."""
    place = 0
    for other in items:
        if place == k:
            break
        if fresh_for_user(gate, other):
            if other == item:
                return place
            place += 1
    return -1


@njit(cache=True, nogil=True)
def _voices(contributions, anchors, places, by_name):  # type: ignore[no-untyped-def]
    """How many generators contributed to each place; and place after place, the largest share first, which ones, their
    shares and anchors.

    `by_name`: generators in alphabetical order, the order of equal shares. Places of -1 have no voices.
    """
    counts = np.zeros(len(places), np.int32)
    generators = np.empty(len(places) * len(by_name), np.int32)
    shares = np.empty(len(generators), np.float64)
    named = np.empty(len(generators), np.int32)
    first = 0
    for number in range(len(places)):
        row = places[number]
        if row < 0:
            continue
        end = first
        for generator in by_name:
            share = contributions[row, generator]
            if share < SMALLEST_SHARE:
                continue
            at = end
            while at > first and contributions[row, generators[at - 1]] < share:
                generators[at] = generators[at - 1]
                at -= 1
            generators[at] = generator
            end += 1
        for at in range(first, end):
            shares[at] = np.floor(contributions[row, generators[at]] * 1e4 + 0.5) / 1e4
            named[at] = anchors[row, generators[at]]
        counts[number] = end - first
        first = end
    return counts, generators[:first], shares[:first], named[:first]
