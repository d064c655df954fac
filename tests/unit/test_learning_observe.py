"""User-side bookkeeping: duplicates, bans, late events, attribution, counters."""

from __future__ import annotations

from array import array

import pytest

from operators.learning.observation import Status
from operators.recommender import Recommender
from operators.state.parameters import Parameters
from operators.state.user_state import ACTION_CODES, ACTIONS, EVENT_ID_BYTES
from schemas.actions import ACTION_WEIGHTS
from schemas.records import Action, Impression, Purchase, Search
from tests.learning_support import START, Run, click


def recent(run: Run, user: str) -> list[str]:
    return [run.index.ids[item] for item in run.users[user].recent_items]


def banned(run: Run, user: str) -> list[str]:
    return [run.index.ids[item] for item in run.users[user].banned]


def test_one_event_id_with_one_content_trains_once_and_honest_repeats_count() -> None:
    run = Run()
    views = [
        click(1, "u1", "i1", 0, action=Action.VIEW),
        click(1, "u1", "i1", 0, action=Action.VIEW),
        click(1, "u1", "i2", 1, action=Action.VIEW),
        click(1, "u2", "i1", 2, action=Action.VIEW),
        click(2, "u1", "i1", 3, action=Action.VIEW),
        click(3, "u1", "i1", 4, action=Action.VIEW),
    ]
    observed = [run.observe(event) for event in views]
    assert [o.status for o in observed] == [
        Status.LEARNED, Status.DUPLICATE, Status.LEARNED, Status.LEARNED, Status.LEARNED, Status.LEARNED
    ]  # fmt: skip
    assert [o.collision for o in observed] == [False, False, True, False, False, False]
    assert [o.answers for o in observed] == [True, False, True, True, True, True]
    assert run.users["u1"].learned == 4
    assert run.users["u2"].learned == 1
    updates = run.recommender.flush()
    assert updates is not None
    run.recommender.apply(updates)
    assert run.index.interactions[run.row("i1")] == 2.0, "two people, whatever each of them does"


def test_the_memory_of_event_ids_is_bounded_and_drops_the_oldest() -> None:
    run = Run(Parameters(factors=4, event_ids=3))
    for number in range(4):
        run.observe(click(number, "u", "i"))
    assert len(run.users["u"].event_ids) == 3 * EVENT_ID_BYTES
    assert run.observe(click(3, "u", "i")).status == Status.DUPLICATE
    assert run.observe(click(0, "u", "i")).status == Status.LEARNED


def test_a_click_and_a_purchase_with_one_id_are_different_content() -> None:
    run = Run()
    run.observe(click(1, "u", "i"))
    observation = run.observe(Purchase("e1", "u", "i", START))
    assert observation.status == Status.LEARNED
    assert observation.collision


def test_an_offset_that_the_state_contains_is_ignored_whatever_it_holds() -> None:
    run = Run()
    state = run.user("u")
    assert run.recommender.observe(state, click(1, "u", "a"), START, 0, 5).status == Status.LEARNED
    for offset in (5, 4, 0):
        observation = run.recommender.observe(state, click(2, "u", "b"), START, 0, offset)
        assert observation.status == Status.IGNORED
        assert not observation.answers
    assert run.recommender.observe(state, click(3, "u", "b"), START, 1, 0).status == Status.LEARNED
    assert state.applied == {0: 5, 1: 0}
    assert state.learned == 2


def test_negatives_ban_for_ever_and_count_in_nothing() -> None:
    """Dislike, hide and skip; a later like, click or rating does not lift the ban."""
    run = Run()
    run.learn(
        click(1, "u1", "i1", 0, action=Action.DISLIKE),
        click(2, "u1", "i2", 5, action=Action.LIKE),
        click(3, "u2", "i1", 6, action=Action.LIKE),
        click(4, "u1", "i3", 7, action=Action.HIDE),
        click(5, "u1", "i4", 8, action=Action.SKIP),
        click(6, "u1", "i2", 300),
    )
    assert banned(run, "u1") == ["i1", "i3", "i4"]
    assert banned(run, "u2") == []
    assert run.users["u1"].negatives == 3
    assert recent(run, "u1") == ["i2", "i2"]
    for item in ("i3", "i4"):
        row = run.row(item)
        assert run.index.popularity[row] == run.index.interactions[row] == run.index.neighbour_total[row] == 0.0
        assert run.neighbours(item) == run.successors(item) == {}
    assert run.index.interactions[run.row("i1")] == 1.0, "u2's like alone"
    assert "i1" not in run.neighbours("i2")
    run.learn(click(7, "u1", "i1", 400, action=Action.LIKE), click(8, "u1", "i1", 401, action=Action.RATE, value=5.0))
    assert "i1" in banned(run, "u1")


