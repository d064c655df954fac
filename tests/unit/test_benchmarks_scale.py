"""The shops of any size that scale and memory are measured in, and the states that a restart recovers."""

from __future__ import annotations

import numpy as np

from benchmarks.memory import RECENT, item_sizes, templates
from benchmarks.restart import HISTORY as RESTART_HISTORY
from benchmarks.restart import state_value
from benchmarks.scale import STEPS, Shop, compare
from benchmarks.world import HISTORY, clicks, index_of, users_of, zipf
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import decode_user


def test_items_have_full_rows_of_different_others() -> None:
    index = index_of(400)
    assert index.size == 400 and bool(index.cataloged[:400].all()) and index.text.documents == 400
    for rows in (index.neighbour_items[:400], index.successor_items[:400]):
        assert all(len(set(row)) == len(row) and min(row) >= 0 and number not in row for number, row in enumerate(rows))
    assert np.allclose(index.neighbour_weights[:400].sum(axis=1), index.neighbour_total[:400], rtol=1e-4)


def test_users_have_full_histories_and_their_events_name_them() -> None:
    index = index_of(400)
    users = users_of(index, 50)
    assert all(len(set(user.recent_items)) == HISTORY == len(user.consumed) for user in users)
    assert all(event.user_id == state.user_id for state, event, _ in clicks(users, 400, 100, seed=1))


def test_draws_follow_zipf() -> None:
    drawn = zipf(np.random.default_rng(1), 200_000, 1_000, 0.5)
    counts = np.bincount(drawn, minlength=1_000)
    assert counts[0] / counts[400:500].mean() > 10


def test_a_turn_measures_every_step_and_ranking() -> None:
    shop = Shop(200, 300)
    compare(shop, None, 1)
    assert len(shop.events) == 1 and len(shop.events[0]) == len(STEPS)
    assert min(shop.events[0]) > 0 and min(shop.rankings) > 0


def test_states_are_what_the_tables_say() -> None:
    index = ItemIndex(Parameters())
    assert len(decode_user("u", state_value(), index).recent_items) == RESTART_HISTORY
    assert 350 < len(state_value()) < 450
    full = index_of(400)
    for value in templates(full, 3):
        state = decode_user("u", value, full)
        assert len(state.recent_items) == RECENT and len(state.shown) == 3


def test_an_items_bytes_are_those_of_its_arrays() -> None:
    sizes = item_sizes(index_of(400))
    assert sizes["factors"] == 4 * Parameters().factors
    assert sizes["neighbours"] == 10 * Parameters().neighbours + 12
