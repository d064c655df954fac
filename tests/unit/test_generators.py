"""One suite that every candidate generator passes, and what each of them is for.

Beside those in use it runs on one that is made up (``tests/newcomers.py``, the README's example), as for every new one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from operators.generators.base import Candidates
from operators.generators.generator import Generator, Voice
from operators.generators.registry import GENERATORS
from operators.ranking.ranker import Ranker
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from schemas.durations import DAY_MS
from schemas.recommendation import ReasonKind
from schemas.records import Action, CatalogItem, Event, Purchase
from tests import newcomers
from tests.learning_support import START, Run, click, text_cosines

PARAMETERS = Parameters(factors=8, neighbours=12, successors=6, allow_repeats=True)
NOW = START + DAY_MS
THEMES = ("space opera", "green tea", "steam train")
GONE = ("i0", "i1", "i2", "i3")
"""The four most popular items: withdrawn, expired, deleted, and hidden by the user."""
QUERY = "green tea"
TESTED = (*GENERATORS, newcomers.GENERATOR)
ALL = pytest.mark.parametrize("generator", TESTED, ids=lambda generator: generator.name)
ANCHORED = (ReasonKind.CO_WATCHED, ReasonKind.NEXT_IN_SEQUENCE)
"""Reasons that name what the generator names."""


def generate(
    run: Run, generator: str, user: str, *, limit: int = 40, query: str | None = None, now_ms: int = NOW,
    generators: tuple[Generator, ...] = TESTED,
) -> Candidates:  # fmt: skip
    """What the generator gives the user, as the ranker asks it."""
    ranker = Ranker(replace(run.parameters, candidates_per_generator=limit), run.index, generators)
    return ranker.propose(run.user(user), now_ms=now_ms, query=query).candidates[generator]


def is_recommendable(index: ItemIndex, item: int, now_ms: int) -> bool:
    """By the words of the README: not withdrawn, expired or deleted, and in the catalogue or touched by somebody."""
    there = index.available[item] and not index.deleted[item] and index.expires_at[item] > now_ms
    return bool(there and (index.cataloged[item] or index.interactions[item] > 0.0))


def ids(run: Run, found: Candidates) -> list[str]:
    return [run.index.ids[item] for item in found.items.tolist()]


def by_id(run: Run, found: Candidates) -> dict[str, float]:
    return dict(zip(ids(run, found), found.scores.tolist(), strict=True))


def world(seed: int = 7) -> Run:
    """Thirty items of three themes, twenty users who keep to a theme; ``ann`` has a history and a ban."""
    run = Run(PARAMETERS, seed=seed)
    for n in range(30):
        theme = THEMES[n % 3]
        run.index.set_catalog(CatalogItem(f"i{n}", f"{theme} {n}".title(), categories=(theme.split()[0],)))
    rng, events = np.random.default_rng(1), list[Event]()
    for n in range(600):
        user = int(rng.integers(20))
        item = f"i{3 * int(rng.integers(10)) + user % 3}" if n % 4 else GONE[n % 16 // 4]
        events.append(click(n, f"u{user}", item, n * 60))
    events += [click(1000 + n, "ann", f"i{n}", 40_000 + n) for n in (0, 1, 2, 4, 6, 9, 12)]
    events += [
        Purchase(f"p{n}", f"u{n}", f"i{3 * (n + k) % 30 + n % 3}", START + 39_000_000)
        for n in range(20)
        for k in range(4)
    ]
    events.append(click(2000, "ann", "i3", 40_020, action=Action.HIDE))
    run.learn(*events)
    run.index.set_catalog(CatalogItem("i0", "Space Opera 0", categories=("space",), available=False))
    run.index.set_catalog(CatalogItem("i1", "Green Tea 1", categories=("green",), expires_at=NOW))
    run.index.delete("i2")
    return run


@pytest.fixture(scope="module")
def busy() -> Run:
    """Read only."""
    return world()


# ---- what holds of each
@ALL
def test_finds_something_bounded_and_best_first(busy: Run, generator: Generator) -> None:
    whole = generate(busy, generator.name, "ann", query=QUERY)
    assert len(whole.items) >= 3, "the world gives every generator something to find"
    for limit in (1, 2, 3, 100):
        found = generate(busy, generator.name, "ann", query=QUERY, limit=limit)
        assert len(found.items) == len(found.scores) == len(found.anchors) == min(limit, len(whole.items))
        assert np.array_equal(found.items, whole.items[:limit]), "the cut comes after filter and order"
    assert np.all(np.diff(whole.scores) <= 0)


@ALL
def test_scores_are_finite_positive_and_items_distinct(busy: Run, generator: Generator) -> None:
    for user in ("ann", "u0", "u1", "nobody"):
        found = generate(busy, generator.name, user, query=QUERY)
        assert found.scores.dtype == np.float32 and found.items.dtype == found.anchors.dtype == np.int32
        assert np.all(np.isfinite(found.scores)) and np.all(found.scores > 0)
        assert len(np.unique(found.items)) == len(found.items)


@ALL
def test_only_items_that_the_user_may_get(busy: Run, generator: Generator) -> None:
    for user in ("ann", *(f"u{n}" for n in range(6))):
        state, found = busy.user(user), generate(busy, generator.name, user, query=QUERY)
        assert not set(ids(busy, found)) & {"i0", "i1", "i2"}
        for item in found.items.tolist():
            assert is_recommendable(busy.index, item, NOW) and item not in state.banned
            if generator.voice is not Voice.QUERY:  # what was typed may be known to the user
                assert (item in state.consumed) is (generator.voice is Voice.REPEATS)
    assert "i3" not in ids(busy, generate(busy, generator.name, "ann", query=QUERY))


@ALL
def test_an_expiry_is_a_moment(busy: Run, generator: Generator) -> None:
    """i1 is there until it expires."""
    before, at = (generate(busy, generator.name, "nobody", query="tea", now_ms=when) for when in (NOW - 1, NOW))
    assert "i1" not in ids(busy, at)
    assert [item for item in ids(busy, before) if item != "i1"] == ids(busy, at)


@ALL
def test_anchors_are_items_of_the_history_that_may_be_named(busy: Run, generator: Generator) -> None:
    state, found = busy.user("ann"), generate(busy, generator.name, "ann", query=QUERY)
    for anchor in found.anchors.tolist():
        assert anchor == -1 or (anchor in state.recent_items and anchor != busy.row("i2")), "i2 is deleted"
    if generator.reason in ANCHORED:
        assert (found.anchors >= 0).any()


@ALL
@pytest.mark.parametrize("cataloged", [False, True])
def test_nothing_known_gives_nothing_and_no_error(generator: Generator, cataloged: bool) -> None:
    run = Run(PARAMETERS)
    if cataloged:
        run.index.set_catalog(CatalogItem("i1", "Lamp"))
    found = generate(run, generator.name, "nobody", query="never heard of 😀")
    assert found.items.tolist() == found.scores.tolist() == found.anchors.tolist() == []
    assert generate(run, generator.name, "nobody").items.tolist() == []


@ALL
def test_a_history_of_items_that_nobody_knows_gives_no_error(generator: Generator) -> None:
    """The user's state came by changelog before the index has the rows."""
    run = Run(PARAMETERS)
    state = run.user("early")
    for item in ("x", "y"):
        state.recent_items.insert(0, run.index.intern(item))
        state.recent_times.insert(0, START)
        state.recent_actions.insert(0, 0)
        state.consumed[run.index.lookup[item]] = 1
    found = generate(run, generator.name, "early", query="x")
    assert ids(run, found) == []


