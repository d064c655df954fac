"""User and item state as bytes: exact, bounded, versioned, and never silently wrong."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from operators.learning.item_updates import unpack
from operators.state.errors import StateCorruptError, StateVersionError
from operators.state.item_codec import decode_item, encode_item
from operators.state.item_columns import NEVER
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.sealing import seal, unseal
from operators.state.user_codec import KIND, decode_user, encode_user
from operators.state.user_state import UserState
from schemas.records import Action, CatalogItem, Impression, Search
from tests.learning_support import START, Run, click, random_events

CATALOG = CatalogItem(
    "i1", "Déjà vu 茶", description="d", categories=("Drama", "奇幻"), attributes={"year": 2006}, price=9.5,
    currency="EUR", available=False, expires_at=START, locale="fr", vectors={"image": (0.5, -1.0)},
)  # fmt: skip


def learned_run() -> Run:
    run = Run()
    run.user("u0").remember_shown("R1", [run.index.intern(f"i{n}") for n in range(12)])
    run.learn(*random_events(4, 300))
    run.observe(Search("s1", "u0", "thé vert", START))
    run.observe(Impression("m1", "u0", ("i1", "i11"), START, "R1"))
    run.observe(click(999, "u0", "i11", recommendation_id="R1"))
    updates = run.recommender.flush()
    assert updates is not None
    run.recommender.apply(updates, message_offset=77)
    run.index.set_catalog(CATALOG)
    return run


def meaning(state: UserState, index: ItemIndex) -> tuple[object, ...]:
    """A user's state with item ids in place of numbers."""
    ids = index.ids
    return (
        state.user_id, state.user_hash, state.factors.tobytes(), state.applied, state.clicks, state.searches,
        state.purchases, state.impressions, state.negatives, state.learned, state.repeat_events,
        [ids[item] for item in state.recent_items], list(state.recent_times), list(state.recent_actions),
        state.queries, [(ids[item], count) for item, count in state.consumed.items()],
        [ids[item] for item in state.banned], bytes(state.event_ids),
        [(s.recommendation_id, [ids[item] for item in s.items], s.impressed, s.clicked) for s in state.shown],
    )  # fmt: skip


def test_users_round_trip_exactly_into_another_process() -> None:
    run = learned_run()
    elsewhere = ItemIndex(run.parameters)
    elsewhere.intern("noise")
    for user_id, state in run.users.items():
        data = encode_user(state, run.index)
        back = decode_user(user_id, data, elsewhere)
        assert meaning(back, elsewhere) == meaning(state, run.index)
        assert encode_user(back, elsewhere) == data
    state = run.users["u0"]
    assert state.banned
    assert (state.shown[0].impressed, state.shown[0].clicked) == (1 << 1 | 1 << 11, 1 << 11)


def test_a_fresh_user_round_trips() -> None:
    index = ItemIndex(Parameters(factors=4))
    state = UserState.fresh("ü" * 120, index.parameters)
    back = decode_user(state.user_id, encode_user(state, index), index)
    assert meaning(back, index) == meaning(state, index)
    assert back.factors.flags.writeable


def test_a_decoded_user_learns_on_as_the_first_would_have() -> None:
    """Nothing depends on having stayed in memory."""
    stayed, restarted = learned_run(), learned_run()
    for user_id, data in restarted.user_bytes().items():
        restarted.users[user_id] = decode_user(user_id, data, restarted.index)
    more = [click(5_000 + n, f"u{n % 4}", f"i{n % 15}", 900_000 + n) for n in range(50)]
    stayed.learn(*more)
    restarted.learn(*more)
    assert stayed.user_bytes() == restarted.user_bytes()
    assert stayed.item_bytes() == restarted.item_bytes()


def test_items_round_trip_exactly_into_another_process() -> None:
    run = learned_run()
    elsewhere = ItemIndex(run.parameters)
    elsewhere.intern("noise")
    encoded = {item_id: encode_item(run.index, row) for item_id, row in run.index.lookup.items()}
    for item_id, data in encoded.items():
        decode_item(elsewhere, item_id, data)
    assert {item_id: encode_item(elsewhere, elsewhere.lookup[item_id]) for item_id in encoded} == encoded
    row = elsewhere.lookup["i1"]
    assert elsewhere.catalog[row] == CATALOG
    assert not elsewhere.available[row]
    assert elsewhere.expires_at[row] == START
    assert elsewhere.applied[row] in (-1, 77)
    assert elsewhere.search.find("deja vu").tolist() == elsewhere.search.find("déjà vu").tolist() == [row]


def test_a_tombstone_and_a_deletion_are_different_things() -> None:
    run = learned_run()
    row = run.row("i1")
    popularity = run.index.popularity[row]
    run.index.delete("i1")
    data = encode_item(run.index, row)
    elsewhere = ItemIndex(run.parameters)
    there = decode_item(elsewhere, "i1", data)
    assert elsewhere.deleted[there]
    assert not elsewhere.available[there]
    assert elsewhere.popularity[there] == popularity, "kept for its return"
    run.index.set_catalog(CatalogItem("i1", "Back"))
    assert run.index.available[row]
    assert run.index.expires_at[row] == NEVER
    decode_item(run.index, "i1", None)
    assert not run.index.learned[row]
    assert run.index.popularity[row] == 0.0
    assert run.index.available[row]
    assert not run.index.text.token_count[row] and not run.index.search.find("back").size
    unseen = ItemIndex(run.parameters)
    assert encode_item(run.index, row) == encode_item(unseen, unseen.intern("i1"))


