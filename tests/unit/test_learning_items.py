"""Item side: co-occurrence, transitions, popularity with decay, factors."""

from __future__ import annotations

import numpy as np
import pytest

from operators.learning.matrix_factorization import draw_negatives
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from schemas.durations import DAY_MS
from schemas.records import Action, Purchase
from tests.learning_support import START, Run, click, fingerprint, random_events


def test_co_occurrence_is_symmetric_and_weighs_distance() -> None:
    run = Run(Parameters(factors=4, history=5, context=2))
    run.learn(*[click(number, "u", item, number) for number, item in enumerate(["a", "b", "b", "c", "d"])])
    half = pytest.approx(2**-0.5)
    assert run.neighbours("d") == {"c": 1.0, "b": half}, "two distinct items back"
    assert run.neighbours("c") == {"b": 1.0, "a": half, "d": 1.0}
    assert run.neighbours("b") == {"a": 1.0, "c": 1.0, "d": half}, "the second b is a reload"
    assert run.neighbours("a") == {"b": 1.0, "c": half}
    total = run.index.neighbour_total[run.row("c")]
    assert total == pytest.approx(sum(run.neighbours("c").values()))


def test_transitions_go_one_way() -> None:
    run = Run()
    run.learn(*[click(number, "u", item, number) for number, item in enumerate("abab")], click(9, "v", "b", 9))
    assert run.successors("a") == {"b": 2.0}
    assert run.successors("b") == {"a": 1.0}
    assert run.index.successor_total[run.row("a")] == 2.0


def test_popularity_decays_by_event_time_and_late_events_weigh_less() -> None:
    run = Run(Parameters(factors=4, popularity_half_life=DAY_MS))
    day = 86_400
    run.learn(click(1, "u", "a", 0), click(2, "v", "a", day), click(3, "w", "a", 0))
    row = run.row("a")
    assert run.index.popularity[row] == pytest.approx(0.5 + 1.0 + 0.5)
    assert run.index.popularity_at[row] == START + DAY_MS
    assert run.index.interactions[row] == 3.0


def test_clocks_that_are_years_off_cost_only_their_own_events() -> None:
    """Times are clamped by the caller; a very old event weighs nothing and moves no row's time back."""
    clean, poisoned = Run(Parameters(factors=4)), Run(Parameters(factors=4))
    normal = [click(number, f"u{number % 100}", f"i{number % 37}", number * 0.6) for number in range(1_000)]
    poisoned.observe(click(5_001, "x", "i1"), time_ms=START)  # from 2099, clamped to its arrival
    poisoned.observe(click(5_002, "y", "i2"), time_ms=946_684_800_000)  # 2000-01-01
    for run in (clean, poisoned):
        for event in normal:
            run.observe(event)
        updates = run.recommender.flush()
        assert updates is not None
        run.recommender.apply(updates)
    for item in clean.index.ids:
        mine, theirs = poisoned.row(item), clean.row(item)
        extra = poisoned.index.popularity[mine] - clean.index.popularity[theirs]
        assert -1e-3 <= extra <= (1.0 if item == "i1" else 1e-3)
        assert poisoned.index.popularity_at[mine] == clean.index.popularity_at[theirs]
    size = poisoned.index.size
    assert np.all(poisoned.index.popularity[:size] <= poisoned.index.interactions[:size])
    assert np.all(np.isfinite(poisoned.index.neighbour_weights[:size]))


def test_factors_move_users_towards_what_they_chose_and_away_from_what_they_hid() -> None:
    run = Run(Parameters(factors=8))
    number = 0
    for _ in range(150):
        for user, item in (("a1", "x1"), ("a2", "x2"), ("a1", "x2"), ("b1", "y1"), ("b2", "y2"), ("b1", "y2")):
            number += 1
            run.learn(click(number, user, item, 2_000 * number))

    def score(user: str, item: str) -> float:
        return float(run.users[user].factors @ run.index.factors[run.row(item)])

    assert score("a2", "x1") > score("a2", "y1") + 0.5, "what similar users chose"
    assert score("b2", "y1") > score("b2", "x1") + 0.5
    before = score("a1", "x1")
    run.learn(*[click(9_000 + n, "a1", "x1", 9_000 + n, action=Action.DISLIKE) for n in range(5)])
    assert score("a1", "x1") < before


def test_initial_factors_are_small_and_depend_on_the_id_alone() -> None:
    parameters = Parameters(factors=16)
    left, right = ItemIndex(parameters), ItemIndex(parameters)
    for number in range(300):
        left.intern(f"i{number}")
        right.intern(f"i{299 - number}")
    norms = np.linalg.norm(left.factors[:300], axis=1)
    assert norms.mean() == pytest.approx(parameters.initial_scale, rel=0.1)
    for item, row in left.lookup.items():
        np.testing.assert_array_equal(left.factors[row], right.factors[right.lookup[item]])


def test_rating_value_scales_the_step() -> None:
    steps = []
    for value in (0.0, 1.0, 5.0, None):
        run = Run(Parameters(factors=8))
        run.learn(click(0, "w", "other", 0))
        updates = run.updates(click(1, "u", "i", 1, action=Action.RATE, value=value))
        assert updates.weight[0] == 1.0, "any rating counts as one interaction"
        steps.append(0.0 if len(updates.sgd_item) == 0 else float(updates.sgd_coefficient[1]))
    assert steps == pytest.approx([0.0, -0.1, -0.5, -0.5])