@ALL
def test_the_same_seed_gives_the_same_candidates(busy: Run, generator: Generator) -> None:
    again = world()
    for user in ("ann", "u1"):
        left, right = (
            generate(busy, generator.name, user, query=QUERY),
            generate(again, generator.name, user, query=QUERY),
        )
        for mine, theirs in zip(left, right, strict=True):
            assert mine.tobytes() == theirs.tobytes()


@ALL
def test_asking_changes_nothing(busy: Run, generator: Generator) -> None:
    """Scratch arrays are left clean and the state as it was: the second answer is the first."""
    before = busy.user_bytes(), busy.item_bytes()
    ranker, users = Ranker(busy.parameters, busy.index, TESTED), ("ann", "u0", "ann")
    answers = [ranker.propose(busy.user(user), now_ms=NOW, query=QUERY).candidates[generator.name] for user in users]
    assert answers[0].items.tobytes() == answers[2].items.tobytes()
    assert answers[0].scores.tobytes() == answers[2].scores.tobytes()
    assert (busy.user_bytes(), busy.item_bytes()) == before


@pytest.mark.parametrize("name", ["popularity", "trending", "query_match", "newcomers"])
def test_what_is_found_for_everybody_is_found_until_it_expires(busy: Run, name: str) -> None:
    assert "i1" in ids(busy, generate(busy, name, "nobody", query="tea", now_ms=NOW - 1))


def test_two_of_one_name_are_refused(busy: Run) -> None:
    with pytest.raises(ValueError, match="newcomers, newcomers"):
        Ranker(busy.parameters, busy.index, (newcomers.GENERATOR, newcomers.GENERATOR))


