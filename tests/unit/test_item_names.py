"""Ids as bytes: what is written equals MessagePack's, what is read is found, everything else is said to be unknown."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from operators.state.encoded_ids import ItemNames

IDS = [f"item-{n}" + "x" * (n % 400) for n in range(3_000)] + ["é" * 40, ""]


@pytest.fixture(scope="module")
def names() -> ItemNames:
    made = ItemNames()
    for item_id in IDS:
        made.append(item_id)
    return made


@pytest.mark.parametrize("count", [0, 1, 15, 16, 70_000])
def test_ids_are_written_as_messagepack_and_found_again(names: ItemNames, count: int) -> None:
    items = np.random.default_rng(1).integers(0, len(IDS), count).astype(np.int32)
    array = names.of(items).array(np.arange(count, dtype=np.int32))
    assert bytes(array) == msgspec.msgpack.encode([IDS[item] for item in items])
    found = names.find(array)
    assert found is not None and found.tolist() == items.tolist()


@pytest.mark.parametrize(
    "other", [["item-0", "nobody"], [3], {"item-0": 1}, "item-0", None, [["item-0"]], ["x" * 70_000]]
)
def test_whatever_is_no_array_of_known_ids_is_not_found(names: ItemNames, other: object) -> None:
    assert names.find(msgspec.Raw(msgspec.msgpack.encode(other))) is None


def test_a_cut_array_is_not_found(names: ItemNames) -> None:
    first = np.arange(20, dtype=np.int32)
    whole = bytes(names.of(first).array(first))
    assert all(names.find(msgspec.Raw(whole[:end])) is None for end in range(1, len(whole)))


def test_an_id_that_another_one_begins_with_is_another_id() -> None:
    names = ItemNames()
    for item_id in ("ab", "abc", "a", "b" * 40, "b" * 41):
        names.append(item_id)
    for number, item_id in enumerate(("ab", "abc", "a", "b" * 40, "b" * 41)):
        found = names.find(msgspec.Raw(msgspec.msgpack.encode([item_id])))
        assert found is not None and found.tolist() == [number]
    assert names.find(msgspec.Raw(msgspec.msgpack.encode(["b" * 39]))) is None
