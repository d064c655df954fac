"""Lists: who may be in them, in which order, and what is said about each item."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from operators.generators.eligibility import repeat_rate, repeats_allowed
from operators.ranking.diversity import list_diversity
from operators.ranking.ranker import FILL, RankedList, Ranker
from operators.state.parameters import Parameters
from schemas.durations import DAY_MS
from schemas.recommendation import ReasonKind, Source
from schemas.records import Action, CatalogItem, Purchase, Search
from tests.learning_support import FILMS as PARAMETERS
from tests.learning_support import START, THEMES, Run, click, shop

NOW = START + DAY_MS


@pytest.fixture(scope="module")
def busy() -> Run:
    """Read only."""
    return shop()


def rank(run: Run, user: str, *, limit: int = 20, query: str | None = None, now_ms: int = NOW) -> RankedList:
    ranker = Ranker(run.parameters, run.index)
    return ranker.rank(run.user(user), now_ms=now_ms, query=query, limit=limit)


def ids(run: Run, ranked: RankedList) -> list[str]:
    return [run.index.ids[item] for item in ranked.items.tolist()]


# ---- who may be in the list
def test_seen_items_are_left_out_unless_repeats_are_allowed() -> None:
    seen = [f"i{n}" for n in range(6)]
    for allowed, expected in ((False, set()), (True, set(seen) - {"i5"})):
        run = shop(parameters=replace(PARAMETERS, allow_repeats=allowed))
        run.learn(*[click(5000 + n, "me", item, 50_000 + n) for n, item in enumerate(seen)])
        assert set(ids(run, rank(run, "me", limit=60))) & set(seen) == expected, "i5 is before the eyes"


def test_whether_seen_items_return_is_learned() -> None:
    """One who always listens again gets the known ones back, one who never does not, in one catalogue."""
    run = shop()
    again = [click(5000 + n, "loyal", f"i{n % 4}", 50_000 + n) for n in range(40)]
    never = [click(6000 + n, "curious", f"i{n}", 50_000 + n) for n in range(40)]
    run.learn(*again, *never)
    assert set(ids(run, rank(run, "loyal"))[:3]) == {"i0", "i1", "i2"}, "i3 is before the eyes"
    assert not set(ids(run, rank(run, "curious", limit=60))) & {f"i{n}" for n in range(40)}


def test_the_repeat_rate_is_shrunk_to_everybodys() -> None:
    """(own repeats + 2 * global) / (own events + 2)."""
    run = Run()
    assert repeat_rate(run.user("new"), 0.3) == pytest.approx(0.3)
    run.learn(*[click(n, "me", "a", 2_000 * n) for n in range(6)])
    assert repeat_rate(run.user("me"), 0.3) == pytest.approx((5 + 2 * 0.3) / (6 + 2))
    assert repeats_allowed(Parameters(), 0.02) and not repeats_allowed(Parameters(), 0.0199)
    assert not repeats_allowed(Parameters(allow_repeats=False), 1.0)


def test_what_is_not_there_is_in_no_list_from_the_next_ranking_on() -> None:
    run = shop()
    best = ids(run, rank(run, "u1"))[:3]
    titles = {item: f"{THEMES[int(item[1:]) % 3]} {item[1:]}".title() for item in best}
    withdrawn, expired, deleted = (CatalogItem(item, titles[item], categories=("green",)) for item in best)
    run.index.set_catalog(CatalogItem(withdrawn.item_id, withdrawn.title, available=False))
    run.index.set_catalog(CatalogItem(expired.item_id, expired.title, expires_at=NOW))
    run.index.delete(deleted.item_id)
    for user, query in (("u1", None), ("nobody", None), ("u1", "green tea"), ("nobody", withdrawn.title)):
        listed = rank(run, user, query=query)
        assert len(listed.items) == 20 and not set(ids(run, listed)) & set(best)
        assert all(reason.anchor_item_id != deleted.item_id for reason in listed.reasons)
    run.index.set_catalog(withdrawn)
    assert withdrawn.item_id in ids(run, rank(run, "u1")), "comes back with what was learned of it"


def test_an_item_that_only_a_deletion_or_a_search_named_is_no_item() -> None:
    run = shop(6)
    run.index.delete("ghost")
    run.index.intern("mentioned")
    assert not set(ids(run, rank(run, "nobody", limit=50))) & {"ghost", "mentioned"}


def test_a_rejected_item_is_never_there_again() -> None:
    """Through no generator, filler or search; others keep it."""
    run = shop(parameters=replace(PARAMETERS, allow_repeats=True))
    run.learn(*[click(7000 + n, f"fan{n}", "i4", 40_000 + n) for n in range(100)])
    run.learn(click(8000, "me", "i4", 50_000), click(8001, "me", "i1", 50_001))
    for n, action in enumerate((Action.SKIP, Action.HIDE, Action.DISLIKE)):
        run.learn(click(8100 + n, "me", ("i4", "i7", "i10")[n], 50_010 + n, action=action))
    for query in (None, "green tea", "Green Tea 4"):
        listed = rank(run, "me", limit=60, query=query)
        assert not set(ids(run, listed)) & {"i4", "i7", "i10"}
        assert len(listed.items) == (56 if query is None else 57), "i1, which is before the eyes, only if typed"
    assert "i4" in ids(run, rank(run, "u1", query="green tea 4"))
    run.learn(Purchase("p", "me", "i4", START + 50_100_000))
    run.learn(click(9000, "me", "i9", 50_200))
    assert run.row("i4") not in run.user("me").banned, "only a purchase lifts it"


# ---- the list
@pytest.mark.parametrize("limit", [1, 2, 7, 20, 55, 60])
def test_the_list_is_as_long_as_asked_while_there_are_items(busy: Run, limit: int) -> None:
    for user in ("nobody", "u1"):
        listed = rank(busy, user, limit=limit)
        eligible = busy.index.size - len(busy.user(user).consumed)
        parts = (listed.items, listed.scores, listed.contributions, listed.reasons, listed.propensities)
        assert [len(part) for part in parts] == [min(limit, eligible)] * 5
        assert len(np.unique(listed.items)) == len(listed.items)


def test_an_empty_catalogue_gives_an_empty_list() -> None:
    run = Run(PARAMETERS)
    for query in (None, "green tea"):
        listed = rank(run, "nobody", query=query)
        assert len(listed.items) == 0 and listed.reasons == [] and listed.source is Source.TRENDING


def test_a_catalogue_that_nobody_has_touched_fills_the_list_with_its_newest() -> None:
    run = Run(PARAMETERS)
    for n in range(25):
        run.index.set_catalog(CatalogItem(f"i{n}", f"Title {n}"))
    listed = rank(run, "nobody")
    assert ids(run, listed) == [f"i{n}" for n in range(24, 4, -1)]
    assert listed.contributions == [{FILL: 1.0}] * 20
    assert {reason.kind for reason in listed.reasons} == {ReasonKind.FILL}
    assert np.all(listed.scores == 0)


def test_a_user_who_has_seen_everything_gets_what_is_left() -> None:
    run = shop(30, replace(PARAMETERS, allow_repeats=False))
    run.learn(*[click(9000 + n, "me", f"i{n}", 50_000 + n) for n in range(28)])
    assert set(ids(run, rank(run, "me"))) == {"i28", "i29"}


def test_scores_fall_where_nothing_is_traded_for_diversity() -> None:
    run = shop(parameters=replace(PARAMETERS, diversity=0.0))
    for user in ("nobody", "u1", "u2"):
        scores = rank(run, user).scores
        assert np.all(np.isfinite(scores)) and np.all(np.diff(scores) <= 0)


def test_propensities_are_probabilities(busy: Run) -> None:
    for user in ("nobody", "u1"):
        propensities = rank(busy, user, limit=60).propensities
        assert np.all(propensities > 0) and np.all(propensities <= 1)


def test_ranking_is_deterministic_and_leaves_no_trace(busy: Run) -> None:
    ranker, before = Ranker(busy.parameters, busy.index), (busy.user_bytes(), busy.item_bytes())
    first, _, third = (ranker.rank(busy.user(user), now_ms=NOW, query="tea") for user in ("u1", "u2", "u1"))
    for mine, theirs in ((first.items, third.items), (first.scores, third.scores)):
        assert mine.tobytes() == theirs.tobytes()
    assert (first.reasons, first.contributions) == (third.reasons, third.contributions)
    assert (busy.user_bytes(), busy.item_bytes()) == before


def test_an_index_that_grows_between_two_rankings() -> None:
    run = shop(12)
    ranker = Ranker(run.parameters, run.index)
    assert len(ranker.rank(run.user("u1"), now_ms=NOW, limit=5).items) == 5
    for n in range(12, 700):
        run.index.set_catalog(CatalogItem(f"i{n}", f"Lamp {n}"))
    run.learn(click(9999, "u1", "i699", 60_000))
    listed = ranker.rank(run.user("u1"), now_ms=NOW, limit=50)
    assert len(listed.items) == 50 and "i699" not in ids(run, listed)


def test_a_ranker_follows_an_index_that_grows() -> None:
    """Arrays are replaced one at a time as the index grows; each new item is found at once."""
    run = shop()
    run.learn(*[click(9000 + n, "me", f"i{3 * n + 1}", 50_000 + n) for n in range(5)])
    ranker = Ranker(PARAMETERS, run.index)
    while run.index.size < 1_100:
        n = run.index.size
        run.index.set_catalog(CatalogItem(f"i{n}", f"Green Tea {n} and word{n}", categories=("green",)))
        ranked = ranker.rank(run.user("me"), now_ms=NOW, query=f"word{n}", limit=7)
        assert ids(run, ranked)[0] == f"i{n}"
    fresh = Ranker(PARAMETERS, run.index).rank(run.user("me"), now_ms=NOW, query=f"word{n}", limit=7)
    assert ids(run, fresh) == ids(run, ranked) and fresh.reasons == ranked.reasons


def test_a_history_that_is_longer_than_the_parameter_is_cut() -> None:
    """A state that was written when histories were longer."""
    run = shop(parameters=replace(PARAMETERS, history=30, context=10))
    state = run.user("me")
    state.recent_items.extend(range(40))
    proposal = Ranker(run.parameters, run.index).propose(state, now_ms=NOW)
    assert proposal.context.history_length == 30 and len(proposal.items) == 20


# ---- diversity
def test_diversity_is_traded_for_score() -> None:
    """The more weight, the less alike the list's items are; the best one stays first."""
    found, leaders = [], set()
    for share in (0.0, 0.2, 0.6):
        run = shop(parameters=replace(PARAMETERS, diversity=share))
        for n in range(60):
            run.index.set_catalog(CatalogItem(f"i{n}", THEMES[n % 3]))
        run.learn(click(9000, "me", "i1", 50_000), click(9001, "me", "i4", 50_001))
        listed = rank(run, "me", limit=10)
        found.append(list_diversity(listed.items, run.index))
        leaders.add(int(listed.items[0]))
    assert all(more > less + 0.05 for less, more in pairwise(found)), found
    assert len(leaders) == 1


