"""Catalogue rows field by field: what is read, what a field that cannot be read costs, and what refuses the row."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from headwater.cli.evaluate import _Input
from headwater.cli.lines import judged_lines
from operators.evaluation.prequential import _Run
from operators.state.parameters import Parameters
from operators.state.user_state import UserState
from schemas.catalog_fields import FAULT_CODES, MAX_FAULTS, READERS, FieldFault
from schemas.catalog_row import named_item
from schemas.kinds import Kind
from schemas.parse import parse
from schemas.records import CatalogItem, Click, ItemDeletion, ItemWithdrawal, Record
from schemas.rejection import Rejection, RejectionCode
from schemas.vector_sizes import VectorSizes
from streams.settings import Settings

NOW = 1_772_359_200_000
ROW = {"item_id": "i1", "title": "Lamp"}


def read(value: dict[str, Any] | bytes) -> tuple[Record | Rejection, list[FieldFault]]:
    faults: list[FieldFault] = []
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return parse(Kind.CATALOG, text, key=b"i1", now_ms=NOW, faults=faults), faults


def item(**fields: Any) -> tuple[CatalogItem, list[str]]:
    """The row with these fields, and what was said of it; every fault names its field."""
    record, faults = read(ROW | fields)
    assert isinstance(record, CatalogItem), record
    assert all(fault.problem.code in FAULT_CODES and fault.field in READERS for fault in faults)
    assert all(str(fault).startswith(fault.field) and len(str(fault)) < 400 for fault in faults)
    return record, [str(fault) for fault in faults]


def test_every_optional_field_has_a_reader() -> None:
    assert set(READERS) == set(CatalogItem.__struct_fields__) - {"item_id", "title"}


@pytest.mark.parametrize(
    ("price", "read_as"),
    [("19.95", 19.95), (19.95, 19.95), (" 7 ", 7.0), (0, 0.0), ("0.125", 0.125), ("1234.5", 1234.5), (None, None)],
)
def test_a_price_is_a_number_or_its_digits(price: Any, read_as: float | None) -> None:
    record, said = item(price=price)
    assert record.price == read_as and not said
    assert item()[0].price is None


@pytest.mark.parametrize(
    "price",
    ["$99.00", "1.299,00 €", "1,299.00", "1,299", "1.299", "12.999", "—", "", " ", -1, "-1", True, "1e3", "٣",
     "19.95 EUR",     float("nan"), float("inf"), 1e13, 10**400, [5], {"amount": 5}, "9" * 99],
)  # fmt: skip
def test_a_price_that_cannot_be_read_costs_the_price_alone(price: Any) -> None:
    record, said = item(price=price, currency="EUR", categories=["home"])
    assert record == CatalogItem("i1", "Lamp", categories=("home",), currency="EUR")
    (line,) = said
    if isinstance(price, str | bool):
        assert repr(price)[:40] in line, "the value is shown"


@pytest.mark.parametrize(
    ("spelling", "available"),
    [
        *((each, False) for each in ("false", "no", "0", 0, 0.0, "out of stock", "out_of_stock", False, "OutOfStock")),
        *((each, False) for each in ("https://schema.org/OutOfStock", "http://schema.org/Discontinued", "SoldOut")),
        *((each, False) for each in ("schema:OutOfStock", " FALSE ", "Sold-Out", "draft")),
        *((each, True) for each in ("true", "yes", 1, "1", "in stock", "IN_STOCK", "In-Stock", True, None)),
        *((each, True) for each in ("https://schema.org/InStock", "https://www.schema.org/PreOrder", "backorder")),
    ],
)
def test_spellings_of_availability(spelling: Any, available: bool) -> None:
    record, said = item(available=spelling)
    assert record.available is available and not said


@pytest.mark.parametrize("spelling", ["maybe", "", "-1", 2, 12, -1, 0.5, {}, [True], "ausverkauft", "in", "x" * 999])
def test_an_unknown_spelling_withdraws_the_item_and_is_said(spelling: Any) -> None:
    record, said = item(available=spelling)
    assert not record.available and record.title == "Lamp"
    assert len(said) == 1 and "withdrawn" in said[0]


@pytest.mark.parametrize(
    ("categories", "kept", "places"),
    [
        ("Games", ("Games",), []),
        (["Games"], ("Games",), []),
        ("Games > Board Games", ("Games", "Board Games"), []),
        (["Games > Board Games", "Games > Card  Games"], ("Games", "Board Games", "Card Games"), []),
        ("a, b, c", (), ["categories 'a, b, c'"]),
        ('["a"]', (), ["categories '[\"a\"]'"]),
        (["Home, Garden"], ("Home, Garden",), []),
        ([], (), []),
        (None, (), []),
        (["Games", "Games", "", None, " games ", "\u200b", "(not set)"], ("Games",), []),
        ([["Games"], "Toys"], ("Toys",), ["categories[0] has to be text, not a list: ['Games']"]),
        ({"l1": "Games"}, (), ["categories has to be a list of text, not an object: {'l1': 'Games'}"]),
        ([1, "a", True], ("a",), ["categories[0] has", "categories[2] has"]),
        (["x" * 300, "y" * 256], ("y" * 256,), ["categories[0] is longer than 256"]),
        (["x"] * 51, ("x",), []),
        ([str(n) for n in range(60)], tuple(str(n) for n in range(50)), ["categories has more than 50 entries"]),
        (7, (), ["categories has to be a list of text, not a number: 7"]),
    ],
)
def test_categories_are_a_tidy_list(categories: Any, kept: tuple[str, ...], places: list[str]) -> None:
    record, said = item(categories=categories)
    assert record.categories == kept
    assert len(said) == len(places) and all(line.startswith(place) for line, place in zip(said, places, strict=True))


@pytest.mark.parametrize(
    "title",
    [
        "(not set)",
        "  ",
        "",
        None,
        12345,
        "undefined",
        "NULL",
        "None",
        "n/a",
        "NaN",
        "—",
        "\u200b",
        ["Lamp"],
        "x" * 1001,
    ],
)
def test_a_row_without_a_usable_title_is_refused_by_field(title: Any) -> None:
    record, _ = read(ROW | {"title": title})
    assert isinstance(record, Rejection) and record.message.startswith("title ")


@pytest.mark.parametrize("title", ["Null Island", "It", "8½", "N/A Ratio", "24", "None of the Above", "?"])
def test_a_title_that_only_looks_odd_is_a_title(title: str) -> None:
    record, _ = read(ROW | {"title": title})
    assert isinstance(record, CatalogItem) and record.title == title


@pytest.mark.parametrize(
    ("vector", "part"),
    [
        ([], "0 components"),
        ([0.0, 0], "only zeros"),
        ([1, None], "vectors['v'][1] has to be a number, not null"),
        ([1, "2"], "vectors['v'][1] has to be a number, not text: '2'"),
        ([True], "not true or false"),
        ([float("nan")], "vectors['v'][0] is no finite number"),
        ([1e10], "within"),
        ([1] * 4097, "4097 components"),
        ("0.1,0.2", "has to be a list of numbers, not text"),
    ],
)
def test_a_bad_vector_costs_the_vector(vector: Any, part: str) -> None:
    record, said = item(vectors={"v": vector, "w": [1, 2]})
    assert record.vectors == {"w": (1.0, 2.0)} and len(said) == 1 and part in said[0]


def test_so_many_vectors_and_attributes_are_kept() -> None:
    record, said = item(vectors={str(n): [1] for n in range(9)}, attributes={str(n): n for n in range(101)})
    assert len(record.vectors) == 8 and len(record.attributes) == 100 and len(said) == 2


@pytest.mark.parametrize("value", [{}, [[1]], 10**30, float("inf"), [0] * 101, {"a": 1}])
def test_a_bad_attribute_costs_the_attribute(value: Any) -> None:
    record, said = item(attributes={"bad": value, "good": ["x", None, 1.5, True], "": 1})
    assert record.attributes == {"good": ("x", None, 1.5, True)} and len(said) == 2
    assert said[0].startswith("attributes['bad']")


@pytest.mark.parametrize(
    ("field", "value"),
    [("description", 5), ("description", "x" * 100_001), ("currency", 978), ("locale", ["en"]), ("locale", "x" * 257),
     ("attributes", []), ("vectors", [1.0])],
)  # fmt: skip
def test_any_other_field_costs_itself(field: str, value: Any) -> None:
    record, said = item(**{field: value})
    assert record == CatalogItem("i1", "Lamp") and len(said) == 1


@pytest.mark.parametrize("expires_at", ["2026-03-01", 1617691790, "soon", True, 1.5, -1, [1]])
def test_an_expiry_that_cannot_be_read_withdraws_the_item(expires_at: Any) -> None:
    record, said = item(expires_at=expires_at, available=True)
    assert record.expires_at is None and not record.available and "withdrawn" in said[0]


def test_what_json_does_not_know_costs_its_field() -> None:
    record, faults = read(
        rb'{"item_id":"i1","title":"T","price":NaN,"description":"cut \ud83d","x":-Infinity,"\udc4a":"\ud83d"}'
    )
    assert record == CatalogItem("i1", "T")
    assert [(fault.field, fault.problem.code) for fault in faults] == [
        ("price", RejectionCode.NOT_FINITE),
        ("description", RejectionCode.BAD_TEXT),
    ]
    record, faults = read(b'{"item_id":"i1","title":"T","vectors":{"v":[1e999],"w":[1]}}')
    assert record == CatalogItem("i1", "T", vectors={"w": (1.0,)}) and len(faults) == 1
    record, faults = read(rb'{"item_id":"i1","title":"T","available":"\ud83d"}')
    assert isinstance(record, CatalogItem) and not record.available, "what cannot be read is not available"
    for broken in (b'{"item_id":"i1","title":NaN}', b'{"item_id":"i1","price":NaN}', b'{"item_id":"i1","title":"T",}'):
        assert isinstance(read(broken)[0], Rejection)


def test_the_faults_of_a_row_are_bounded_and_availability_is_not_lost_behind_them() -> None:
    record, faults = read(
        ROW | {"categories": [1] * 1000, "attributes": {str(n): {} for n in range(99)}, "available": "?"}
    )
    assert isinstance(record, CatalogItem) and not record.available and len(faults) == MAX_FAULTS


def test_vectors_of_one_name_have_one_size() -> None:
    sizes, faults = VectorSizes(), list[FieldFault]()
    first = CatalogItem("a", "A", vectors={"v": (1.0, 2.0)})
    assert sizes.fit(first, faults) is first and not faults
    fitted = sizes.fit(CatalogItem("b", "B", vectors={"v": (1.0,), "w": (1.0,)}), faults)
    assert fitted.vectors == {"w": (1.0,)}
    assert str(faults[0]).startswith("vectors['v'] has 1 components, the first one of that name 2")


@pytest.mark.parametrize(
    ("value", "key", "named"),
    [
        (b'{"item_id":"i1","title":null}', b"i1", "i1"),
        (b'{"item_id":7,"title":"T"}', b"7", "7"),
        (b'{"item_id":"i1","available":fal', b"i2", "i2"),
        (b'{"item_id":"i1","title":NaN}', None, "i1"),
        (b'{"item_id":"i1","title":"T"}', b'"i1"', "i1"),
        (b"[]", b"", None),
        (b"{", b'{"item_id":"i1"}', None),
        (b"{", b"\xff", None),
        (None, b'{"item_id":"i1"}', None),
        (b"{", b"x" * 300, None),
    ],
)
def test_the_item_of_a_refused_row(value: bytes | None, key: bytes | None, named: str | None) -> None:
    assert named_item(value, key) == named


@pytest.mark.parametrize("key", [b'{"item_id":"i1"}', b'"i1"', b'["i1"]', b'{"schema":{},"payload":{"id":1}}'])
def test_a_null_value_under_a_key_in_json_deletes_nothing(key: bytes) -> None:
    result = parse(Kind.CATALOG, None, key=key, now_ms=NOW)
    assert isinstance(result, Rejection) and result.code is RejectionCode.KEY_MISMATCH and "converter" in result.hint
    for plain in (b"{tea}", b"123", b"true", b'"half'):
        assert parse(Kind.CATALOG, None, key=plain, now_ms=NOW) == ItemDeletion(plain.decode())


def test_files_are_judged_as_the_worker_judges(tmp_path: Path) -> None:
    """The same verdict from a line of a file and from the topic, also for what JSON does not know."""
    rows = [
        b'{"item_id":"i1","title":"T","price":"$1"}', b'{"item_id":"i1","title":"T","price":NaN,"available":"no"}',
        rb'{"item_id":"i1","title":"T","description":"\ud83d"}', b'{"item_id":"i1","title":" "}', b"null", b"[1]",
        b'{"item_id":"i1","title":"T","categories":"a > b"}', b'{"item_id":"i2","title":"T"}', b'{"id":1}',
    ]  # fmt: skip
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(b'{"topic":"catalog.items.v1","key":"i1","value":%s}\n' % row for row in rows))
    faults: list[FieldFault] = []
    judged = [(record, list(map(str, faults))) for _, record in judged_lines(path, Settings(), faults=faults)]
    expected = [read(row) if row != b"null" else (ItemDeletion("i1"), []) for row in rows]
    assert judged == [
        (record, [] if isinstance(record, Rejection) else list(map(str, dropped))) for record, dropped in expected
    ]
    assert sum(isinstance(record, Rejection) for record, _ in judged) == 4


@pytest.mark.timeout(300)  # the first ranking compiles the kernels
def test_evaluation_withdraws_the_item_of_a_refused_row(tmp_path: Path) -> None:
    row = {"topic": "catalog.items.v1", "value": {"item_id": "i1", "title": "Tea"}}
    refused = {"topic": "catalog.items.v1", "value": {"item_id": "i1", "title": None}}
    foreign = {"topic": "other.catalog.items.v1", "value": {"item_id": "i2", "title": "Tea"}}
    path = tmp_path / "f.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in (row, refused, foreign)))
    read = [record for _, record in _Input(path, Settings()).records()]
    assert read == [CatalogItem("i1", "Tea"), ItemWithdrawal("i1")]
    clicks = [Click(f"e{n}", f"u{n // 3}", item, NOW + n) for n, item in enumerate(["i1", "i3", "i4"] * 5)]
    run = _Run(Parameters(), 0)
    for number, record in enumerate([*read, *clicks]):
        run.take(number, record)
    proposal = run.recommender.propose(UserState.fresh("new", Parameters()), now_ms=NOW + 99, limit=20)
    assert {run.index.ids[item] for item in proposal.items.tolist()} == {"i3", "i4"}


def test_the_document_names_every_field() -> None:
    text = (Path(__file__).parents[2] / "docs" / "catalogue.md").read_text("utf-8")
    for name in CatalogItem.__struct_fields__:
        assert re.search(rf"^\| .*`{name}`", text, re.MULTILINE), name
