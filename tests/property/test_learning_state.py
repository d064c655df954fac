"""Whatever comes in, in whatever order and batches: bounded, ordered, finite, and what the formulas say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import decode_user, encode_user
from operators.state.user_state import EVENT_ID_BYTES
from schemas.durations import DAY_MS
from schemas.records import Action, Click, Event, Impression, Purchase, Search
from tests.learning_support import START, Run, random_events

PARAMETERS = Parameters(
    factors=4, neighbours=4, successors=3, history=6, context=4, consumed=8, banned=4, event_ids=5, queries=2
)
bounded = settings(max_examples=60, deadline=None, derandomize=True)

users = st.sampled_from(["u1", "u2"])
items = st.sampled_from([f"i{n}" for n in range(12)])
event_ids = st.integers(0, 30).map("e{}".format)
times = st.one_of(st.integers(START, START + 10 * DAY_MS), st.sampled_from([1, START, 4_102_444_800_000]))
values = st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True))
events: st.SearchStrategy[Event] = st.one_of(
    st.builds(Click, event_ids, users, items, times, st.sampled_from(list(Action)), values),
    st.builds(Purchase, event_ids, users, items, times),
    st.builds(Search, event_ids, users, st.text(max_size=8), times),
    st.builds(Impression, event_ids, users, st.lists(items, max_size=4).map(tuple), times, st.just("R")),
)


@bounded
@given(st.lists(events, max_size=60))
def test_states_stay_bounded_ordered_and_finite(stream: list[Event]) -> None:
    run = Run(PARAMETERS)
    answered = learned = 0
    for event in stream:
        run.user(event.user_id).remember_shown("R", [run.index.intern("i1"), run.index.intern("i2")])
        (observation,) = run.learn(event)
        answered += observation.answers  # type: ignore[attr-defined]
        learned += observation.status == "learned"  # type: ignore[attr-defined]
    assert sum(state.learned for state in run.users.values()) == learned
    assert answered == learned - sum(state.impressions for state in run.users.values())
    for state in run.users.values():
        assert len(state.recent_items) == len(state.recent_times) == len(state.recent_actions) <= 6
        assert list(state.recent_times) == sorted(state.recent_times, reverse=True)
        assert len(state.consumed) <= 8
        assert len(state.banned) <= 4
        assert len(state.event_ids) <= 5 * EVENT_ID_BYTES
        assert [time for _, time in state.queries] == sorted((time for _, time in state.queries), reverse=True)
        assert np.all(np.isfinite(state.factors))
        assert encode_user(decode_user(state.user_id, encode_user(state, run.index), run.index), run.index) == (
            encode_user(state, run.index)
        )
    size = run.index.size
    for name in ("factors", "neighbour_weights", "neighbour_total", "successor_weights", "popularity"):
        assert np.all(np.isfinite(getattr(run.index, name)[:size])), name
    assert np.all(run.index.popularity[:size] <= run.index.interactions[:size])
    assert np.all(run.index.repeats[:size] <= run.index.interactions[:size])
    check_rows(run.index)


@bounded
@given(st.integers(0, 10_000), st.lists(st.integers(1, 30), min_size=1, max_size=6))
def test_batches_do_not_matter_to_the_user_side(seed: int, sizes: list[int]) -> None:
    stream = random_events(seed, sum(sizes))
    whole, cut = Run(PARAMETERS), Run(PARAMETERS)
    first = whole.updates(*stream)
    parts = []
    for size in sizes:
        parts.append(cut.updates(*stream[:size]))
        stream = stream[size:]
    assert whole.user_bytes() == cut.user_bytes()
    for name in ("target", "previous", "context", "sgd_item", "sgd_coefficient", "user_factors"):
        together = np.concatenate([getattr(part, name) for part in parts])
        np.testing.assert_array_equal(together, getattr(first, name), err_msg=name)
    for part in parts:
        cut.recommender.apply(part)
    whole.recommender.apply(first)
    assert whole.item_bytes() == cut.item_bytes()


@bounded
@given(st.lists(st.tuples(items, st.integers(0, 20 * DAY_MS)), min_size=1, max_size=40))
def test_popularity_is_the_sum_of_its_formula_in_any_order(visits: list[tuple[str, int]]) -> None:
    run = Run(PARAMETERS)
    for number, (item, time) in enumerate(visits):
        run.learn(Click(f"e{number}", f"v{number}", item, START + time))
    for item in {item for item, _ in visits}:
        row = run.row(item)
        last = run.index.popularity_at[row] - START
        assert last == max(time for other, time in visits if other == item)
        mass = sum(2.0 ** (-(last - time) / PARAMETERS.popularity_half_life) for other, time in visits if other == item)
        assert run.index.popularity[row] == pytest.approx(mass, rel=1e-4)


def check_rows(index: ItemIndex) -> None:
    """Bounded rows: entries contiguous, distinct, positive, and together no more than the total."""
    for kind in ("neighbour", "successor"):
        entries, weights = getattr(index, f"{kind}_items"), getattr(index, f"{kind}_weights")
        for row in range(index.size):
            used = entries[row] >= 0
            count = int(np.count_nonzero(used))
            assert used[:count].all()
            assert len(set(entries[row, :count].tolist())) == count
            assert row not in entries[row, :count]
            assert (weights[row, :count] >= 0).all()
            assert weights[row, count:].sum() == 0
            assert weights[row].sum() <= getattr(index, f"{kind}_total")[row] * 1.001 + 1e-6
