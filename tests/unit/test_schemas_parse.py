"""Records, refusals and the written rules of `schemas.parse`."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from schemas.kinds import Kind
from schemas.limits import Limits
from schemas.parse import parse
from schemas.records import (
    Action,
    CatalogItem,
    Click,
    CutSearch,
    Impression,
    ItemDeletion,
    Purchase,
    Search,
)
from schemas.rejection import Rejection, RejectionCode
from tests.record_bytes import encode_record, record_key

NOW = 1_772_359_200_000
AT = "2026-03-01T10:00:00Z"
CLICK = {"event_id": "e1", "user_id": "u1", "item_id": "i1", "occurred_at": AT}
SEARCH = {"event_id": "e1", "user_id": "u1", "query": "green tea", "occurred_at": AT}
IMPRESSION = {"event_id": "e1", "user_id": "u1", "item_ids": ["i1", "i2"], "occurred_at": AT}
ITEM = {"item_id": "i1", "title": "Green Tea"}
VALUES = {Kind.CLICK: CLICK, Kind.SEARCH: SEARCH, Kind.PURCHASE: CLICK, Kind.IMPRESSION: IMPRESSION, Kind.CATALOG: ITEM}


def read(kind: Kind, value: Any, **arguments: Any) -> Any:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return parse(kind, text, **({"now_ms": NOW} | arguments))


def refusal(kind: Kind, value: Any, **arguments: Any) -> Rejection:
    result = read(kind, value, **arguments)
    assert isinstance(result, Rejection), result
    result.message.encode()
    result.hint.encode()
    assert len(result.message) < 300
    return result


def test_all_fields_of_each_kind() -> None:
    click = read(Kind.CLICK, CLICK | {"action": "rate", "value": 4, "session_id": "s", "recommendation_id": "r",
                                      "position": 0, "locale": "en"})  # fmt: skip
    assert click == Click("e1", "u1", "i1", NOW, Action.RATE, 4.0, "s", "r", 0, "en")
    search = read(Kind.SEARCH, SEARCH | {"results": ["i1"], "session_id": "s", "locale": "en"})
    assert search == Search("e1", "u1", "green tea", NOW, ("i1",), "s", "en")
    purchase = read(Kind.PURCHASE, CLICK | {"quantity": 2, "price": 12.5, "currency": "EUR", "order_id": "o"})
    assert purchase == Purchase("e1", "u1", "i1", NOW, 2, 12.5, "EUR", "o")
    assert read(Kind.IMPRESSION, IMPRESSION) == Impression("e1", "u1", ("i1", "i2"), NOW)
    row = {"description": "d", "categories": ["tea"], "attributes": {"a": 1, "b": ["x", None]}, "price": 3,
           "currency": "EUR", "available": False, "expires_at": AT, "locale": "en",
           "vectors": {"v": [1, 0.5]}}  # fmt: skip
    assert read(Kind.CATALOG, ITEM | row) == CatalogItem(
        "i1", "Green Tea", "d", ("tea",), {"a": 1, "b": ("x", None)}, 3.0, "EUR", False, NOW, "en", {"v": (1.0, 0.5)}
    )


def test_null_means_the_default() -> None:
    assert read(Kind.CLICK, CLICK | {"action": None, "value": None, "position": None}) == read(Kind.CLICK, CLICK)
    assert read(Kind.SEARCH, SEARCH | {"results": None}) == read(Kind.SEARCH, SEARCH)
    assert read(Kind.PURCHASE, CLICK | {"quantity": None}) == read(Kind.PURCHASE, CLICK)
    nulls = dict.fromkeys(("categories", "attributes", "available", "vectors", "description", "expires_at"))
    assert read(Kind.CATALOG, ITEM | nulls) == read(Kind.CATALOG, ITEM) == CatalogItem("i1", "Green Tea")


@pytest.mark.parametrize("kind", list(Kind))
def test_unknown_fields_are_ignored(kind: Kind) -> None:
    assert read(kind, VALUES[kind] | {"new": {"deep": [1, {"x": None}]}}) == read(kind, VALUES[kind])


@pytest.mark.parametrize("kind", list(Kind))
def test_what_is_encoded_is_read_again(kind: Kind) -> None:
    record = read(kind, VALUES[kind])
    value = encode_record(record)
    assert value is not None and read(kind, value, key=record_key(record)) == record


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.CATALOG])
@pytest.mark.parametrize(
    ("key", "code"),
    [
        (None, RejectionCode.NULL_KEY),
        (b"", RejectionCode.EMPTY_KEY),
        (b"u2", RejectionCode.KEY_MISMATCH),
        (b"\xff\xfe", RejectionCode.KEY_MISMATCH),
        (b"x" * 10_000, RejectionCode.KEY_MISMATCH),
    ],
)
def test_the_key_is_the_users_id(kind: Kind, key: bytes | None, code: RejectionCode) -> None:
    assert refusal(kind, VALUES[kind], key=key).code is code
    assert not isinstance(read(kind, VALUES[kind], key=b"u1"), Rejection)


def test_a_key_in_json_quotes_gets_a_hint() -> None:
    assert "without quotes" in refusal(Kind.CLICK, CLICK, key=b'"u1"').hint


def test_deletion_takes_its_item_from_the_key() -> None:
    assert parse(Kind.CATALOG, None, key=b"i1", now_ms=NOW) == ItemDeletion("i1")
    for key, code in (
        (None, RejectionCode.NULL_KEY),
        (b"", RejectionCode.EMPTY_KEY),
        (b"\xff", RejectionCode.BAD_ID),
        (b"x" * 257, RejectionCode.BAD_ID),
    ):
        result = parse(Kind.CATALOG, None, key=key, now_ms=NOW)
        assert isinstance(result, Rejection) and result.code is code
    result = parse(Kind.CATALOG, None, now_ms=NOW)
    assert isinstance(result, Rejection) and result.code is RejectionCode.NULL_KEY
    for kind in (Kind.CLICK, Kind.SEARCH, Kind.PURCHASE, Kind.IMPRESSION):
        result = parse(kind, None, key=b"u1", now_ms=NOW)
        assert isinstance(result, Rejection) and result.code is RejectionCode.NULL_VALUE


DEEP = b'{"event_id":"e","x":' + b"[" * 17 + b"]" * 17 + b"}"
BROKEN: list[tuple[bytes, RejectionCode, str]] = [
    (b"", RejectionCode.BROKEN_JSON, "null value"),
    (b"  ", RejectionCode.BROKEN_JSON, "null value"),
    (b"hello", RejectionCode.BROKEN_JSON, ""),
    (b'{"event_id":"e1"', RejectionCode.BROKEN_JSON, ""),
    (b'{"event_id":"e1"} x', RejectionCode.BROKEN_JSON, ""),
    (b'{"event_id":7,"user_id":"u1', RejectionCode.BROKEN_JSON, ""),
    (b'\xef\xbb\xbf{"event_id":"e1"}', RejectionCode.BROKEN_JSON, "without"),
    (b'\xff\xfe{\x00"\x00', RejectionCode.BROKEN_JSON, "UTF-16"),
    (b'\x00\x00\x00\x00\x01{"event_id":"e1"}', RejectionCode.BROKEN_JSON, "registry"),
    (b'{"event_id":"\xff"}', RejectionCode.BROKEN_JSON, ""),
    (b'{"x":"\xff"}', RejectionCode.BROKEN_JSON, ""),
    (b'{"event_id":"e","value":NaN}', RejectionCode.BROKEN_JSON, "no NaN"),
    (b'{"event_id":"e","value":-Infinity}', RejectionCode.BROKEN_JSON, "no NaN"),
    (b'{"event_id":"e","value":1e999}', RejectionCode.NOT_FINITE, ""),
    (DEEP, RejectionCode.TOO_DEEP, ""),
    (b'{"x":' * 50_000, RejectionCode.TOO_DEEP, ""),
    (b"[" * 200_000, RejectionCode.TOO_DEEP, ""),
    (b'{"x":"' + b"a" * (10 << 20) + b'"}', RejectionCode.TOO_LARGE, ""),
    (b"[]", RejectionCode.NOT_A_RECORD, ""),
    (b'"text"', RejectionCode.NOT_A_RECORD, ""),
    (b"null", RejectionCode.NOT_A_RECORD, "without a value"),
    (b"{}", RejectionCode.MISSING_FIELD, ""),
]


@pytest.mark.parametrize(("value", "code", "hint"), BROKEN, ids=[str(text[:20]) for text, _, _ in BROKEN])
def test_broken_values(value: bytes, code: RejectionCode, hint: str) -> None:
    for kind in Kind:
        result = refusal(kind, value)
        if kind is Kind.CLICK or code not in (RejectionCode.NOT_FINITE,):  # only clicks have a `value`
            assert result.code is code, (kind, result)
            assert hint in result.hint


def test_depth_counts_no_brackets_in_texts_and_none_side_by_side() -> None:
    assert isinstance(read(Kind.CATALOG, {"item_id": "i1", "title": "[" * 100 + '"' + "{" * 100 + "\\"}), CatalogItem)
    assert isinstance(read(Kind.CLICK, CLICK | {"x": [[]] * 100}), Click)
    fifteen: Any = "bottom"
    for _ in range(15):
        fifteen = [fifteen]
    assert isinstance(read(Kind.CLICK, CLICK | {"x": fifteen}), Click)
    assert refusal(Kind.CLICK, CLICK | {"x": [fifteen]}).code is RejectionCode.TOO_DEEP


FIELDS: list[tuple[Kind, dict[str, Any], RejectionCode, str]] = [
    (Kind.CLICK, {"user_id": None}, RejectionCode.MISSING_FIELD, "user_id"),
    (Kind.CLICK, {"user_id": 7}, RejectionCode.WRONG_TYPE, "quotes"),
    (Kind.CLICK, {"user_id": ""}, RejectionCode.BAD_ID, "user_id"),
    (Kind.CLICK, {"event_id": "x" * 257}, RejectionCode.BAD_ID, "event_id"),
    (Kind.CLICK, {"item_id": "茶" * 86}, RejectionCode.BAD_ID, "item_id"),  # 258 bytes in 86 characters
    (Kind.CLICK, {"action": "purchase"}, RejectionCode.OUT_OF_RANGE, "add_to_cart, favorite"),
    (Kind.CLICK, {"action": "x" * 100_000}, RejectionCode.OUT_OF_RANGE, "one of click"),
    (Kind.CLICK, {"action": 1}, RejectionCode.WRONG_TYPE, "action"),
    (Kind.CLICK, {"value": True}, RejectionCode.WRONG_TYPE, "value"),
    (Kind.CLICK, {"value": "4"}, RejectionCode.WRONG_TYPE, "without quotes"),
    (Kind.CLICK, {"position": -1}, RejectionCode.OUT_OF_RANGE, "position"),
    (Kind.CLICK, {"position": 1.0}, RejectionCode.WRONG_TYPE, "without a point"),
    (Kind.CLICK, {"locale": "x" * 257}, RejectionCode.TOO_LARGE, "locale"),
    (Kind.CLICK, {"session_id": 12}, RejectionCode.WRONG_TYPE, "session_id"),
    (Kind.SEARCH, {"results": ["i"] * 1001}, RejectionCode.TOO_LARGE, "results"),
    (Kind.SEARCH, {"results": ["i", ""]}, RejectionCode.BAD_ID, "results"),
    (Kind.SEARCH, {"results": "i1"}, RejectionCode.WRONG_TYPE, "results"),
    (Kind.IMPRESSION, {"item_ids": []}, RejectionCode.MISSING_FIELD, "item_ids"),
    (Kind.IMPRESSION, {"item_ids": ["i"] * 201}, RejectionCode.TOO_LARGE, "item_ids"),
    (Kind.IMPRESSION, {"item_ids": ["x" * 300]}, RejectionCode.BAD_ID, "item_ids"),
    (Kind.PURCHASE, {"quantity": 0}, RejectionCode.OUT_OF_RANGE, "quantity"),
    (Kind.PURCHASE, {"quantity": 2.5}, RejectionCode.WRONG_TYPE, "without a point"),
    (Kind.PURCHASE, {"price": -1}, RejectionCode.OUT_OF_RANGE, "price"),
    (Kind.CATALOG, {"title": ""}, RejectionCode.MISSING_FIELD, "title"),
    (Kind.CATALOG, {"title": "\u200b \n"}, RejectionCode.MISSING_FIELD, "title"),
    (Kind.CATALOG, {"title": "x" * 1001}, RejectionCode.TOO_LARGE, "title"),
    (Kind.CATALOG, {"title": None}, RejectionCode.MISSING_FIELD, "title is null"),
    (Kind.CATALOG, {"title": 12345}, RejectionCode.WRONG_TYPE, "title has to be str, not int: 12345"),
    (Kind.CATALOG, {"title": "(Not set)"}, RejectionCode.MISSING_FIELD, "title '(Not set)'"),
    (Kind.CATALOG, {"item_id": 7}, RejectionCode.WRONG_TYPE, "item_id has to be str, not int: 7"),
    (Kind.CATALOG, {"item_id": "茶" * 86}, RejectionCode.BAD_ID, "item_id"),
]


@pytest.mark.parametrize(
    ("kind", "change", "code", "part"), FIELDS, ids=[f"{k}-{str(c)[:40]}" for k, c, _, _ in FIELDS]
)
def test_bad_fields(kind: Kind, change: dict[str, Any], code: RejectionCode, part: str) -> None:
    result = refusal(kind, VALUES[kind] | change)
    assert result.code is code, result
    assert part in str(result)


def test_limits_are_settings() -> None:
    assert refusal(Kind.CLICK, CLICK, limits=Limits(max_bytes=10)).code is RejectionCode.TOO_LARGE
    assert read(Kind.SEARCH, SEARCH, limits=Limits(max_query_chars=3)).query == "gre"


@pytest.mark.parametrize("query", ["", "   ", " \t\u3000\u200b", "\u200b" * 5_000, "\u00ad\u2060"])
def test_a_query_with_nothing_visible_is_ignored(query: str) -> None:
    result = refusal(Kind.SEARCH, SEARCH | {"query": query})
    assert result.ignored and result.code is RejectionCode.BAD_TEXT


def test_only_visitors_are_forgiven() -> None:
    """A search for nothing that is malformed, too, is its producer's fault."""
    empty = SEARCH | {"query": ""}
    for change in ({"user_id": 7}, {"occurred_at": "yesterday"}, {"results": [""]}, {"query": 7}, {"query": None}):
        assert not refusal(Kind.SEARCH, empty | change).ignored, change
    wrong_key = parse(Kind.SEARCH, json.dumps(empty).encode(), key=b"another", now_ms=NOW)
    assert isinstance(wrong_key, Rejection) and not wrong_key.ignored


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        pytest.param("x" * 501, "x" * 500, id="one too many"),
        pytest.param("lamp " * 1_000, "lamp " * 100, id="pasted"),
        pytest.param("x" * 500 + " " * 500, "x" * 500, id="blanks behind it"),
        pytest.param("e\u0301" * 300, "e\u0301" * 250, id="accents stay with their letters"),
        pytest.param("x" + "e\u0301" * 300, "x" + "e\u0301" * 249, id="none is cut off"),
        pytest.param("x" * 499 + "👍🏽", "x" * 499, id="skin tone"),
        pytest.param("x" * 497 + "👩\u200d👩\u200d👧", "x" * 497, id="family"),
        pytest.param("x" * 499 + "ก็", "x" * 499, id="Thai vowel sign"),
        pytest.param("x" + "\u0301" * 9_999, "x" + "\u0301" * 499, id="piled up accents are cut all the same"),
    ],
)
def test_a_long_query_is_cut(query: str, kept: str) -> None:
    search = read(Kind.SEARCH, SEARCH | {"query": query})
    assert search.query == kept
    assert type(search) is CutSearch and type(read(Kind.SEARCH, SEARCH)) is Search
    assert msgspec.structs.asdict(search) | {"query": ""} == msgspec.structs.asdict(read(Kind.SEARCH, SEARCH)) | {
        "query": ""
    }


