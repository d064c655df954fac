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
CHANGE = "a change envelope: unwrap before the topic"
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
    ({"before": None, "after": {"item_id": "i1", "title": "Lamp"}, "op": "c", "ts_ms": 1}, CHANGE),
    ({"schema": {}, "payload": {"before": None, "after": {"item_id": "i1", "title": "Lamp"}, "op": "u"}}, CHANGE),
    ({"before": {"item_id": "i1"}, "after": None, "op": "d"}, CHANGE),
    ({"database": "shop", "table": "items", "type": "insert", "ts": 1, "data": {"id": 1}}, CHANGE),
    ({"data": {"id": 1}, "metadata": {"operation": "update", "table-name": "items"}}, CHANGE),
    (
        {"id": 632910392, "title": "IPod", "body_html": "<p>x</p>", "variants": [{"price": "199.00"}]},
        "a Shopify product",
    ),
    ({"id": 1, "name": "Mug", "regular_price": "9", "stock_status": "instock"}, "a WooCommerce product"),
    ({"sku": "s1", "name": "Mug", "type_id": "simple", "custom_attributes": []}, "a Magento product"),
    ({"event": "purchase", "ecommerce": {"items": []}}, "a data layer push of Google Tag Manager"),
    ({"item_id": "SKU1", "item_name": "Mug", "item_category": "Home", "price": 9}, "a GA4 item"),
    ({"id": "P1", "name": "Mug", "category": "Home", "variant": "red"}, "a product of an analytics tool's data layer"),
    ({"ITEM_ID": "i1", "CATEGORY_L1": "Home", "CREATION_TIMESTAMP": 1}, "an AWS Personalize row"),
    ({"USER_ID": "u", "ITEM_ID": "i", "TIMESTAMP": 1, "EVENT_TYPE": "click"}, "an AWS Personalize row"),
    ({"trackingId": "t", "userId": "u", "sessionId": "s", "eventList": []}, "an AWS Personalize request"),
    ({"type": "track", "event": "Product Viewed", "rudderId": "r", "channel": "web"}, "a Segment call"),
    ({"schema": "iglu:com.acme/click/jsonschema/1-0-0", "data": {}}, "a Snowplow event"),
    ({"idSite": 1, "idVisit": 5, "actionDetails": []}, "a Matomo visit or hit"),
    ({"idsite": 1, "rec": 1, "action_name": "x", "_id": "0123456789abcdef"}, "a Matomo visit or hit"),
    ({"@context": "https://schema.org", "@type": "Product", "name": "Mug", "sku": "s"}, "schema.org JSON-LD"),
    ({"id": "1", "title": "Mug", "image_link": "x", "availability": "in stock"}, "a Google Merchant feed entry"),
    ({"id": "1", "title": "Mug", "priceInfo": {"price": 1}}, "a Google Retail product"),
    ({"objectID": "1", "name": "Mug"}, "an Algolia record"),
    ({"user_id": "u", "event_type": "view", "event_properties": {}}, "an Amplitude event"),
    ({"event": "view", "properties": {"distinct_id": "u"}}, "a Mixpanel or PostHog event"),
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
    assert line.problem.message == expected and line.problem.hint, "it says what to do"
    result = parse(Kind.PURCHASE, json.dumps(row).encode(), now_ms=1_772_359_200_000)
    assert isinstance(result, Rejection) and result.message == expected and result.hint == line.problem.hint


def test_an_id_in_another_field_is_pointed_at() -> None:
    result = parse(Kind.CATALOG, b'{"id":632910392}', now_ms=1)
    assert str(result) == "item_id is missing (is it in id? The field has to be called item_id)"


def test_columns_between_tabs_are_named() -> None:
    result = parse(Kind.CLICK, b"\t".join([b"shop"] * 131), now_ms=1)
    assert isinstance(result, Rejection) and "Snowplow" in result.hint


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