# ---- what each is for
def test_popularity_counts_whenever_it_was() -> None:
    run = Run(PARAMETERS)
    run.learn(*[click(n, f"u{n}", "old", 0) for n in range(5)], *[click(9 + n, f"v{n}", "new", 1e6) for n in range(3)])
    assert by_id(run, generate(run, "popularity", "nobody")) == {"old": 5.0, "new": 3.0}


def test_trending_forgets_by_half_lives() -> None:
    run = Run(replace(PARAMETERS, popularity_half_life=DAY_MS))
    run.learn(*[click(n, f"u{n}", "old", 0) for n in range(5)])
    run.learn(*[click(9 + n, f"v{n}", "new", 2 * 86_400) for n in range(3)])
    assert by_id(run, generate(run, "trending", "nobody", now_ms=START + 2 * DAY_MS)) == {
        "new": 3.0,
        "old": pytest.approx(5 / 4),
    }


def test_item_knn_prefers_company_to_fame() -> None:
    """``pair`` was always seen with ``a``, ``hit`` with everything: the cosine knows the difference."""
    run, events = Run(PARAMETERS), list[Event]()
    for n in range(8):
        events += [
            click(3 * n, f"p{n}", "pair", n),
            click(3 * n + 1, f"p{n}", "a", n),
            click(3 * n + 2, f"p{n}", "hit", n),
        ]
        events += [click(100 + 2 * n, f"q{n}", "hit", n), click(101 + 2 * n, f"q{n}", f"other{n}", n)]
    run.learn(*events, click(500, "me", "a", 99))
    found = generate(run, "item_knn", "me")
    assert ids(run, found)[:2] == ["pair", "hit"]
    assert found.anchors[:2].tolist() == [run.row("a")] * 2
    a, pair = run.row("a"), run.row("pair")
    together = run.neighbours("a")["pair"]
    expected = together / np.sqrt(run.index.neighbour_total[a] * run.index.neighbour_total[pair])
    assert found.scores[0] == pytest.approx(expected, rel=1e-4)


def test_item_knn_trusts_the_last_item_most() -> None:
    run = Run(PARAMETERS)
    for n in range(6):
        run.learn(click(4 * n, f"a{n}", "a", n), click(4 * n + 1, f"a{n}", "with a", n))
        run.learn(click(4 * n + 2, f"b{n}", "b", n), click(4 * n + 3, f"b{n}", "with b", n))
    run.learn(click(100, "me", "a", 100), click(101, "me", "b", 101))
    found = generate(run, "item_knn", "me")
    assert ids(run, found) == ["with b", "with a"]
    assert found.anchors.tolist() == [run.row("b"), run.row("a")]


def test_transitions_know_the_direction_and_how_often() -> None:
    """p(b | a) = N(a, b) / (N(a) + κ): three of four went to b."""
    run = Run(PARAMETERS)
    for n, item in enumerate(["b", "b", "b", "c"]):
        run.learn(click(2 * n, f"u{n}", "a", n), click(2 * n + 1, f"u{n}", item, n + 0.5))
    run.learn(click(50, "me", "a", 10), click(51, "you", "b", 10))
    scores = by_id(run, generate(run, "transitions", "me", now_ms=START + 10_000))
    assert scores == {"b": pytest.approx(3 / 5, rel=1e-3), "c": pytest.approx(1 / 5, rel=1e-3)}
    assert "a" not in ids(run, generate(run, "transitions", "you")), "nobody went from b to a"


def test_transitions_back_off_to_the_item_before_an_unknown_one() -> None:
    run = Run(PARAMETERS)
    run.learn(*[click(2 * n + m, f"u{n}", item, n + m / 2) for n in range(4) for m, item in enumerate("ab")])
    run.learn(click(50, "me", "a", 10), click(51, "me", "never left", 11))
    found = generate(run, "transitions", "me")
    assert ids(run, found) == ["b"] and found.anchors.tolist() == [run.row("a")]


def test_repeat_is_the_latest_first_and_obeys_the_setting() -> None:
    run = Run(PARAMETERS)
    run.learn(*[click(n, "me", item, n) for n, item in enumerate("abca")])
    scores = by_id(run, generate(run, "repeat", "me"))
    assert scores == {"c": 1.0, "b": pytest.approx(0.8)}, "a is before the eyes"
    run.learn(click(9, "me", "c", 9, action=Action.HIDE))
    assert ids(run, generate(run, "repeat", "me")) == ["b"]
    run.parameters = replace(PARAMETERS, allow_repeats=False)
    assert ids(run, generate(run, "repeat", "me")) == []


