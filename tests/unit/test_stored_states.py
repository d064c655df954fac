"""Bytes that earlier versions of this program stored are read to the same values, and written again to the same bytes.

Columns that were added since stand behind them.

`tests/data/stored-states.jsonl` has one state a line with its columns by name, items by id. Lines "first" have the
first formats: users of format 1, whose event ids are a map of numbers, and items of format 1 without `deleted_at`.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Annotated, Any, get_origin, get_type_hints

import msgspec
import pytest

from operators.state import item_codec, user_codec
from operators.state.item_codec import decode_item, encode_item
from operators.state.item_columns import COLUMNS
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.sealing import unseal
from operators.state.user_codec import decode_user, encode_user
from operators.state.user_state import UserState

STORED = Path(__file__).parents[1] / "data" / "stored-states.jsonl"
LINES = [json.loads(line) for line in STORED.read_text("utf-8").splitlines()]
PARAMETERS = Parameters(factors=8, neighbours=12, successors=6)


def states(kind: str) -> list[Any]:
    return [pytest.param(line, id=f"{line['written']}-{line['id']}") for line in LINES if line["kind"] == kind]


def index() -> ItemIndex:
    made = ItemIndex(PARAMETERS)
    made.intern("noise")  # numbers differ from those of the process that wrote
    return made


def user_columns(state: UserState, ids: list[str]) -> dict[str, Any]:
    """A user's columns as the file has them."""
    columns = {name: getattr(state, name) for name in UserState.__slots__}
    columns |= {
        "factors": state.factors.tolist(),
        "applied": [[source, offset] for source, offset in sorted(state.applied.items())],
        "recent_items": [ids[item] for item in state.recent_items],
        "recent_times": list(state.recent_times),
        "recent_actions": list(state.recent_actions),
        "queries": [list(query) for query in state.queries],
        "consumed": [[ids[item], count] for item, count in state.consumed.items()],
        "banned": [ids[item] for item in state.banned],
        "event_ids": state.event_ids.hex(),
        "shown": [[s.recommendation_id, [ids[i] for i in s.items], s.impressed, s.clicked] for s in state.shown],
    }
    return columns


def item_columns(rows: ItemIndex, row: int) -> dict[str, Any]:
    """An item's columns as the file has them: lists without their empty places."""
    columns = {name: array[row].tolist() for name, array in vars(rows).items() if hasattr(array, "dtype")}
    for name in ("neighbour", "successor"):
        items = [rows.ids[item] for item in columns[f"{name}_items"] if item >= 0]
        columns[f"{name}_items"] = items
        columns[f"{name}_weights"] = columns[f"{name}_weights"][: len(items)]
    record = rows.catalog[row]
    columns["title"] = None if record is None else record.title
    return columns


def begins_with(again: bytes, data: bytes, kind: bytes, version: int) -> bool:
    """Whether all columns of `data` have the same bytes in `again`, which may have more behind them."""
    new, old = (
        msgspec.msgpack.decode(unseal("a state", kind, version, each), type=list[msgspec.Raw]) for each in (again, data)
    )
    return new[: len(old)] == old and (again == data or len(new) > len(old))


@pytest.mark.parametrize("line", states("user"))
def test_users(line: dict[str, Any]) -> None:
    rows, data = index(), base64.b64decode(line["bytes"])
    state = decode_user(line["id"], data, rows)
    columns = user_columns(state, rows.ids)
    assert {name: columns[name] for name in line["columns"]} == line["columns"]
    again = encode_user(state, rows)
    if line["written"] == "now":
        assert begins_with(again, data, user_codec.KIND, user_codec.VERSION)
    else:
        assert user_columns(decode_user(line["id"], again, rows), rows.ids) == columns


@pytest.mark.parametrize("line", states("item"))
def test_items(line: dict[str, Any]) -> None:
    rows, data = index(), base64.b64decode(line["bytes"])
    row = decode_item(rows, line["id"], data)
    columns = item_columns(rows, row)
    assert {name: columns[name] for name in line["columns"]} == line["columns"]
    again = encode_item(rows, row)
    if line["written"] == "now":
        assert begins_with(again, data, item_codec.KIND, item_codec.VERSION)
    else:
        assert columns["deleted_at"] == 0
        elsewhere = index()
        assert item_columns(elsewhere, decode_item(elsewhere, line["id"], again)) == columns


def test_places_and_turns_have_no_holes() -> None:
    stored = [
        kind.__metadata__[0]
        for kind in get_type_hints(UserState, include_extras=True).values()
        if get_origin(kind) is Annotated
    ]
    assert sorted(column.place for column in stored) == [*range(1, len(stored) + 1)]
    turns = sorted(column.turn for column in stored if column.turn)
    assert turns == [*range(1, len(turns) + 1)]
    places = {column.place for column in COLUMNS if column.place >= 0} | {0, 5}
    assert places == set(range(len(places)))
