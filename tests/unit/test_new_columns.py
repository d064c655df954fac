"""A new column is one line: a copy of the program with one more item column and one more user column runs, and both are
there in every respect.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, get_origin, get_type_hints

import pytest

from operators.state.item_codec import encode_item
from operators.state.item_columns import COLUMNS
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import encode_user
from operators.state.user_state import UserState

ROOT = Path(__file__).parents[2]
ITEM_COLUMNS, USER_COLUMNS = "operators/state/item_columns.py", "operators/state/user_state.py"
PLACE = max(column.place for column in COLUMNS) + 1
ITEM_LINES = f"""
    boost: Annotated[Floats, Column(empty=1, place={PLACE}, ranked=True)]
    tags: Annotated[Numbers, Column("queries", -7, place={PLACE + 1})]
    also_items: Annotated[Numbers, Column(3, -1)]
    also_weights: Annotated[Floats, Column(3, place={PLACE + 2}, weights_of="also_items")]
"""
STORED = [
    kind.__metadata__[0]
    for kind in get_type_hints(UserState, include_extras=True).values()
    if get_origin(kind) is Annotated
]
NEXT, TURN = max(each.place for each in STORED) + 1, max(each.turn for each in STORED) + 1
USER_LINES = f"""
    visits: Annotated[int, Stored({NEXT})] = 5
    places: Annotated[list[str], Stored({NEXT + 1})] = field(default_factory=list)
    hearts: Annotated[Numbers, Stored({NEXT + 2}, ITEMS, turn={TURN})] = field(default_factory=lambda: array("i"))
"""
PARAMETERS = "Parameters(factors=4, neighbours=3, successors=2)"

ITEM = f"""
import sys
from operators.state.item_codec import decode_item, encode_item
from operators.state.item_columns import item_bytes
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
parameters = {PARAMETERS}
index = ItemIndex(parameters)
row = index.intern("a")
assert index.boost[row] == 1.0 and index.tags[row].tolist() == [-7] * 5 and index.also_items[row].tolist() == [-1] * 3
for number in range(300):
    index.intern(f"i{{number}}")
assert len(index.boost) == index.capacity == 512 and index.boost[400] == 1.0, "it grows"
assert index.arrays().boost is index.boost, "kernels of ranking get what they asked for"
assert not hasattr(index.arrays(), "tags")
assert index.rows.tags is index.tags, "kernels of learning get all"
assert item_bytes(parameters)["tags"] == 20
index.boost[row], index.tags[row], index.learned[row] = 2.5, range(5), True
index.also_items[row, 0], index.also_weights[row, 0] = index.intern("i7"), 0.5
data = encode_item(index, row)
there = ItemIndex(parameters)
there.intern("noise")
back = decode_item(there, "a", data)
assert there.boost[back] == 2.5 and there.tags[back].tolist() == [0, 1, 2, 3, 4], "it is stored"
assert there.ids[there.also_items[back, 0]] == "i7" and there.also_weights[back].tolist() == [0.5, 0.0, 0.0]
assert encode_item(there, back) == data
longer = ItemIndex(Parameters(factors=4, queries=7))
assert longer.tags[decode_item(longer, "a", data)].tolist() == [0, 1, 2, 3, 4, -7, -7], "widths may change"
there.reset(back)
assert there.boost[back] == 1.0 and there.tags[back].tolist() == [-7] * 5, "it is reset"
assert there.also_items[back, 0] == -1
there.boost[back] = 3.0
decode_item(there, "a", bytes.fromhex(sys.argv[1]))
assert there.boost[back] == 1.0 and there.tags[back].tolist() == [-7] * 5, "rows stored before it have the empty value"
print("right")
"""

USER = f"""
import sys
from array import array
from operators.state.item_index import ItemIndex
from operators.state.parameters import Parameters
from operators.state.user_codec import decode_user, encode_user, stored_minute
from operators.state.user_state import UserState
parameters = {PARAMETERS}
index, there = ItemIndex(parameters), ItemIndex(parameters)
there.intern("noise")
state = UserState.fresh("u", parameters)
assert (state.visits, state.places, list(state.hearts)) == (5, [], [])
state.visits, state.places, state.rate_minute = 8, ["Oslo"], 77
state.consumed[index.intern("a")] = 1
state.hearts = array("i", [index.intern("b"), index.intern("a")])
data = encode_user(state, index)
back = decode_user("u", data, there)
assert (back.visits, back.places) == (8, ["Oslo"]), "it is stored"
assert [there.ids[item] for item in back.hearts] == ["b", "a"]
assert encode_user(back, there) == data and stored_minute("u", data) == 77
old = decode_user("u", bytes.fromhex(sys.argv[1]), there)
assert (old.visits, old.places, list(old.hearts)) == (5, [], []), "states stored before it have the default"
print("right")
"""


def copy_with(lines: str, name: str, before: str, folder: Path) -> None:
    """The operators, with lines in a file, before the line that begins so."""
    for package in ("operators", "schemas"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    text = (folder / name).read_text("utf-8")
    assert text.count(before) == 1
    (folder / name).write_text(text.replace(before, f"{lines.strip()}\n    {before}"), "utf-8")


@pytest.mark.parametrize("what", ["item", "user"])
def test_a_column_is_one_line(tmp_path: Path, what: str) -> None:
    index = ItemIndex(Parameters(factors=4, neighbours=3, successors=2))
    if what == "item":
        old = encode_item(index, index.intern("a"))
        copy_with(ITEM_LINES, ITEM_COLUMNS, "mark: Annotated", tmp_path)
    else:
        old = encode_user(UserState.fresh("u", index.parameters), index)
        copy_with(USER_LINES, USER_COLUMNS, "batch_row: int", tmp_path)
    done = subprocess.run(
        [sys.executable, "-c", ITEM if what == "item" else USER, old.hex()],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path), "NUMBA_DISABLE_JIT": "1"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == "right\n", done.stderr
