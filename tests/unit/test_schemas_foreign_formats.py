"""Records of other systems are refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.foreign_formats import looks_like
from schemas.kinds import Kind
from schemas.parse import parse
from schemas.rejection import Rejection, RejectionCode
from schemas.replay_file import read_lines

GA4 = {
    "event_date": "20260301",
    "event_timestamp": "1772359200431476",
    "event_name": "purchase",
    "event_params": [{"key": "ga_session_id", "value": {"string_value": None, "int_value": "1772359175"}}],
    "user_id": None,
    "user_pseudo_id": "1166526666.1772359176",
    "ecommerce": {"transaction_id": "T-1"},
    "items": [{"item_id": "SKU1", "item_name": "Mug", "price": "12.5", "quantity": "2"}],
}
GORSE_ITEMS = [
    {
        "ItemId": "i1",
        "IsHidden": False,
        "Categories": None,
        "Timestamp": "0001-01-01T00:00:00Z",
        "Labels": {"embedding": [0.1, 0.2], "topics": ["a"]},
        "Comment": "Green Tea",
    },
    {
        "ItemId": "i2",
        "IsHidden": True,
        "Categories": ["tea"],
        "Timestamp": "2026-03-01T10:00:00Z",
        "Labels": ["x"],
        "Comment": "",
    },
]
GORSE_FEEDBACK = {
    "FeedbackType": "read",
    "UserId": "u1",
    "ItemId": "i1",
    "Value": 0,
    "Timestamp": "0001-01-01T00:00:00Z",
    "Updated": "0001-01-01T00:00:00Z",
    "Labels": None,
    "Comment": "",
}
FORMATS: list[tuple[dict[str, Any], str]] = [
    (GA4, "a GA4 export row"),
    (GORSE_ITEMS[0], "a Gorse item"),
    (GORSE_ITEMS[1], "a Gorse item"),
    (GORSE_FEEDBACK, "Gorse feedback"),
    ({"UserId": "u1", "Labels": ["a"], "Subscribe": None}, "a Gorse user"),
    ({"type": "track", "event": "Product Added", "anonymousId": "a", "properties": {}}, "a Segment call"),
    ({"event": "interaction", "id": "1", "timestamp": "1599391467000", "user": "u", "item": "i"}, "a Metarank event"),
    (
        {"app_id": "shop", "collector_tstamp": "2026-03-01 10:00:00.000", "event_id": "e", "user_id": "u"},
        "a Snowplow event",
    ),
    ({"specversion": "1.0", "type": "click", "source": "/shop", "id": "1", "data": {}}, "a CloudEvents envelope"),
    ({"eventType": "add-to-cart", "visitorId": "v"}, "a Google Retail user event"),
    ({"client_id": "c", "events": [{"name": "purchase"}]}, "a GA4 Measurement Protocol request"),
]


@pytest.mark.parametrize(("row", "name"), FORMATS, ids=[name for _, name in FORMATS])
def test_a_foreign_row_is_named_as_line_and_as_value(row: dict[str, Any], name: str, tmp_path: Path) -> None:
    expected = f"not a Headwater record; looks like {name}"
    file = tmp_path / "export.jsonl"
    file.write_text(json.dumps(row) + "\n")
    (line,) = read_lines(file)
    assert line.number == 1 and line.value is None
    assert line.problem is not None and line.problem.code is RejectionCode.NOT_A_RECORD
    assert line.problem.message == expected
    result = parse(Kind.PURCHASE, json.dumps(row).encode(), now_ms=1_772_359_200_000)
    assert isinstance(result, Rejection) and result.message == expected


@pytest.mark.parametrize(
    "row",
    [
        {"event_id": "e", "user_id": "u", "item_id": "i", "occurred_at": 1},
        {"item_id": "i", "title": "T"},
        {"topic": "events.click.v1", "value": {}},
        {"timestamp": 1, "event": {"unhashable": []}},
        {"type": ["track"], "userId": 1},
        {},
        [],
        "text",
        None,
    ],
)
def test_our_own_and_unknown_rows_look_like_nothing(row: object) -> None:
    assert looks_like(row) is None