# ---- the ladder
def test_what_the_list_stands_on() -> None:
    """trending, session from the first item, personal from the third; search where a search is answered."""
    run, seen = shop(), list[Source]()
    seen.append(rank(run, "me").source)
    for n in range(4):
        run.learn(click(9000 + n, "me", f"i{n}", 50_000 + n))
        seen.append(rank(run, "me").source)
    assert seen == [Source.TRENDING, Source.SESSION, Source.SESSION, Source.PERSONAL, Source.PERSONAL]
    assert rank(run, "me", query="green tea").source is Source.SEARCH
    assert rank(run, "me", query="never heard").source is Source.PERSONAL
    assert rank(run, "new", query="green tea").source is Source.SEARCH
    assert rank(run, "new", query="never heard").source is Source.TRENDING


def test_neither_repeats_nor_negatives_make_a_list_personal() -> None:
    run = shop()
    run.learn(*[click(9000 + n, "me", "i1", 50_000 + n) for n in range(5)])
    assert rank(run, "me").source is Source.SESSION
    run.learn(*[click(9100 + n, "hider", f"i{n}", 50_000 + n, action=Action.HIDE) for n in range(5)])
    assert rank(run, "hider").source is Source.TRENDING, "negatives say nothing of taste"


def test_a_search_shapes_later_lists_and_fades() -> None:
    run = shop()
    asked = START + 50_000_000
    run.learn(*[click(9000 + n, "me", f"i{3 * n}", 49_000 + n) for n in range(4)])
    run.learn(Search("s", "me", "green tea", asked))
    life = PARAMETERS.query_lifetime

    def teas(now_ms: int, query: str | None = None) -> int:
        listed = ids(run, rank(run, "me", limit=10, query=query, now_ms=now_ms))
        return sum(int(item[1:]) % 3 == 1 for item in listed)

    assert teas(asked, "green tea") == 10
    assert teas(asked, "green tea") >= teas(asked + life // 2) > teas(asked + life)
    assert rank(run, "me", now_ms=asked + 1000).source is Source.PERSONAL, (
        "it shapes the list, it is not answered again"
    )
    run.learn(Search("s2", "shy", "green tea", asked))
    assert rank(run, "shy", now_ms=asked + 10 * life).source is Source.SEARCH, "all that is known of the user"


def test_popularity_position_is_the_place_in_the_plain_list() -> None:
    run = shop()
    ranker = Ranker(PARAMETERS, run.index)
    state = run.user("u1")
    counts = run.index.interactions[: run.index.size]
    order = [item for item in np.lexsort((np.arange(len(counts)), -counts)).tolist() if item not in state.consumed]
    for place in (0, 1, 19):
        assert ranker.popularity_position(state, order[place], now_ms=NOW) == place
    assert ranker.popularity_position(state, order[20], now_ms=NOW) == -1
    assert ranker.popularity_position(state, next(iter(state.consumed)), now_ms=NOW) == -1