def test_repeat_is_learned_from_how_users_repeat() -> None:
    """Nobody repeats: nothing. Everybody does: also what the newcomer has seen, but not what is before the eyes."""
    for again in (False, True):
        run = Run(replace(PARAMETERS, allow_repeats=None))
        run.learn(
            *[click(10 * n + m, f"u{n}", f"i{m % 2}" if again else f"i{n + m}", m) for n in range(9) for m in range(4)]
        )
        run.learn(click(999, "newcomer", "i1", 99), click(998, "newcomer", "i0", 100))
        assert ids(run, generate(run, "repeat", "newcomer")) == (["i1"] if again else [])


def test_content_reaches_items_that_nobody_touched() -> None:
    run = Run(PARAMETERS)
    for item_id, title, category in (
        ("a", "Apollo Thirteen", "space"), ("near", "Apollo Eleven", "space"), ("far", "Oolong", "tea"),
        ("kin", "Gravity", "space"),
    ):  # fmt: skip
        run.index.set_catalog(CatalogItem(item_id, title, categories=(category,)))
    run.learn(click(1, "me", "a"))
    found = generate(run, "content", "me")
    assert ids(run, found) == ["near", "kin"]
    assert found.scores[0] == pytest.approx(
        text_cosines(run.index.text, run.row("a"), np.array([run.row("near")], np.int32))[0], rel=1e-4
    )


def test_query_match_answers_what_was_asked_best_first() -> None:
    run = Run(PARAMETERS)
    for n, title in enumerate(("Green Tea", "Green Tea Cup", "Black Coffee", "Green Lamp")):
        run.index.set_catalog(CatalogItem(f"i{n}", title))
    found = generate(run, "query_match", "nobody", query="green tea")
    assert ids(run, found) == ["i0", "i1"], "a green lamp is no tea"
    assert ids(run, generate(run, "query_match", "nobody", query="teas")) == ["i0", "i1"]
    part = generate(run, "query_match", "nobody", query="unheard coffee")
    assert ids(run, part) == ["i2"] and part.scores[0] < 0.5 < found.scores[1], "some of the words are less than all"
    assert ids(run, generate(run, "query_match", "nobody", query="coffee unheard")) == [], "not what was asked for"
    assert ids(run, generate(run, "query_match", "nobody", query="!? 😀")) == []


def test_matrix_factorization_finds_the_taste_of_similar_users() -> None:
    run, rng = Run(Parameters(factors=8)), np.random.default_rng(3)
    events = [
        click(n, f"{group}{rng.integers(8)}", f"{group}-item{rng.integers(8)}", n, action=Action.LIKE)
        for n in range(2_000)
        for group in ("x" if n % 2 else "y",)
    ]
    run.learn(*events)
    newcomer = [click(5_000 + n, "me", f"x-item{n}", 5_000 + n, action=Action.LIKE) for n in range(3)]
    run.learn(*newcomer)
    found = generate(run, "matrix_factorization", "me")
    assert len(found.items) >= 5
    assert all(item.startswith("x") for item in ids(run, found)[:5])
    products = run.index.factors[found.items] @ run.users["me"].factors
    np.testing.assert_allclose(found.scores, products, rtol=1e-4)


def test_a_large_catalogue_is_factorised_over_its_top_lists_only() -> None:
    run = Run(Parameters(factors=4, neighbours=2, successors=2))
    run.learn(*[click(n, f"u{n % 7}", f"hit{n % 9}", n) for n in range(90)])
    run.index = bigger(run.index, 5_000)
    found = generate(run, "matrix_factorization", "u1")
    assert {item[:3] for item in ids(run, found)} <= {"hit"}


def bigger(index: ItemIndex, size: int) -> ItemIndex:
    while index.size < size:
        index.set_catalog(CatalogItem(f"cold{index.size}", "Cold"))
    return index


@pytest.mark.parametrize("name", ["item_knn", "transitions", "content"])
def test_how_far_back_a_generator_looks_is_its_own_number(busy: Run, name: str) -> None:
    """With one item of history, what only the others speak for is not found."""
    short = tuple(each.tuned(history=1) if each.name == name else each for each in TESTED)
    known, found = generate(busy, name, "ann"), generate(busy, name, "ann", generators=short)
    assert 0 < len(found.items) < len(known.items)
    assert set(found.items.tolist()) < set(known.items.tolist())


def test_a_number_is_tuned_as_what_it_is() -> None:
    """A float stays one, so that nothing is compiled anew; a number that there is not is an error."""
    tuned = newcomers.GENERATOR.tuned(looked_at=5.0)
    assert tuned.tuning == newcomers.Tuning(5) and type(tuned.tuning[0]) is int
    with pytest.raises(ValueError, match="loked_at"):
        newcomers.GENERATOR.tuned(loked_at=5)