def test_only_a_purchase_lifts_a_ban() -> None:
    run = Run()
    run.learn(click(1, "u", "i1", 0, action=Action.HIDE), click(2, "u", "i2", 1, action=Action.HIDE))
    run.learn(Purchase("p1", "u", "i1", START + 2_000))
    assert banned(run, "u") == ["i2"]
    assert recent(run, "u") == ["i1"]
    run.learn(click(3, "u", "i1", 3, action=Action.SKIP))
    assert banned(run, "u") == ["i2", "i1"], "a ban after the purchase counts again"


def test_bans_are_bounded() -> None:
    run = Run(Parameters(factors=4, banned=2))
    for number in range(3):
        run.observe(click(number, "u", f"i{number}", action=Action.HIDE))
    assert banned(run, "u") == ["i1", "i2"]


def test_a_late_event_takes_its_place_and_makes_no_transition() -> None:
    """Event e3 (12:00) arrives before e2 (11:00)."""
    run = Run()
    run.learn(click(1, "u1", "i1", 0), click(3, "u1", "i3", 7200), click(2, "u1", "i2", 3600))
    assert recent(run, "u1") == ["i3", "i2", "i1"]
    assert list(run.users["u1"].recent_times) == [START + 7_200_000, START + 3_600_000, START]
    assert run.successors("i1") == {"i3": 1.0}
    assert run.successors("i3") == {}
    assert set(run.neighbours("i2")) == {"i1", "i3"}, "learned into co-occurrence"
    assert run.index.interactions[run.row("i2")] == 1.0
    run.learn(click(4, "u1", "i4", 7200))
    assert recent(run, "u1")[0] == "i4", "of the same time, the later arrival is the last item"
    assert run.successors("i3") == {"i4": 1.0}
    assert [o.status for o in run.learn(click(3, "u1", "i3", 7200))] == [Status.DUPLICATE]


def test_a_late_event_older_than_a_full_history_is_learned_but_not_kept() -> None:
    run = Run(Parameters(factors=4, history=3, context=3))
    run.learn(*[click(number, "u", f"i{number}", 10 + number) for number in range(3)], click(9, "u", "old", 0))
    assert recent(run, "u") == ["i2", "i1", "i0"]
    assert run.index.interactions[run.row("old")] == 1.0
    assert run.index.lookup["old"] in run.users["u"].consumed


def test_history_and_consumed_are_bounded_and_the_last_used_is_last() -> None:
    run = Run(Parameters(factors=4, history=4, context=4, consumed=3))
    for number, item in enumerate("abcda"):
        run.observe(click(number, "u", item, number))
    state = run.users["u"]
    assert recent(run, "u") == ["a", "d", "c", "b"]
    assert [ACTIONS[code] for code in state.recent_actions] == ["click"] * 4
    assert [run.index.ids[item] for item in state.consumed] == ["c", "d", "a"]
    assert state.repeat_events == 0, "a was forgotten by then"


def test_repeats_are_counted_on_both_sides() -> None:
    """One came back, however often: a reload is no occasion, and one person counts once."""
    run = Run()
    run.learn(click(1, "u", "a", 0), click(2, "u", "b", 1), click(3, "u", "a", 2), click(4, "u", "a", 3))
    assert run.users["u"].repeat_events == 1
    assert run.users["u"].consumed[run.row("a")] == 2
    run.learn(click(5, "u", "a", 4_000))
    assert run.users["u"].consumed[run.row("a")] == 3
    assert run.index.repeats[run.row("a")] == 1.0
    assert run.index.repeats[run.row("b")] == 0.0
    assert run.successors("a") == {"b": 1.0}, "no transition from an item to itself"


