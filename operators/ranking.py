"""From a user's state to a list: candidates, fusion, diversity, reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from numba import njit

from operators.cold_start import ladder
from operators.diversity import maximal_marginal_relevance
from operators.eligibility import BANNED, SEEN, Gate, fresh_for_user, repeat_rate, repeats_allowed
from operators.fusion import CandidateTable, EqualWeightFusion, FusedScores, Fusion, FusionContext, tabulate
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

_POOL = 3
"""Diversity chooses among this many times the list's length."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A list before it is put in words, with what it was made of.

    `places`: rows of the table that the items come from, -1 for items that only fill the list up.
    """

    items: IntArray
    scores: FloatArray
    places: IntArray
    candidates: tuple[Candidates, ...]
    table: CandidateTable
    fused: FusedScores
    context: FusionContext
    source: Source


@dataclass(frozen=True, slots=True)
class RankedList:
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
        self._by_name = np.argsort(self.names).astype(np.int32)
        self._reason_kinds = explained_as(self.names)
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
        with self._view(state, now_ms, query) as view:
            proposal = self._propose(view, limit)
            contributions, reasons = self._explained(view, proposal)
        return RankedList(
            proposal.items, proposal.scores, contributions, reasons, proposal.source,
            np.ones(len(proposal.items), np.float32),
        )  # fmt: skip

    def propose(self, state: UserState, *, now_ms: int, query: str | None = None, limit: int = 20) -> Proposal:
        """The same list with the candidates behind it and without reasons, for evaluation and for learning."""
        with self._view(state, now_ms, query) as view:
            return self._propose(view, limit)

    def popularity_position(self, state: UserState, item: int, *, now_ms: int, k: int = 20) -> int:
        """Zero-based position of the item among the k most popular ones for the user, -1 if it is not there.

        The baseline that is shown beside every figure; ask before the item's event is learned.
        """
        self._refresh()
        with self._gate(state, now_ms) as gate:
            return int(_position(self._top.popular, item, k, gate))

    def _propose(self, view: UserView, limit: int) -> Proposal:
        candidates = tuple(
            generator.generate(view, self.parameters.candidates_per_generator) for generator in self.generators
        )
        table = tabulate(self.names, candidates, view.workspace.slots)
        context = self._context(view)
        fused = self.fusion.fuse(table, context)
        pool = _best_rows(fused.scores, table.items, _POOL * limit)
        chosen = maximal_marginal_relevance(
            table.items[pool], fused.scores[pool], limit, self.parameters.diversity, self.index.text
        )
        places = pool[chosen]
        items, scores = table.items[places], fused.scores[places]
        if len(items) < limit:
            fillers = fill_up(view, items, limit - len(items))
            items = np.concatenate((items, fillers))
            scores = np.concatenate((scores, np.zeros(len(fillers), np.float32)))
            places = np.concatenate((places, np.full(len(fillers), -1, np.int32)))
        matched = view.query is not None and self._matched(candidates)
        source = ladder(len(view.history), query_matched=matched, answers_query=view.query_age_ms == 0)
        return Proposal(items, scores, places, candidates, table, fused, context, source)

    def _refresh(self) -> None:
        """Bring what is kept beside the index up to its size and version."""
        if len(self._workspace.scores) < self.index.capacity:
            self._workspace = Workspace.of_size(self.index.capacity)
        self._top.refresh(self.index)

    @contextmanager
    def _gate(self, state: UserState, now_ms: int) -> Iterator[Gate]:
        index, mask = self.index, self._workspace.mask
        consumed = np.fromiter(state.consumed, np.int32, len(state.consumed))
        mask[consumed] = SEEN
        banned = np.fromiter(state.banned, np.int32, len(state.banned)) if state.banned else None
        if banned is not None:
            mask[banned] |= BANNED
        try:
            yield Gate(
                mask, index.available, index.deleted, index.expires_at, index.cataloged, index.interactions, now_ms
            )
        finally:
            mask[consumed] = 0
            if banned is not None:
                mask[banned] = 0

    @contextmanager
    def _view(self, state: UserState, now_ms: int, query: str | None) -> Iterator[UserView]:
        index, parameters = self.index, self.parameters
        self._refresh()
        history = np.array(list(dict.fromkeys(state.recent_items)), np.int32)
        age = 0
        if query is None and state.queries:
            text, asked_at = state.queries[0]
            age = max(1, now_ms - asked_at)
            query = text if age < parameters.query_lifetime or len(history) == 0 else None
        allowed = repeats_allowed(parameters, repeat_rate(state, self._top.repeat_rate))
        with self._gate(state, now_ms) as gate:
            yield UserView(
                state, index, parameters, now_ms, history, nameable(index, history), query, age, allowed,
                gate, self._top, self._workspace,
            )  # fmt: skip

    def _context(self, view: UserView) -> FusionContext:
        weight = 0.0
        if view.query is not None:
            weight = max(0.1, 1.0 - view.query_age_ms / self.parameters.query_lifetime)
        rate = repeat_rate(view.state, self._top.repeat_rate) if view.repeats_allowed else 0.0
        return FusionContext(len(view.history), rate, weight)

    def _matched(self, candidates: tuple[Candidates, ...]) -> bool:
        return any(
            name == "query_match" and len(each.items) > 0 for name, each in zip(self.names, candidates, strict=True)
        )

    def _explained(self, view: UserView, proposal: Proposal) -> tuple[list[dict[str, float]], list[Reason]]:
        """Contributions and reasons of the listed items."""
        counts, generators, shares, anchors = _voices(
            proposal.fused.contributions, proposal.table.anchors, proposal.places, self._by_name
        )
        name = self.names.__getitem__
        contributions = [
            dict(zip(map(name, row[:count]), row_shares, strict=False)) or {FILL: 1.0}
            for count, row, row_shares in zip(counts.tolist(), generators.tolist(), shares.tolist(), strict=True)
        ]
        return contributions, explain(view, proposal.items, self._reason_kinds, counts, generators, anchors)


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
def _best_rows(scores, items, limit):  # type: ignore[no-untyped-def]
    """Rows by falling score, ties by item number, so the order in which generators were asked has no say."""
    rows = np.empty(min(limit, len(scores)), np.int32)
    kept = 0
    for row in range(len(scores)):
        at = kept
        while at > 0:
            other = rows[at - 1]
            if scores[other] > scores[row] or (scores[other] == scores[row] and items[other] < items[row]):
                break
            if at < len(rows):
                rows[at] = other
            at -= 1
        if at < len(rows):
            rows[at] = row
            kept = min(kept + 1, len(rows))
    return rows


@njit(cache=True, nogil=True)
def _voices(contributions, anchors, places, by_name):  # type: ignore[no-untyped-def]
    """Of each place: how many generators contributed, which ones, the largest share first, their shares and anchors.

    `by_name`: generators in alphabetical order, the order of equal shares. Places of -1 have no voices.
    """
    generators = len(by_name)
    counts = np.zeros(len(places), np.int32)
    order = np.zeros((len(places), generators), np.int32)
    shares = np.zeros((len(places), generators), np.float64)
    named = np.full((len(places), generators), -1, np.int32)
    for number in range(len(places)):
        row = places[number]
        if row < 0:
            continue
        count = 0
        for generator in by_name:
            share = contributions[row, generator]
            if share < SMALLEST_SHARE:
                continue
            at = count
            while at > 0 and contributions[row, order[number, at - 1]] < share:
                order[number, at] = order[number, at - 1]
                at -= 1
            order[number, at] = generator
            count += 1
        for at in range(count):
            shares[number, at] = np.floor(contributions[row, order[number, at]] * 1e4 + 0.5) / 1e4
            named[number, at] = anchors[row, order[number, at]]
        counts[number] = count
    return counts, order, shares, named