def test_poisoned_numbers_leave_everything_finite_and_bounded() -> None:
    """Each bad line 200 times among normal clicks."""
    run = Run(Parameters(factors=8, user_learning_rate=2.0, item_learning_rate=1.0))
    poison = [
        lambda n, t: click(n, "p", "i1", t, action=Action.RATE, value=1673858401132.0),
        lambda n, t: click(n, "p", "i2", t, action=Action.RATE, value=1e308),
        lambda n, t: click(n, "p", "i1", t, action=Action.RATE, value=-1e308),
        lambda n, t: Purchase(f"e{n}", "p", "i1", START + int(t * 1000), 1_000_000, 1e300, "EUR"),
    ]
    number = 0
    for event in random_events(5, 200):
        run.learn(event)
        for make in poison:
            number += 1
            run.learn(make(100_000 + number, number))
    bound = run.parameters.max_norm * 1.0001
    size = run.index.size
    assert np.all(np.linalg.norm(run.index.factors[:size], axis=1) <= bound)
    for state in run.users.values():
        assert np.linalg.norm(state.factors) <= bound
    for array in (run.index.neighbour_weights, run.index.successor_weights, run.index.popularity):
        assert np.all(np.isfinite(array[:size]))
    assert np.all(np.isfinite(run.index.factors[:size]))


def test_weights_and_gradients_stay_within_their_bound() -> None:
    run = Run(Parameters(factors=8, max_gradient=0.25))
    updates = run.updates(*random_events(6, 200))
    assert updates.sgd_coefficient.min() == np.float32(-0.25)
    assert updates.sgd_coefficient.max() <= 4 * 0.25


def test_a_positive_is_pulled_as_much_as_its_negatives_are_pushed() -> None:
    run = Run(Parameters(factors=8))
    run.learn(*random_events(7, 100))
    run.learn(click(499, "newcomer", "i2", 89_000))
    updates = run.updates(click(500, "newcomer", "i3", 90_000))
    assert len(updates.sgd_item) > 1
    assert updates.sgd_item[0] == run.row("i3")
    assert updates.sgd_coefficient[0] == pytest.approx(-updates.sgd_coefficient[1:].sum(), rel=1e-5)
    assert (updates.sgd_coefficient[1:] < 0).all()
    disliked = run.updates(click(501, "newcomer", "i3", 90_001, action=Action.DISLIKE))
    assert disliked.sgd_item.tolist() == [run.row("i3")]
    assert disliked.sgd_coefficient[0] < 0
    assert len(disliked.context) == 0


def test_negatives_are_drawn_from_other_recent_items_and_never_from_the_history() -> None:
    run = Run(Parameters(factors=4, negatives=8))
    run.learn(click(1, "v", "x", 0), click(2, "u", "a", 1), click(3, "u", "b", 2))
    drawn = set()
    for seconds in range(3, 40):
        updates = run.updates(click(seconds + 10, "u", "c", 2_000 * seconds))
        drawn |= {run.index.ids[item] for item in updates.sgd_item[1:]}
    assert drawn == {"x"}, "a, b are the user's own, c is the target"


def test_negatives_follow_the_key_and_mix_uniform_with_popular() -> None:
    recent = np.array([1] * 90 + [2] * 10, np.int32)
    distinct = np.array([1, 2, 0, 0], np.int32)
    nothing = np.empty(0, np.int32)

    def draws(key: int, uniform_share: float) -> list[int]:
        drawn = np.empty(4, np.int32)
        draw_negatives(np.uint64(key), recent, 100, distinct, 2, uniform_share, 5, nothing, drawn)
        return drawn.tolist()

    assert draws(7, 0.5) == draws(7, 0.5)
    assert len({tuple(draws(key, 1.0)) for key in range(200)}) == 16, "all of 2 ** 4 combinations"
    for share, expected in ((0.0, 0.1), (0.5, 0.3), (1.0, 0.5)):
        mean = np.mean([draws(key * 7919, share) for key in range(2_000)]) - 1.0
        assert mean == pytest.approx(expected, abs=0.03)


def test_the_same_events_give_the_same_bytes() -> None:
    events = random_events(1, 400)
    left, right = Run(), Run()
    left.learn(*events)
    right.learn(*events)
    assert left.user_bytes() == right.user_bytes()
    assert fingerprint(left.index) == fingerprint(right.index)
    other = Run(seed=8)
    other.learn(*events)
    assert fingerprint(other.index) != fingerprint(left.index), "the seed decides about negatives"


def test_dense_numbers_leave_no_trace_in_the_bytes() -> None:
    events = random_events(2, 300)
    left, right = Run(), Run()
    for number in range(40):
        right.index.intern(f"noise{number}")
    for number in reversed(range(15)):
        right.index.intern(f"i{number}")
    left.learn(*events)
    right.learn(*events)
    assert left.user_bytes() == right.user_bytes()
    assert fingerprint(left.index) == fingerprint(right.index)


def test_touched_rows_are_distinct_and_complete() -> None:
    run = Run()
    before = fingerprint(run.index)
    updates = run.updates(*random_events(3, 60))
    version = run.index.version
    touched = run.recommender.apply(updates)
    assert len(set(touched.tolist())) == len(touched)
    assert run.index.version == version + np.count_nonzero((updates.weight > 0.0) | (updates.marks > 0))
    assert set(touched.tolist()) == set(np.flatnonzero(run.index.learned).tolist())
    assert before != fingerprint(run.index)
    assert not run.index.mark.any(), "scratch is left clean"


def test_the_index_grows_without_losing_rows() -> None:
    run = Run(Parameters(factors=4, neighbours=5, successors=3))
    run.learn(*[click(number, f"u{number % 3}", f"i{number}", number) for number in range(600)])
    assert run.index.capacity == 1024
    assert run.successors("i0") == {"i3": 1.0}
    assert run.index.available[:600].all()
    assert run.index.neighbour_items[700, 0] == -1