def test_edges_are_allowed() -> None:
    assert read(Kind.CLICK, CLICK | {"user_id": "茶" * 85 + "x"}).user_id == "茶" * 85 + "x"  # exactly 256 bytes
    assert read(Kind.SEARCH, SEARCH | {"query": "👊" * 500}).query == "👊" * 500
    assert read(Kind.CLICK, CLICK | {"user_id": "  \u2028\x00"}).user_id == "  \u2028\x00"  # ids are opaque
    assert read(Kind.CATALOG, ITEM | {"title": "Tea\x07\u200b\u202e"}).title == "Tea\x07\u200b\u202e"


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        (Kind.CLICK, {"action": "rate", "value": 1673858401132}),
        (Kind.CLICK, {"action": "rate", "value": 1e308}),
        (Kind.CLICK, {"action": "rate", "value": -1e308}),
        (Kind.PURCHASE, {"quantity": 1000000000}),
        (Kind.PURCHASE, {"price": 1e300}),
        (Kind.PURCHASE, {"quantity": 1000000000, "price": 1e300, "currency": "EUR"}),
    ],
)
def test_numbers_out_of_range_are_refused(kind: Kind, change: dict[str, Any]) -> None:
    result = refusal(kind, CLICK | change)
    assert result.code is RejectionCode.OUT_OF_RANGE
    assert isinstance(read(Kind.CLICK, CLICK | {"value": 1e9}), Click)
    assert isinstance(read(Kind.PURCHASE, CLICK | {"quantity": 1_000_000, "price": 1e12}), Purchase)


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [
        (Kind.CATALOG, rb'{"item_id":"i1","title":"Party \ud83d"}', "title"),
        (
            Kind.SEARCH,
            rb'{"event_id":"e1","user_id":"u1","query":"\udc4a cake","occurred_at":"2026-03-01T10:00:00Z"}',
            "query",
        ),
        (
            Kind.CLICK,
            rb'{"event_id":"e2","user_id":"u1","item_id":"\ud83d","occurred_at":"2026-03-01T10:00:00Z"}',
            "item_id",
        ),
        (Kind.CATALOG, rb'{"item_id":"\ud83d","title":"T"}', "item_id"),
        (
            Kind.CLICK,
            rb'{"event_id":"e2","user_id":"u1","item_id":"i","occurred_at":"2026-03-01T10:00:00Z","new":"\udc4a"}',
            "new",
        ),
    ],
)
def test_half_pairs_are_refused_with_one_code(kind: Kind, value: bytes, field: str) -> None:
    result = refusal(kind, value)
    assert result.code is RejectionCode.BAD_TEXT
    assert field in result.message


