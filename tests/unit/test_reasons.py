"""What a list says of its items: reasons and the generators' shares."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pytest
from numba import njit

from operators.generators import popularity
from operators.generators.generator import Generator
from operators.generators.registry import GENERATORS
from operators.kernels.array_types import FloatArray, IntArray
from operators.ranking.ranker import FILL, Ranker
from schemas.durations import DAY_MS
from schemas.facts import ANCHORED
from schemas.recommendation import Reason, ReasonKind
from schemas.records import Purchase, Search
from tests.learning_support import FILMS as PARAMETERS
from tests.learning_support import START, Run, click, shop

NOW = START + DAY_MS


@pytest.fixture(scope="module")
def busy() -> Run:
    """Read only."""
    return shop()


REASONS = {generator.name: generator.reason for generator in GENERATORS if generator.name != "popularity"}


class Said(NamedTuple):
    """What a generator says whoever is asked about; all of it has the same anchor."""

    items: IntArray
    scores: FloatArray
    anchor: int


@njit
def say(view, said, place):  # type: ignore[no-untyped-def]
    found = view.found
    for at in range(len(said.items)):
        found.items[place, at], found.scores[place, at], found.anchors[place, at] = (
            said.items[at], said.scores[at], said.anchor,
        )  # fmt: skip
    found.counts[place] = len(said.items)


def saying(anchor: int, **lists: list[tuple[int, float]]) -> tuple[Generator, ...]:
    """Those generators with fixed candidates."""
    by_name = {generator.name: generator for generator in GENERATORS}
    return tuple(
        replace(by_name[name], kernel=say, tuning=Said(
            np.array([item for item, _ in pairs], np.int32), np.array([score for _, score in pairs], np.float32), anchor
        )) for name, pairs in lists.items()
    )  # fmt: skip


def proven() -> Run:
    """Three people went from i1 to i4, bought both and came back; the user has seen i4 before i1."""
    run = shop()
    for n in range(3):
        for k, item in enumerate(("i1", "i4", "i1", "i4")):
            run.learn(click(8000 + 10 * n + k, f"fan{n}", item, 48_000 + k))
        run.learn(*[Purchase(f"p{n}{item}", f"fan{n}", item, START + 49_000_000) for item in ("i1", "i4")])
    run.learn(click(9000, "me", "i1", 50_000))
    return run


@pytest.mark.parametrize("loudest", sorted(REASONS))
def test_the_reason_is_the_largest_contribution(busy: Run, loudest: str) -> None:
    """Every other generator names the item too, in a place far back."""
    run = proven()
    anchor, item = run.row("i1"), run.row("i4")
    quiet = [(other, 1.0) for other in range(20, 50)]
    others = [name for name in REASONS if name not in (loudest, "matrix_factorization")]
    if loudest == "matrix_factorization":
        others = []  # it explains only what nothing else does
    found = {name: [*quiet, (item, 0.001)] for name in others}
    generators = saying(anchor, **{loudest: [(item, 1.0)]}, **found)
    run.learn(Search("s", "me", "green tea", NOW - PARAMETERS.query_lifetime // 2))
    listed = Ranker(PARAMETERS, run.index, generators).rank(run.user("me"), now_ms=NOW, limit=60)
    place = listed.items.tolist().index(item)
    shares, reason = listed.contributions[place], listed.reasons[place]
    assert max(shares, key=shares.__getitem__) == loudest
    assert reason.kind is REASONS[loudest]
    anchored = reason.kind in ANCHORED
    assert reason.anchor_item_id == ("i1" if anchored else None)
    assert reason.query == ("green tea" if loudest == "query_match" else None)


def test_contributions_are_shares(busy: Run) -> None:
    """They sum to 1 and name generators, whatever an item came by."""
    ranker = Ranker(busy.parameters, busy.index)
    for user, query, limit in (("u1", None, 60), ("u1", "green tea", 20), ("nobody", None, 60), ("nobody", "tea", 20)):
        for shares in ranker.rank(busy.user(user), now_ms=NOW, query=query, limit=limit).contributions:
            assert sum(shares.values()) == pytest.approx(1.0, abs=1e-3)
            assert set(shares) <= {*ranker.generators.names, FILL} and all(0 < share <= 1 for share in shares.values())


def test_an_item_that_only_popularity_knows_is_said_to_fill_the_list() -> None:
    """Popularity is computed beside and has no say; what it alone names is in the list all the same."""
    run = shop()
    ranker = Ranker(PARAMETERS, run.index, (popularity.GENERATOR,))
    proposal = ranker.propose(run.user("nobody"), now_ms=NOW, limit=5)
    assert len(proposal.candidates["popularity"].items) > 5 and len(proposal.table.items) == 0
    listed = ranker.rank(run.user("nobody"), now_ms=NOW, limit=5)
    assert listed.contributions == [{FILL: 1.0}] * 5
    assert listed.reasons == [Reason(ReasonKind.FILL)] * 5


def test_next_in_sequence_is_said_of_the_last_item_only() -> None:
    run = proven()
    run.learn(click(9001, "me", "i2", 52_000))
    for n in range(3):
        run.learn(click(9200 + 2 * n, f"new{n}", "i2", 53_000), click(9201 + 2 * n, f"new{n}", "i4", 53_001))
    for anchor, kind in (("i2", ReasonKind.NEXT_IN_SEQUENCE), ("i1", ReasonKind.TASTE)):
        ranker = Ranker(PARAMETERS, run.index, saying(run.row(anchor), transitions=[(run.row("i4"), 1.0)]))
        assert ranker.rank(run.user("me"), now_ms=NOW, limit=1).reasons[0].kind is kind
