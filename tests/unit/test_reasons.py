"""What a list says of its items: reasons and the generators' shares."""

from __future__ import annotations

from dataclasses import replace

import pytest
from numba import njit

from operators.generators.base import Found, UserArrays
from operators.generators.registry import DefaultGenerators
from operators.ranking.arrays import RankingArrays
from operators.ranking.ranker import FILL, Ranker
from operators.state.parameters import DAY_MS
from schemas.recommendation import Reason, ReasonKind
from schemas.records import Purchase
from tests.learning_support import FILMS as PARAMETERS
from tests.learning_support import START, Run, click, shop

NOW = START + DAY_MS


@pytest.fixture(scope="module")
def busy() -> Run:
    """Read only."""
    return shop()


REASONS = {
    "item_knn": ReasonKind.CO_WATCHED,
    "transitions": ReasonKind.NEXT_IN_SEQUENCE,
    "content": ReasonKind.SAME_GENRE,
    "query_match": ReasonKind.SEARCH_MATCH,
    "trending": ReasonKind.TRENDING,
    "repeat": ReasonKind.REPEAT,
    "matrix_factorization": ReasonKind.TASTE,
}


class Say:
    """Generators under the names of others, with fixed candidates that all have the same anchor."""

    def __init__(self, anchor: int, **lists: list[tuple[int, float]]) -> None:
        self.names, self.voices, self._nobody = tuple(lists), len(lists), DefaultGenerators(())
        self._said = Found.of_size(len(lists), max(map(len, lists.values())))
        for place, pairs in enumerate(lists.values()):
            self._said.counts[place] = len(pairs)
            self._said.items[place, : len(pairs)] = [item for item, _ in pairs]
            self._said.scores[place, : len(pairs)] = [score for _, score in pairs]
            self._said.anchors[place, : len(pairs)] = anchor

    def find(self, arrays: RankingArrays, user: UserArrays, size: int, described: bool, *, all_of_them: bool) -> int:
        history = self._nobody.find(arrays, user, size, described, all_of_them=all_of_them)
        _say(arrays, self._said)
        return history


@njit
def _say(arrays, said):  # type: ignore[no-untyped-def]
    found = arrays.found
    for place in range(len(said.counts)):
        found.counts[place] = said.counts[place]
        for at in range(said.counts[place]):
            found.items[place, at] = said.items[place, at]
            found.scores[place, at] = said.scores[place, at]
            found.anchors[place, at] = said.anchors[place, at]


@pytest.mark.parametrize("loudest", sorted(REASONS))
def test_the_reason_is_the_largest_contribution(busy: Run, loudest: str) -> None:
    """Every other generator names the item too, in a place far back."""
    run = shop()
    run.learn(click(9000, "me", "i1", 50_000))
    anchor, item = run.row("i1"), run.row("i4")
    quiet = [(other, 1.0) for other in range(20, 50)]
    others = [name for name in REASONS if name not in (loudest, "matrix_factorization")]
    if loudest == "matrix_factorization":
        others = []  # it explains only what nothing else does
    found = {name: [*quiet, (item, 0.001)] for name in others}
    generators = Say(anchor, **{loudest: [(item, 1.0)]}, **found)
    listed = Ranker(PARAMETERS, run.index, generators).rank(run.user("me"), now_ms=NOW, query="green tea", limit=60)
    place = listed.items.tolist().index(item)
    shares, reason = listed.contributions[place], listed.reasons[place]
    assert max(shares, key=shares.__getitem__) == loudest
    assert reason.kind is REASONS[loudest]
    anchored = reason.kind in (ReasonKind.CO_WATCHED, ReasonKind.NEXT_IN_SEQUENCE, ReasonKind.SAME_GENRE)
    assert reason.anchor_item_id == ("i1" if anchored else None)
    assert reason.query == ("green tea" if loudest == "query_match" else None)


def test_contributions_are_shares(busy: Run) -> None:
    """They sum to 1 and name generators, whatever an item came by."""
    ranker = Ranker(busy.parameters, busy.index)
    for user, query, limit in (("u1", None, 60), ("u1", "green tea", 20), ("nobody", None, 60), ("nobody", "tea", 20)):
        for shares in ranker.rank(busy.user(user), now_ms=NOW, query=query, limit=limit).contributions:
            assert sum(shares.values()) == pytest.approx(1.0, abs=1e-3)
            assert set(shares) <= set(ranker.names) and all(0 < share <= 1 for share in shares.values())


def test_an_item_that_only_popularity_knows_is_said_to_fill_the_list() -> None:
    """Popularity is computed beside and has no say; what it alone names is in the list all the same."""
    run = shop()
    ranker = Ranker(PARAMETERS, run.index, DefaultGenerators(("popularity",)))
    proposal = ranker.propose(run.user("nobody"), now_ms=NOW, limit=5)
    assert len(proposal.candidates["popularity"].items) > 5 and len(proposal.table.items) == 0
    listed = ranker.rank(run.user("nobody"), now_ms=NOW, limit=5)
    assert listed.contributions == [{FILL: 1.0}] * 5
    assert listed.reasons == [Reason(ReasonKind.TRENDING)] * 5


def test_bought_together_is_said_of_purchases_in_a_shop_only() -> None:
    for domain, kind in (("retail", ReasonKind.BOUGHT_TOGETHER), ("film", ReasonKind.CO_WATCHED)):
        run = shop(parameters=replace(PARAMETERS, domain=domain))
        run.learn(Purchase("p", "me", "i1", START + 50_000_000))
        item = run.row("i4")
        ranker = Ranker(run.parameters, run.index, Say(run.row("i1"), item_knn=[(item, 1.0)]))
        listed = ranker.rank(run.user("me"), now_ms=NOW, limit=1)
        assert listed.reasons == [Reason(kind, anchor_item_id="i1")]


def test_next_in_sequence_is_said_of_the_last_item_only() -> None:
    run = shop()
    run.learn(click(9000, "me", "i1", 50_000), click(9001, "me", "i2", 50_001))
    for anchor, kind in (("i2", ReasonKind.NEXT_IN_SEQUENCE), ("i1", ReasonKind.TRENDING)):
        ranker = Ranker(PARAMETERS, run.index, Say(run.row(anchor), transitions=[(run.row("i4"), 1.0)]))
        assert ranker.rank(run.user("me"), now_ms=NOW, limit=1).reasons[0].kind is kind