@pytest.mark.parametrize(
    ("value", "part"),
    [
        (b'{"event_id":"e1"', "(byte 16)"),
        (b'{"event_id":"e1"} x', "(byte 19)"),
        (b'{"event_id":"\xff"}', "(byte 13)"),
        (b'{"event_id":"e","query":"NaN","value":-Infinity}', "(byte 38)"),
        (b'{"x":' * 17, "(byte 80)"),
        (b'{"event_id":["e1"]}', "not array: ['e1']"),
        (b'{"event_id":"e1","user_id":"u1","item_id":true}', "not bool: True"),
    ],
)
def test_a_refusal_names_the_place_or_the_value(value: bytes, part: str) -> None:
    assert part in refusal(Kind.CLICK, value).message


def test_the_value_in_a_list_is_shown_alone() -> None:
    assert "item_ids[1] has to be str, not int: 7" in str(refusal(Kind.IMPRESSION, IMPRESSION | {"item_ids": ["a", 7]}))


def test_a_whole_pair_is_one_character() -> None:
    assert read(Kind.CATALOG, rb'{"item_id":"i2","title":"Party \ud83d\udc4a"}').title == "Party \U0001f44a"


def test_messages_never_repeat_much_of_the_input() -> None:
    long = "secret " * 5_000
    for change in ({"action": long}, {"occurred_at": long}, {"user_id": long}, {"value": long}, {"event_id": [long]}):
        assert str(refusal(Kind.CLICK, CLICK | change)).count("secret") <= 28  # 200 characters
    assert str(refusal(Kind.CLICK, json.dumps(long).encode())).count("secret") <= 28


def test_bytes_that_are_not_utf8_are_refused_in_unknown_fields_too() -> None:
    value = json.dumps(CLICK)[:-1].encode() + b',"new":"\xff"}'
    assert refusal(Kind.CLICK, value).code is RejectionCode.BROKEN_JSON