def test_impressions_and_clicks_count_once_a_position() -> None:
    run = Run()
    state = run.user("u1")
    state.remember_shown("R1", [run.index.intern(item) for item in "abc"])
    first = run.observe(Impression("m1", "u1", ("a", "b", "c", "b"), START, "R1"))
    second = run.observe(Impression("m2", "u1", ("a", "b", "c"), START + 1_000, "R1"))
    assert (first.impressions_counted, second.impressions_counted) == (3, 0)
    assert not first.answers
    assert not second.answers
    clicks = [
        run.observe(click(number, "u1", "b", 4 + number, recommendation_id="R1", position=2)) for number in (1, 2)
    ]
    assert [o.attributed for o in clicks] == [1, -1]
    assert all(o.answers for o in clicks)
    assert (state.shown[0].impressed, state.shown[0].clicked) == (0b111, 0b010)
    assert state.banned == {}
    assert state.impressions == 2


def test_a_click_on_a_list_does_not_count_as_an_impression_of_it() -> None:
    run = Run()
    run.user("u").remember_shown("R1", [run.index.intern("a")])
    assert run.observe(click(1, "u", "a", recommendation_id="R1")).attributed == 0
    assert run.users["u"].shown[0].impressed == 0


def test_only_lists_that_were_recommended_to_the_user_are_attributed() -> None:
    run = Run()
    state = run.user("u")
    for number in range(4):
        state.remember_shown(f"R{number}", [run.index.intern("a")])
    assert [shown.recommendation_id for shown in state.shown] == ["R1", "R2", "R3"]
    assert run.observe(click(1, "u", "a", recommendation_id="R0")).attributed == -1
    assert run.observe(click(2, "u", "zzz", recommendation_id="R1")).attributed == -1
    assert run.observe(click(3, "u", "a", action=Action.DISLIKE, recommendation_id="R1")).attributed == -1
    assert run.observe(Impression("m", "u", ("a",), START, "R0")).impressions_counted == 0
    assert run.observe(Impression("n", "u", ("never heard of",), START, "R1")).impressions_counted == 0
    assert run.observe(Purchase("p", "u", "a", START, recommendation_id="R1")).attributed == 0


def test_a_list_made_again_replaces_the_first() -> None:
    run = Run()
    state = run.user("u")
    state.remember_shown("R1", [0])
    state.remember_shown("R2", [1])
    state.remember_shown("R1", [2, 3])
    assert [(shown.recommendation_id, shown.items) for shown in state.shown] == [
        ("R2", array("i", [1])),
        ("R1", array("i", [2, 3])),
    ]


def test_searches_are_kept_newest_first_and_bounded() -> None:
    run = Run(Parameters(factors=4, queries=2, query_length=5))
    for number, (query, seconds) in enumerate([("green tea", 10), ("late", 5), ("cup", 20)]):
        observation = run.observe(Search(f"s{number}", "u", query, START + seconds * 1000))
        assert observation.answers
    assert run.users["u"].queries == [("cup", START + 20_000), ("green", START + 10_000)]
    assert run.users["u"].searches == 3
    assert run.recommender.flush() is None


def test_counters_by_kind() -> None:
    run = Run()
    run.observe(click(1, "u", "a"))
    run.observe(click(2, "u", "b", action=Action.SKIP))
    run.observe(Purchase("p", "u", "a", START))
    run.observe(Search("s", "u", "tea", START))
    run.observe(Impression("m", "u", ("a",), START))
    state = run.users["u"]
    assert (state.clicks, state.purchases, state.searches, state.impressions, state.negatives, state.learned) == (
        2, 1, 1, 1, 1, 5
    )  # fmt: skip


def test_a_rating_outside_the_scale_is_clipped_and_said() -> None:
    run = Run()
    ratings = [-1e308, -1.0, 0.0, 5.0, 6.0, 1e308, 1673858401132.0, float("nan")]
    observed = [
        run.observe(click(number, "u", "a", number, action=Action.RATE, value=value))
        for number, value in enumerate(ratings)
    ]
    assert [o.clipped for o in observed] == [True, True, False, False, True, True, True, True]


def test_every_action_needs_a_weight() -> None:
    run = Run()
    with pytest.raises(ValueError, match="share"):
        Recommender(Parameters(action_weights={"click": 1.0}), run.index)
    assert set(ACTION_WEIGHTS) == set(ACTION_CODES) == {action.value for action in Action} | {"purchase"}