def test_other_parameters_cut_or_pad_rows_and_keep_the_heaviest() -> None:
    run = learned_run()
    data = encode_item(run.index, run.row("i2"))
    smaller = ItemIndex(Parameters(factors=4, neighbours=3, successors=2))
    row = decode_item(smaller, "i2", data)
    kept = {smaller.ids[item] for item in smaller.neighbour_items[row]}
    heaviest = sorted(run.neighbours("i2").items(), key=lambda pair: -pair[1])[:3]
    assert kept == {item for item, _ in heaviest}
    larger = ItemIndex(Parameters(factors=12, neighbours=40, successors=9))
    row = decode_item(larger, "i2", data)
    assert np.count_nonzero(larger.neighbour_items[row] >= 0) == len(run.neighbours("i2"))
    user = decode_user("u0", encode_user(run.users["u0"], run.index), larger)
    assert user.factors[:8].tobytes() == run.users["u0"].factors.tobytes()
    assert not user.factors[8:].any()


def test_a_user_with_fifty_thousand_long_item_ids_stays_within_the_bound() -> None:
    run = Run(Parameters(factors=32))
    sizes = []
    for number in range(50_000):
        action = Action.HIDE if number % 3 == 0 else Action.CLICK
        run.observe(click(number, "u", f"{number:06d}-{'x' * 249}", number, action=action))
        if number % 5_000 == 4_999:
            run.recommender.flush()
            sizes.append(len(encode_user(run.users["u"], run.index)))
    limit = run.parameters.max_state_bytes
    assert max(sizes) <= limit
    state = run.users["u"]
    assert len(state.consumed) == len(state.banned) == 1_000
    back = decode_user("u", encode_user(state, run.index), run.index)
    assert back.learned == 50_000
    assert back.recent_items[0] == state.recent_items[0], "the newest stays"
    assert list(back.consumed) == list(state.consumed)[-len(back.consumed) :]
    assert list(back.banned) == list(state.banned)[-len(back.banned) :]
    assert len(back.banned) > 100


def test_an_item_with_long_neighbour_ids_stays_within_its_bound() -> None:
    run = Run(Parameters(factors=4, max_item_state_bytes=4_000))
    run.learn(*[click(number, f"u{number // 30}", f"{number % 50}-{'x' * 250}", number) for number in range(600)])
    row = run.row(f"7-{'x' * 250}")
    assert np.count_nonzero(run.index.neighbour_items[row] >= 0) > 20
    data = encode_item(run.index, row)
    assert len(data) <= 4_000
    elsewhere = ItemIndex(run.parameters)
    there = decode_item(elsewhere, run.index.ids[row], data)
    kept = np.count_nonzero(elsewhere.neighbour_items[there] >= 0)
    assert kept > 3
    weights = np.sort(run.index.neighbour_weights[row])[::-1]
    assert np.sort(elsewhere.neighbour_weights[there])[::-1][:kept].tolist() == weights[:kept].tolist()


@pytest.mark.parametrize("what", ["user", "item", "message"])
def test_newer_and_damaged_bytes_are_refused_with_advice(what: str) -> None:
    run = learned_run()
    updates = run.updates(*[click(n, "u9", f"i{n % 9}", 1e6 + n) for n in range(2_000, 2_030)])

    def read(data: bytes) -> object:
        index = ItemIndex(run.parameters)
        if what == "user":
            return decode_user("u0", data, index)
        return decode_item(index, "i1", data) if what == "item" else unpack(data, index)

    good = {
        "user": encode_user(run.users["u0"], run.index),
        "item": encode_item(run.index, run.row("i1")),
        "message": updates.split(run.index, 1)[0],
    }
    data = good[what]
    read(data)
    version = data[1]
    with pytest.raises(StateVersionError, match=rf"version {version + 1}, .* up to {version}.*newer"):
        read(data[:1] + bytes((version + 1,)) + data[2:])
    damaged = [b"", data[:3], data[:-1], data + b"\x00", b"?" + data[1:], data[:1] + b"\x00" + data[2:]]
    damaged += [data[:place] + bytes((data[place] ^ 0x10,)) + data[place + 1 :] for place in range(6, len(data), 29)]
    damaged += [good[other] for other in good if other != what]
    for bad in damaged:
        with pytest.raises(StateCorruptError, match="state folder"):
            read(bad)


def test_a_user_state_of_format_1_is_read() -> None:
    """Its event ids are a map of numbers."""
    run = Run(Parameters())
    for number in range(3):
        run.learn(click(number, "u", f"i{number}"))
    state = next(iter(run.users.values()))
    data = encode_user(state, run.index)
    fields = msgspec.msgpack.decode(unseal("", KIND, 2, data))
    place = fields.index(bytes(state.event_ids))
    entries = np.frombuffer(state.event_ids, "<u8").reshape(-1, 2).tolist()
    fields[place] = dict(entries)
    old = decode_user(state.user_id, seal(KIND, 1, msgspec.msgpack.encode(fields)), run.index)
    assert encode_user(old, run.index) == data
